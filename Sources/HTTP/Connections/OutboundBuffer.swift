// OutboundBuffer.swift: bytes on their way to one client, in order, appended at the end and sent from the front.

/// A byte queue over one array; keeps little memory when empty.
struct OutboundBuffer {
    /// Larger arrays are given back once they are sent.
    private static let keptBytesMax = 16 << 10

    private var bytes: [UInt8] = []
    private var sent = 0

    var count: Int { bytes.count - sent }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ build: (inout [UInt8]) -> Void) {
        // Sent bytes are dropped once they outweigh the rest, so that each byte moves at most once.
        if sent > 0 && sent >= count {
            bytes.removeFirst(sent)
            sent = 0
        }
        build(&bytes)
    }

    mutating func consume(_ count: Int) {
        precondition(count <= self.count, "more sent than there was")
        sent += count
        guard isEmpty else { return }
        sent = 0
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptBytesMax)
    }

    func withPending<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
    }

    /// Forgets everything.
    mutating func discard() {
        self = OutboundBuffer()
    }
}

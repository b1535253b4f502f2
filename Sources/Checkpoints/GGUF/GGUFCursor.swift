// GGUFCursor.swift: reads GGUF's primitive values in order, and never past the end.
// Every count and length is compared with the bytes that are left before it is used or allocated.

/// A position in a mapped GGUF file, with the name of what is being read for errors.
struct GGUFCursor {
    let path: String
    let bytes: UnsafeRawBufferPointer
    var offset = 0
    var subject = CheckpointError.Subject.header

    init(path: String, bytes: UnsafeRawBufferPointer) {
        self.path = path
        self.bytes = bytes
    }

    var bytesLeft: Int { bytes.count - offset }

    func error(_ fault: CheckpointError.Fault, at offset: Int? = nil) -> CheckpointError {
        CheckpointError(path: path, subject: subject, offset: offset ?? self.offset, fault: fault)
    }

    mutating func read<Value: FixedWidthInteger>(_: Value.Type) throws(CheckpointError) -> Value {
        let size = MemoryLayout<Value>.size
        try require(UInt64(size))
        defer { offset += size }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// A string of at most `limit` bytes.
    mutating func readString(limit: Int, quantity: String) throws(CheckpointError) -> String {
        let start = offset
        let length = try read(UInt64.self)
        guard length <= UInt64(limit) else {
            throw error(.overLimit(quantity: quantity, value: length, limit: limit), at: start)
        }
        try require(length)
        let text = bytes[offset..<(offset + Int(length))]
        guard let string = String(validating: text, as: UTF8.self) else {
            throw error(.invalidUTF8, at: start)
        }
        offset += Int(length)
        return string
    }

    /// A count of things that take at least `bytesMin` bytes each.
    mutating func readCount(
        bytesMin: Int, limit: Int? = nil, quantity: String
    ) throws(CheckpointError) -> Int {
        let start = offset
        let count = try read(UInt64.self)
        if let limit, count > UInt64(limit) {
            throw error(.overLimit(quantity: quantity, value: count, limit: limit), at: start)
        }
        guard count <= UInt64(bytesLeft / bytesMin) else {
            let needed = count.multipliedReportingOverflow(by: UInt64(bytesMin))
            let bytesNeeded = needed.overflow ? UInt64.max : needed.partialValue
            throw error(.truncated(bytesNeeded: bytesNeeded, bytesLeft: bytesLeft), at: start)
        }
        return Int(count)
    }

    mutating func readType() throws(CheckpointError) -> GGUFType {
        let start = offset
        let number = try read(UInt32.self)
        guard let type = GGUFType(rawValue: number) else {
            throw error(
                .wrongKind(expected: "a value type from 0 to 12, found \(number)"), at: start)
        }
        return type
    }

    func require(_ count: UInt64) throws(CheckpointError) {
        guard count <= UInt64(bytesLeft) else {
            throw error(.truncated(bytesNeeded: count, bytesLeft: bytesLeft))
        }
    }
}

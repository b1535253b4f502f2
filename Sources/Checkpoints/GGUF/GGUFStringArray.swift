// GGUFStringArray.swift: an array of byte strings in two flat buffers.
// A vocabulary has tens of thousands of short strings; one arena and one list of ends cost two
// allocations where an array of arrays costs one for each. The bytes need not be UTF-8.

/// Byte strings, in the order of the file. Element access costs one copy of its bytes.
public struct GGUFStringArray: Sendable, Hashable {
    /// All strings, one after the other.
    public let bytes: [UInt8]
    /// `[count]`: where each string ends in `bytes`; it begins where the one before ends.
    public let ends: [UInt32]

    init(bytes: [UInt8], ends: [UInt32]) {
        self.bytes = bytes
        self.ends = ends
    }

    public var count: Int { ends.count }

    /// The part of `bytes` that is string `index`.
    public func range(of index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])
    }

    public subscript(index: Int) -> [UInt8] { Array(bytes[range(of: index)]) }

    /// Each string as bytes.
    public var byteArrays: [[UInt8]] { ends.indices.map { self[$0] } }

    /// Each string as text; bytes that are not UTF-8 become U+FFFD.
    public var strings: [String] {
        bytes.withUnsafeBufferPointer { arena in
            ends.indices.map { String(decoding: arena[range(of: $0)], as: UTF8.self) }
        }
    }
}

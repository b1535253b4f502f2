// StableHash.swift: 64 bits that name a content from one start to the next, unlike Swift's own hashes.
// It tells things apart that are not made to collide; it is no signature.

public struct StableHash: Sendable {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func absorb(_ word: UInt64) {
        value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
        value ^= value >> 32
    }

    public mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        absorb(UInt64(bytes.count))
        var index = 0
        while index + 8 <= bytes.count {
            absorb(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        while index < bytes.count {
            absorb(UInt64(bytes[index]))
            index += 1
        }
    }

    public mutating func absorb(_ text: String) {
        var text = text
        text.withUTF8 { absorb(UnsafeRawBufferPointer($0)) }
    }
}

// ByteHash.swift: a fast hash of short byte strings for tables that live in one process.
// Not keyed: its tables are either built from the vocabulary alone or map each hash to one slot,
// so colliding inputs cost a miss, never a long chain.

enum ByteHash {
    @inline(__always)
    static func hash(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let raw = UnsafeRawPointer(bytes)
        var state = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        var offset = 0
        while count - offset >= 8 {
            let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            state = mix(state ^ word)
            offset += 8
        }
        let rest = count - offset
        if rest >= 4 {
            let low = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            let high = raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            state = mix(state ^ (UInt64(high) << 32 | UInt64(low)))
        } else if rest > 0 {
            let first = UInt64(bytes[offset])
            let middle = UInt64(bytes[offset + rest / 2])
            let last = UInt64(bytes[count - 1])
            state = mix(state ^ (first | middle << 8 | last << 16))
        }
        return mix(state)
    }

    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }
}

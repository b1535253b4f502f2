// UTF8Width.swift: how many bytes a character takes, told from its first byte.

enum UTF8Width {
    /// 1 for ASCII and for bytes that begin no character.
    @inline(__always)
    static func of(leading byte: UInt8) -> Int {
        if byte < 0xC2 { return 1 }
        if byte < 0xE0 { return 2 }
        if byte < 0xF0 { return 3 }
        return byte < 0xF5 ? 4 : 1
    }
}

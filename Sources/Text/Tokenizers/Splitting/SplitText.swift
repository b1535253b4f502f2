// SplitText.swift: the bytes of a text under split, read character by character.
// The bytes are valid UTF-8: they come from a `String`, and no splitter cuts inside a character.

struct SplitText {
    let base: UnsafePointer<UInt8>
    let table: CharacterTable

    @inline(__always)
    init(_ base: UnsafePointer<UInt8>) {
        self.base = base
        table = CharacterTable.shared
    }

    @inline(__always)
    func scalar(at offset: Int) -> (value: UInt32, width: Int) {
        let first = base[offset]
        if first < 0x80 { return (UInt32(first), 1) }
        let second = UInt32(base[offset + 1] & 0x3F)
        if first < 0xE0 { return (UInt32(first & 0x1F) << 6 | second, 2) }
        let third = UInt32(base[offset + 2] & 0x3F)
        if first < 0xF0 { return (UInt32(first & 0x0F) << 12 | second << 6 | third, 3) }
        let fourth = UInt32(base[offset + 3] & 0x3F)
        return (UInt32(first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
    }

    @inline(__always)
    func kind(at offset: Int) -> (kind: CharacterKind, width: Int) {
        let (value, width) = scalar(at: offset)
        return (table.kind(of: value), width)
    }

    /// The end of the run of characters of `kinds` from `start` on.
    @inline(__always)
    func run(of kinds: CharacterKind, from start: Int, to end: Int) -> Int {
        var offset = start
        while offset < end {
            let (kind, width) = kind(at: offset)
            if kind.isDisjoint(with: kinds) { break }
            offset += width
        }
        return offset
    }

    /// The end of the run of characters of none of `kinds`.
    @inline(__always)
    func run(without kinds: CharacterKind, from start: Int, to end: Int) -> Int {
        var offset = start
        while offset < end {
            let (kind, width) = kind(at: offset)
            if !kind.isDisjoint(with: kinds) { break }
            offset += width
        }
        return offset
    }

    /// The start of the character that ends at `offset`.
    @inline(__always)
    func characterStart(before offset: Int) -> Int {
        var start = offset - 1
        while base[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    @inline(__always)
    func isNewline(at offset: Int) -> Bool { base[offset] == 0x0A || base[offset] == 0x0D }
}

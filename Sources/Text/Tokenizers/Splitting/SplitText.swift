// SplitText.swift: the bytes of a text under split, read character by character.
// The bytes are UTF-8: they come from a `String`, normalizers repair what they make, and neither
// added tokens nor splitters cut inside a character. Should one ever do so, the text still ends
// where it ends: nothing outside it is read.

struct SplitText {
    let base: UnsafePointer<UInt8>
    let count: Int
    let table: CharacterTable.View

    init(_ base: UnsafePointer<UInt8>, count: Int) {
        self.base = base
        self.count = count
        table = CharacterTable.shared.view
    }

    @inline(__always)
    func scalar(at offset: Int) -> (value: UInt32, width: Int) {
        let first = base[offset]
        if first < 0x80 { return (UInt32(first), 1) }
        if offset + 4 > count { return lastScalar(at: offset) }
        let second = UInt32(base[offset + 1] & 0x3F)
        if first < 0xE0 { return (UInt32(first & 0x1F) << 6 | second, 2) }
        let third = UInt32(base[offset + 2] & 0x3F)
        if first < 0xF0 { return (UInt32(first & 0x0F) << 12 | second << 6 | third, 3) }
        let fourth = UInt32(base[offset + 3] & 0x3F)
        return (UInt32(first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
    }

    /// `scalar` where a character may be cut off by the end.
    @inline(never)
    private func lastScalar(at offset: Int) -> (value: UInt32, width: Int) {
        let width = UTF8Width.of(leading: base[offset])
        guard width > 1, offset + width <= count else { return (0xFFFD, 1) }
        var value = UInt32(base[offset]) & (0x7F >> UInt32(width))
        for place in offset + 1..<offset + width { value = value << 6 | UInt32(base[place] & 0x3F) }
        return (value, width)
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
        while start > 0, base[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    @inline(__always)
    func isNewline(at offset: Int) -> Bool { base[offset] == 0x0A || base[offset] == 0x0D }
}

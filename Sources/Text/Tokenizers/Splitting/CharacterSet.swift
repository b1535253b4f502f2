// CharacterSet.swift: a set of characters as a split pattern writes it: categories, ranges, scripts.

struct CharacterSet: Sendable, Hashable {
    /// One bit per general category, in the order of `CharacterTable.categoryNames`.
    var categories: UInt32 = 0
    var hasSpace = false
    var ranges: [ClosedRange<UInt32>] = []
    /// Sets of which any may hold the character; for nested and negated classes.
    var nested: [CharacterSet] = []
    /// Sets that must hold the character too: `[a-z&&[^aeiou]]`.
    var required: [CharacterSet] = []
    var isNegated = false

    func contains(_ value: UInt32, _ table: CharacterTable) -> Bool {
        var found = false
        if categories != 0 { found = categories & (1 << UInt32(table.category(of: value))) != 0 }
        if !found, hasSpace { found = table.kind(of: value) == .space }
        if !found { found = ranges.contains { $0.contains(value) } }
        if !found { found = nested.contains { $0.contains(value, table) } }
        if found { found = required.allSatisfy { $0.contains(value, table) } }
        return found != isNegated
    }

    static func scalar(_ value: UInt32) -> CharacterSet { CharacterSet(ranges: [value...value]) }

    static let whiteSpace = CharacterSet(hasSpace: true)
    static let digits = category("Nd")!
    /// `\w`: letters, marks, decimal numbers, connectors, and the two joiners.
    static let wordCharacters: CharacterSet = {
        var set = CharacterSet(ranges: [0x200C...0x200D])
        for name in ["L", "M", "Nd", "Nl", "Pc"] { set.categories |= category(name)!.categories }
        return set
    }()

    var negated: CharacterSet {
        var copy = self
        copy.isNegated.toggle()
        return copy
    }

    /// The set of `\p{name}`, or nil. A single letter names all its categories.
    static func category(_ name: String) -> CharacterSet? {
        if name == "Han" || name == "Script=Han" { return han }
        var set = CharacterSet()
        for (number, category) in CharacterTable.categoryNames.enumerated()
        where category == name || (name.utf8.count == 1 && category.hasPrefix(name)) {
            set.categories |= 1 << UInt32(number)
        }
        return set.categories == 0 ? nil : set
    }

    /// Script=Han, Unicode 16: Scripts.txt.
    private static let han = CharacterSet(ranges: [
        0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0x3005...0x3005, 0x3007...0x3007,
        0x3021...0x3029, 0x3038...0x303B, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFA6D,
        0xFA70...0xFAD9, 0x16FE2...0x16FE3, 0x16FF0...0x16FF1, 0x20000...0x2A6DF, 0x2A700...0x2B739,
        0x2B740...0x2B81D, 0x2B820...0x2CEA1, 0x2CEB0...0x2EBE0, 0x2EBF0...0x2EE5D, 0x2F800...0x2FA1D,
        0x30000...0x3134A, 0x31350...0x323AF,
    ])

    /// The same set where upper and lower case are one. Only ASCII letters, the long s and the
    /// Kelvin sign are folded: split patterns ask for no others.
    var ignoringCase: CharacterSet {
        if isNegated { return negated.ignoringCase.negated }
        var copy = self
        let table = CharacterTable.shared
        for letter in UInt32(0x61)...0x7A {
            let upper = letter - 0x20
            if contains(letter, table) || contains(upper, table) {
                copy.ranges += [letter...letter, upper...upper]
                if letter == 0x73 { copy.ranges.append(0x17F...0x17F) }
                if letter == 0x6B { copy.ranges.append(0x212A...0x212A) }
            }
        }
        return copy
    }

    /// The bytes with which a character of this set may begin.
    var firstBytes: ByteSet {
        var set = ByteSet()
        let table = CharacterTable.shared
        for byte in UInt8(0)..<0x80 where contains(UInt32(byte), table) { set.insert(byte) }
        let isPlain = !isNegated && categories == 0 && !hasSpace && nested.isEmpty
        if isPlain, ranges.allSatisfy({ $0.upperBound < 0x80 }) { return set }
        for byte in UInt8(0x80)...0xFF { set.insert(byte) }
        return set
    }
}

// CharacterTable.swift: what kind of character a scalar is, as splitters ask it.
// The standard library knows; asking it costs too much per character, so its answers for the basic
// plane are tabulated once per process (two bytes each, about a millisecond). Other planes are asked.

/// The kinds that split patterns speak of. Upper holds Lu and Lt, other holds Lm and Lo.
struct CharacterKind: OptionSet, Sendable {
    let rawValue: UInt8

    static let upper = CharacterKind(rawValue: 1)
    static let lower = CharacterKind(rawValue: 2)
    static let otherLetter = CharacterKind(rawValue: 4)
    static let mark = CharacterKind(rawValue: 8)
    static let number = CharacterKind(rawValue: 16)
    static let punctuation = CharacterKind(rawValue: 32)
    static let symbol = CharacterKind(rawValue: 64)
    static let space = CharacterKind(rawValue: 128)

    static let letter: CharacterKind = [.upper, .lower, .otherLetter]
}

final class CharacterTable: Sendable {
    static let shared = CharacterTable()

    private let kinds: FrozenArray<UInt8>           // [65536]
    private let categories: FrozenArray<UInt8>      // [65536], bit number of the general category
    private static let tabulated = 0x10000

    private init() {
        let kinds = FrozenArray<UInt8>(repeating: 0, count: Self.tabulated) { _ in }
        categories = FrozenArray(repeating: 0, count: Self.tabulated) { base in
            for value in 0..<Self.tabulated {
                guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
                let category = scalar.properties.generalCategory
                base[value] = CharacterTable.number(of: category)
                kinds.base[value] = CharacterTable.kind(of: scalar, category).rawValue
            }
        }
        self.kinds = kinds
    }

    @inline(__always)
    func kind(of value: UInt32) -> CharacterKind {
        if value < 0x10000 { return CharacterKind(rawValue: kinds.base[Int(value)]) }
        return rareKind(of: value)
    }

    /// Bit number of the scalar's general category: see `CharacterSet.categories`.
    @inline(__always)
    func category(of value: UInt32) -> UInt8 {
        if value < 0x10000 { return categories.base[Int(value)] }
        guard let scalar = Unicode.Scalar(value) else { return Self.number(of: .unassigned) }
        return Self.number(of: scalar.properties.generalCategory)
    }

    @inline(never)
    private func rareKind(of value: UInt32) -> CharacterKind {
        guard let scalar = Unicode.Scalar(value) else { return [] }
        return Self.kind(of: scalar, scalar.properties.generalCategory)
    }

    private static func kind(of scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory) -> CharacterKind {
        // The splitters' \s is the White_Space property, which no letter, number or sign has.
        if scalar.properties.isWhitespace { return .space }
        switch category {
        case .uppercaseLetter, .titlecaseLetter: return .upper
        case .lowercaseLetter: return .lower
        case .modifierLetter, .otherLetter: return .otherLetter
        case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            return .punctuation
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return .symbol
        default: return []
        }
    }

    /// The two-letter names of the general categories, in the order of their bit numbers.
    static let categoryNames = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
        "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    private static func number(of category: Unicode.GeneralCategory) -> UInt8 {
        switch category {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }
}

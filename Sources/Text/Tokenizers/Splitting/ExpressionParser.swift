// ExpressionParser.swift: reads the subset of regular expressions that split patterns use:
// alternation, groups, inline (?i:), classes with properties, nesting and intersection, look-ahead,
// anchors, and greedy, lazy and possessive repeats. Anything else is an error naming its place.

indirect enum ExpressionNode {
    case set(CharacterSet)
    case sequence([ExpressionNode])
    case choice([ExpressionNode])
    case `repeat`(ExpressionNode, min: Int, max: Int?, RepeatMode)
    case look(ExpressionNode, isNegated: Bool)
    case begin
    case end
    case wordBoundary(isNegated: Bool)
}

enum RepeatMode: Sendable { case greedy, lazy, possessive }

struct ExpressionParser {
    private let pattern: String
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private static let depthMax = 32
    static let repeatMax = 1000

    init(_ pattern: String) {
        self.pattern = pattern
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws(TokenizerError) -> ExpressionNode {
        let node = try choice(ignoringCase: false)
        if position < scalars.count { throw failure("unbalanced )") }
        return node
    }

    private func failure(_ reason: String) -> TokenizerError {
        let offset = scalars[..<min(position, scalars.count)].reduce(0) { $0 + UTF8.width($1) }
        return .pattern(pattern, offset: offset, reason: reason)
    }

    private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard position + wanted.count <= scalars.count,
            scalars[position..<(position + wanted.count)].elementsEqual(wanted)
        else { return false }
        position += wanted.count
        return true
    }

    private mutating func choice(ignoringCase: Bool) throws(TokenizerError) -> ExpressionNode {
        depth += 1
        defer { depth -= 1 }
        if depth > Self.depthMax { throw failure("groups nest deeper than \(Self.depthMax)") }
        var isFolded = ignoringCase
        var options: [ExpressionNode] = []
        repeat { options.append(try sequence(&isFolded)) } while take("|")
        return options.count == 1 ? options[0] : .choice(options)
    }

    private mutating func sequence(_ isFolded: inout Bool) throws(TokenizerError) -> ExpressionNode {
        var items: [ExpressionNode] = []
        while let scalar = current, scalar != "|", scalar != ")" {
            if take("(?i)") {
                isFolded = true
                continue
            }
            items.append(try repeated(try atom(isFolded)))
        }
        return .sequence(items)
    }

    private mutating func atom(_ isFolded: Bool) throws(TokenizerError) -> ExpressionNode {
        if take("(") { return try group(isFolded) }
        if take("[") { return .set(folded(try set(), isFolded)) }
        if take("^") { return .begin }
        if take("$") { return .end }
        if take(".") { return .set(CharacterSet.scalar(0x0A).negated) }
        if take("\\b") { return .wordBoundary(isNegated: false) }
        if take("\\B") { return .wordBoundary(isNegated: true) }
        if take("\\") { return .set(folded(try escape(), isFolded)) }
        guard let scalar = current else { throw failure("unexpected end") }
        if "*+?".unicodeScalars.contains(scalar) { throw failure("nothing to repeat") }
        position += 1
        return .set(folded(.scalar(scalar.value), isFolded))
    }

    private func folded(_ set: CharacterSet, _ isFolded: Bool) -> CharacterSet {
        isFolded ? set.ignoringCase : set
    }

    private mutating func group(_ isFolded: Bool) throws(TokenizerError) -> ExpressionNode {
        let node: ExpressionNode
        if take("?:") {
            node = try choice(ignoringCase: isFolded)
        } else if take("?i:") {
            node = try choice(ignoringCase: true)
        } else if take("?=") {
            node = .look(try choice(ignoringCase: isFolded), isNegated: false)
        } else if take("?!") {
            node = .look(try choice(ignoringCase: isFolded), isNegated: true)
        } else if current == "?" {
            throw failure("unknown group")
        } else {
            node = try choice(ignoringCase: isFolded)
        }
        if !take(")") { throw failure("missing )") }
        return node
    }

    private mutating func repeated(_ node: ExpressionNode) throws(TokenizerError) -> ExpressionNode {
        let least: Int
        let most: Int?
        if take("?") {
            (least, most) = (0, 1)
        } else if take("*") {
            (least, most) = (0, nil)
        } else if take("+") {
            (least, most) = (1, nil)
        } else if current == "{", let counts = counts() {
            (least, most) = counts
        } else {
            return node
        }
        if max(least, most ?? 0) > Self.repeatMax || (most ?? least) < least {
            throw failure("repeat count beyond \(Self.repeatMax) or reversed")
        }
        let mode: RepeatMode = take("+") ? .possessive : take("?") ? .lazy : .greedy
        return .repeat(node, min: least, max: most, mode)
    }

    /// Reads `{m}`, `{m,}` or `{m,n}`; anything else is ordinary text.
    private mutating func counts() -> (Int, Int?)? {
        let start = position
        position += 1
        if let least = number() {
            if take("}") { return (least, least) }
            if take(",") {
                if take("}") { return (least, nil) }
                if let most = number(), take("}") { return (least, most) }
            }
        }
        position = start
        return nil
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = current, ("0"..."9").contains(scalar), (value ?? 0) <= Self.repeatMax {
            value = (value ?? 0) * 10 + Int(scalar.value - 0x30)
            position += 1
        }
        return value
    }

    /// A class, after its opening bracket.
    private mutating func set() throws(TokenizerError) -> CharacterSet {
        depth += 1
        defer { depth -= 1 }
        if depth > Self.depthMax { throw failure("classes nest deeper than \(Self.depthMax)") }
        var result = CharacterSet()
        result.isNegated = take("^")
        var isFirst = true
        while true {
            guard let scalar = current else { throw failure("missing ]") }
            if scalar == "]", !isFirst { break }
            isFirst = false
            if take("&&") {
                // Everything read so far must also be in what follows.
                result.required.append(take("[") ? try set() : try rest())
                continue
            }
            if take("[") {
                result.nested.append(try set())
                continue
            }
            let item = try setItem()
            guard let low = item.single, current == "-", position + 1 < scalars.count,
                scalars[position + 1] != "]"
            else {
                result.merge(item)
                continue
            }
            position += 1
            guard let high = try setItem().single, high >= low else { throw failure("bad range") }
            result.ranges.append(low...high)
        }
        position += 1
        return result
    }

    /// The operand of `&&` when it has no brackets: items up to the end of the class.
    private mutating func rest() throws(TokenizerError) -> CharacterSet {
        var result = CharacterSet()
        while let scalar = current, scalar != "]" { result.merge(try setItem()) }
        return result
    }

    private mutating func setItem() throws(TokenizerError) -> CharacterSet {
        if take("\\") { return try escape() }
        guard let scalar = current else { throw failure("missing ]") }
        position += 1
        return .scalar(scalar.value)
    }

    /// What follows a backslash.
    private mutating func escape() throws(TokenizerError) -> CharacterSet {
        guard let scalar = current else { throw failure("lone backslash") }
        position += 1
        switch scalar {
        case "r": return .scalar(0x0D)
        case "n": return .scalar(0x0A)
        case "t": return .scalar(0x09)
        case "f": return .scalar(0x0C)
        case "v": return .scalar(0x0B)
        case "s": return .whiteSpace
        case "S": return CharacterSet.whiteSpace.negated
        case "d": return .digits
        case "D": return CharacterSet.digits.negated
        case "w": return .wordCharacters
        case "W": return CharacterSet.wordCharacters.negated
        case "p", "P": return try property(isNegated: scalar == "P")
        case "x", "u": return .scalar(try hexadecimal(digits: scalar == "x" ? 2 : 4))
        default:
            if scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) { throw failure("unknown escape") }
            return .scalar(scalar.value)
        }
    }

    private mutating func property(isNegated: Bool) throws(TokenizerError) -> CharacterSet {
        var name = ""
        if take("{") {
            while let scalar = current, scalar != "}" {
                name.unicodeScalars.append(scalar)
                position += 1
            }
            if !take("}") { throw failure("missing }") }
        } else if let scalar = current {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        var isNegated = isNegated
        if name.hasPrefix("^") {
            isNegated.toggle()
            name.removeFirst()
        }
        guard let set = CharacterSet.category(name) else { throw failure("unknown property \(name)") }
        return isNegated ? set.negated : set
    }

    private mutating func hexadecimal(digits: Int) throws(TokenizerError) -> UInt32 {
        var text = ""
        if take("{") {
            while let scalar = current, scalar != "}", text.utf8.count < 6 {
                text.unicodeScalars.append(scalar)
                position += 1
            }
            if !take("}") { throw failure("missing }") }
        } else {
            while let scalar = current, text.utf8.count < digits {
                text.unicodeScalars.append(scalar)
                position += 1
            }
        }
        guard let value = UInt32(text, radix: 16), value <= 0x10FFFF else { throw failure("bad code point") }
        return value
    }
}

extension CharacterSet {
    /// The one character this set holds, when it is written as one.
    fileprivate var single: UInt32? {
        guard categories == 0, !hasSpace, nested.isEmpty, required.isEmpty, !isNegated, ranges.count == 1,
            ranges[0].lowerBound == ranges[0].upperBound
        else { return nil }
        return ranges[0].lowerBound
    }

    fileprivate mutating func merge(_ other: CharacterSet) {
        if other.isNegated || !other.required.isEmpty {
            nested.append(other)
        } else {
            categories |= other.categories
            hasSpace = hasSpace || other.hasSpace
            ranges += other.ranges
            nested += other.nested
        }
    }
}

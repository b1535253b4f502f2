// SplitText+Words.swift: the hand-written splitters. Each function is one pattern's alternatives,
// tried in the pattern's order; comments quote the alternative. Every one is linear in what it eats.

extension SplitText {
    private static let apostrophe: UInt8 = 0x27

    /// The end of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at `start`, or nil. Case folding makes the long s
    /// (U+017F) an s.
    @inline(__always)
    private func contraction(_ start: Int, _ end: Int, ignoringCase: Bool) -> Int? {
        guard base[start] == Self.apostrophe, start + 1 < end else { return nil }
        let fold: UInt8 = ignoringCase ? 0x20 : 0
        let first = base[start + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start + 2 < end && base[start + 2] | fold == UInt8(ascii: "e") ? start + 3 : nil
        case UInt8(ascii: "l"):
            return start + 2 < end && base[start + 2] | fold == UInt8(ascii: "l") ? start + 3 : nil
        default:
            let isLongS = ignoringCase && base[start + 1] == 0xC5 && start + 2 < end && base[start + 2] == 0xBF
            return isLongS ? start + 3 : nil
        }
    }

    /// The end of `\s+(?!\S)|\s+` at `start`, where white space begins.
    @inline(__always)
    private func spaces(_ start: Int, _ end: Int) -> Int {
        let runEnd = run(of: .space, from: start, to: end)
        if runEnd == end { return end }
        let last = characterStart(before: runEnd)
        return last > start ? last : runEnd
    }

    /// The end of `\s*[\r\n]+|\s+(?!\S)|\s+` at `start`, where white space begins.
    @inline(__always)
    private func spacesAndLines(_ start: Int, _ end: Int) -> Int {
        let runEnd = run(of: .space, from: start, to: end)
        var line = runEnd
        while line > start {
            if isNewline(at: line - 1) { return line }
            line -= 1
        }
        if runEnd == end { return end }
        let last = characterStart(before: runEnd)
        return last > start ? last : runEnd
    }

    @inline(__always)
    private func newlines(_ start: Int, _ end: Int, orSlashes: Bool = false) -> Int {
        var offset = start
        while offset < end, isNewline(at: offset) || (orSlashes && base[offset] == UInt8(ascii: "/")) { offset += 1 }
        return offset
    }

    @inline(__always)
    private func digits(_ start: Int, _ end: Int, max: Int) -> Int {
        var offset = start
        var count = 0
        while offset < end, count < max {
            let (kind, width) = kind(at: offset)
            if kind != .number { break }
            offset += width
            count += 1
        }
        return offset
    }

    func gpt2Word(_ start: Int, _ end: Int) -> Int {
        if let end = contraction(start, end, ignoringCase: false) { return end }
        let body = base[start] == 0x20 && start + 1 < end ? start + 1 : start
        let (kind, width) = kind(at: body)
        if !kind.isDisjoint(with: .letter) { return run(of: .letter, from: body + width, to: end) }
        if kind == .number { return run(of: .number, from: body + width, to: end) }
        if kind != .space {
            return run(without: [.letter, .number, .space], from: body + width, to: end)
        }
        return spaces(start, end)
    }

    /// `(?i:'s|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    /// with `[\p{L}\p{M}]` for `\p{L}` where marks are letters.
    func word(_ start: Int, _ end: Int, _ rules: SplitPattern.WordRules) -> Int {
        if rules.splitsContractions, let end = contraction(start, end, ignoringCase: true) { return end }
        let letters: CharacterKind = rules.marksAreLetters ? [.letter, .mark] : .letter
        let (kind, width) = kind(at: start)
        if !kind.isDisjoint(with: letters) { return run(of: letters, from: start + width, to: end) }
        if kind == .number { return digits(start, end, max: rules.numbersMax) }
        let after = start + width
        if !isNewline(at: start), after < end {
            let following = self.kind(at: after)
            if !following.kind.isDisjoint(with: letters) {
                return run(of: letters, from: after + following.width, to: end)
            }
        }
        let body = base[start] == 0x20 ? after : start
        let signs = run(without: letters.union([.number, .space]), from: body, to: end)
        if signs > body { return newlines(signs, end) }
        return spacesAndLines(start, end)
    }

    /// `[^\r\n\p{L}\p{N}]?[U]*[L]+('s|...)?|[^\r\n\p{L}\p{N}]?[U]+[L]*('s|...)?|\p{N}{1,3}|`
    /// ` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`; U is Lu Lt Lm Lo M, L is Ll Lm Lo M.
    func casedWord(_ start: Int, _ end: Int, _ rules: SplitPattern.CasedWordRules) -> Int {
        let (kind, width) = kind(at: start)
        let isLetter = !kind.isDisjoint(with: .letter)
        let after = start + width
        let takesPrefix = !isLetter && kind != .number && !isNewline(at: start) && after < end
        var found: Int?
        if takesPrefix { found = lowerEnding(after, end) }
        if found == nil, isLetter || kind == .mark { found = lowerEnding(start, end) }
        if found == nil, takesPrefix { found = upperBeginning(after, end) }
        if found == nil, isLetter || kind == .mark { found = upperBeginning(start, end) }
        if let found {
            guard rules.keepsContractions, found < end else { return found }
            return contraction(found, end, ignoringCase: true) ?? found
        }
        if kind == .number { return digits(start, end, max: rules.numbersMax) }
        let body = base[start] == 0x20 ? after : start
        let signs = run(without: [.letter, .number, .space], from: body, to: end)
        if signs > body { return newlines(signs, end, orSlashes: true) }
        return spacesAndLines(start, end)
    }

    private static let upperPart: CharacterKind = [.upper, .otherLetter, .mark]
    private static let lowerPart: CharacterKind = [.lower, .otherLetter, .mark]

    /// The end of `[U]*[L]+` at `start`, or nil.
    @inline(__always)
    private func lowerEnding(_ start: Int, _ end: Int) -> Int? {
        // The last place in the run of U after a character that is also in L: where `[L]+` ends
        // when nothing of L follows the run.
        var lastShared: Int?
        var offset = start
        while offset < end {
            let (kind, width) = kind(at: offset)
            if kind.isDisjoint(with: Self.upperPart) { break }
            offset += width
            if kind != .upper { lastShared = offset }
        }
        let lower = run(of: Self.lowerPart, from: offset, to: end)
        return lower > offset ? lower : lastShared
    }

    /// The end of `[U]+[L]*` at `start`, or nil.
    @inline(__always)
    private func upperBeginning(_ start: Int, _ end: Int) -> Int? {
        let upper = run(of: Self.upperPart, from: start, to: end)
        return upper > start ? run(of: Self.lowerPart, from: upper, to: end) : nil
    }

    /// `[!"#...~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|`
    /// `\s+(?!\S)|\s+`. Characters of none of these (digits, controls) are skipped.
    func deepSeekWord(_ start: Int, _ end: Int) -> (start: Int, end: Int)? {
        var offset = start
        while offset < end {
            if let found = deepSeekWordEnd(offset, end) { return (offset, found) }
            offset += scalar(at: offset).width
        }
        return nil
    }

    private func deepSeekWordEnd(_ start: Int, _ end: Int) -> Int? {
        let word: CharacterKind = [.letter, .mark]
        let signs: CharacterKind = [.punctuation, .symbol]
        let (kind, width) = kind(at: start)
        let after = start + width
        if width == 1, !kind.isDisjoint(with: signs), after < end, isASCIILetter(at: after) {
            var offset = after + 1
            while offset < end, isASCIILetter(at: offset) { offset += 1 }
            return offset
        }
        if !kind.isDisjoint(with: word) { return run(of: word, from: after, to: end) }
        if kind.isDisjoint(with: signs), !isNewline(at: start), after < end {
            let following = self.kind(at: after)
            if !following.kind.isDisjoint(with: word) {
                return run(of: word, from: after + following.width, to: end)
            }
        }
        let body = base[start] == 0x20 ? after : start
        let signsEnd = run(of: signs, from: body, to: end)
        if signsEnd > body { return newlines(signsEnd, end) }
        return kind == .space ? spacesAndLines(start, end) : nil
    }

    @inline(__always)
    private func isASCIILetter(at offset: Int) -> Bool {
        let folded = base[offset] | 0x20
        return folded >= UInt8(ascii: "a") && folded <= UInt8(ascii: "z")
    }

    func numbers(_ start: Int, _ end: Int, max: Int) -> (start: Int, end: Int)? {
        let found = run(without: .number, from: start, to: end)
        return found < end ? (found, digits(found, end, max: max)) : nil
    }

    func trailingSpace(_ start: Int, _ end: Int) -> (start: Int, end: Int)? {
        var offset = end
        while offset > start {
            let previous = characterStart(before: offset)
            if kind(at: previous).kind != .space { break }
            offset = previous
        }
        return offset < end ? (offset, end) : nil
    }

    func find(_ bytes: [UInt8], _ start: Int, _ end: Int) -> (start: Int, end: Int)? {
        var offset = start
        while offset + bytes.count <= end {
            var matched = 0
            while matched < bytes.count, base[offset + matched] == bytes[matched] { matched += 1 }
            if matched == bytes.count { return (offset, offset + matched) }
            offset += 1
        }
        return nil
    }

    /// A word that begins at `start` and ends before the next mark where it may be cut.
    func markedWord(_ start: Int, _ end: Int, keeps: ByteSet) -> (start: Int, end: Int)? {
        var offset = start
        while offset < end, isMark(at: offset, end) { offset += 3 }
        while offset < end {
            if isMark(at: offset, end), !keeps.contains(base[offset - 1]), !isMark(at: offset - 3, end) {
                break
            }
            offset += 1
        }
        return (start, max(offset, start + 1))
    }

    @inline(__always)
    private func isMark(at offset: Int, _ end: Int) -> Bool {
        offset >= 0 && offset + 3 <= end && base[offset] == 0xE2 && base[offset + 1] == 0x96
            && base[offset + 2] == 0x81
    }
}

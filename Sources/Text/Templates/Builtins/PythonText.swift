// PythonText.swift: Python's view of text, as code points, on Swift's strings.
// Searches run over bytes, which UTF-8 allows, and are exact where Swift's would normalize.

extension String {
    func isSame(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    /// Order by code points, which is the order of the bytes.
    func precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

    /// The number of code points.
    var length: Int {
        var count = 0
        for byte in utf8 where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }

    init(scalars: some Sequence<Unicode.Scalar>) {
        var view = UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(view)
    }

    /// The code point at a place; negative places count from the end.
    func scalar(at place: Int128) -> Unicode.Scalar? {
        let count = length
        let index = place < 0 ? place + Int128(count) : place
        guard index >= 0, index < Int128(count) else { return nil }
        return unicodeScalars[unicodeScalars.index(startIndex, offsetBy: Int(index))]
    }

    /// `self[first:last:step]`
    func sliced(_ first: Int?, _ last: Int?, _ step: Int) -> String {
        let scalars = Array(unicodeScalars)
        let places = Jinja.Renderer.places(scalars.count, first, last, step)
        return String(scalars: places.lazy.map { scalars[$0] })
    }

    /// The first occurrence at or after an index; an empty part occurs everywhere.
    func firstRange(of part: String, from start: Index? = nil) -> Range<Index>? {
        var start = start ?? startIndex
        guard let head = part.utf8.first else { return start..<start }
        let bytes = utf8
        let count = part.utf8.count
        while let begin = bytes[start...].firstIndex(of: head) {
            guard let end = bytes.index(begin, offsetBy: count, limitedBy: endIndex) else {
                return nil
            }
            if bytes[begin..<end].elementsEqual(part.utf8) { return begin..<end }
            start = bytes.index(after: begin)
        }
        return nil
    }

    /// The occurrences of a part that is not empty, from the left and not overlapping.
    func ranges(ofPart part: String, atMost limit: Int = .max) -> [Range<Index>] {
        var result: [Range<Index>] = []
        var start = startIndex
        while result.count < limit, let range = firstRange(of: part, from: start) {
            result.append(range)
            start = range.upperBound
        }
        return result
    }

    /// The last occurrence of a part that is not empty.
    func lastRange(of part: String) -> Range<Index>? {
        let tail = part.utf8.last
        let count = part.utf8.count
        var end = endIndex
        while let last = utf8[..<end].lastIndex(where: { $0 == tail }) {
            end = utf8.index(after: last)
            guard let begin = utf8.index(end, offsetBy: -count, limitedBy: startIndex) else {
                return nil
            }
            if utf8[begin..<end].elementsEqual(part.utf8) { return begin..<end }
            end = last
        }
        return nil
    }

    func starts(withPart part: String) -> Bool { utf8.starts(with: part.utf8) }

    func ends(withPart part: String) -> Bool {
        utf8.count >= part.utf8.count && utf8.suffix(part.utf8.count).elementsEqual(part.utf8)
    }

    /// Without the code points at its ends that pass the test.
    func trimmed(
        left: Bool = true, right: Bool = true, _ isTrimmed: (Unicode.Scalar) -> Bool
    ) -> String {
        let view = unicodeScalars
        var begin = startIndex
        var end = endIndex
        while left, begin < end, isTrimmed(view[begin]) { begin = view.index(after: begin) }
        while right, begin < end {
            let before = view.index(before: end)
            guard isTrimmed(view[before]) else { break }
            end = before
        }
        return String(view[begin..<end])
    }

    var trimmed: String { trimmed { $0.isPythonSpace } }

    /// The lines, without their ends unless asked for, broken where Python breaks them.
    func lines(keepsEnds: Bool = false) -> [String] {
        var result: [String] = []
        var line = String.UnicodeScalarView()
        var hasLine = false
        var previous: Unicode.Scalar = " "
        for scalar in unicodeScalars {
            if previous == "\r", scalar == "\n" {
                if keepsEnds { result[result.count - 1] += "\n" }
            } else if scalar.isLineBreak {
                if keepsEnds { line.append(scalar) }
                result.append(String(line))
                line = String.UnicodeScalarView()
                hasLine = false
            } else {
                line.append(scalar)
                hasLine = true
            }
            previous = scalar
        }
        if hasLine { result.append(String(line)) }
        return result
    }

    /// Words between white space, at most so many splits from the left.
    func words(maxSplits: Int = .max) -> [String] {
        var result: [String] = []
        let view = unicodeScalars
        var index = startIndex
        while true {
            while index < endIndex, view[index].isPythonSpace { index = view.index(after: index) }
            if index == endIndex { return result }
            if result.count >= maxSplits {
                result.append(
                    String(view[index...]).trimmed(left: false) { $0.isPythonSpace })
                return result
            }
            let begin = index
            while index < endIndex, !view[index].isPythonSpace { index = view.index(after: index) }
            result.append(String(view[begin..<index]))
        }
    }

    var pythonUppercased: String {
        var result = ""
        for scalar in unicodeScalars { result += scalar.properties.uppercaseMapping }
        return result
    }

    var pythonLowercased: String {
        guard !utf8.allSatisfy({ $0 < 0x80 }) else { return lowercased() }
        var result = ""
        let scalars = Array(unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            if scalar == "Σ", Self.isFinalSigma(scalars, index) {
                result += "ς"
            } else {
                result += scalar.properties.lowercaseMapping
            }
        }
        return result
    }

    /// Unicode's rule: after a cased letter and not before one, what is ignorable left aside.
    private static func isFinalSigma(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        func skips(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isCaseIgnorable }
        let before = scalars[..<index].last { !skips($0) }
        let after = scalars[(index + 1)...].first { !skips($0) }
        return before?.properties.isCased == true && after?.properties.isCased != true
    }

    var pythonCapitalized: String {
        guard let first = unicodeScalars.first else { return self }
        return first.properties.titlecaseMapping
            + String(unicodeScalars.dropFirst()).pythonLowercased
    }
}

extension Unicode.Scalar {
    /// Where Python's `str.splitlines` breaks.
    var isLineBreak: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    var isLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    var isDecimal: Bool { properties.numericType == .decimal }
    var isPythonDigit: Bool { isDecimal || properties.numericType == .digit }
    var isNumeric: Bool { properties.numericType != nil }
    var isAlphanumeric: Bool { isLetter || isNumeric }
}

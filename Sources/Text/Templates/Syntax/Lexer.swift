// Lexer.swift: source to tokens; decides which white space around tags belongs to the output.
// Works on code points, since Python does.

extension Jinja {
    struct Lexer {
        private let source: [Unicode.Scalar]
        private let whitespace: Whitespace
        private var position = 0
        private var line = 1
        private var tokens: [Token] = []
        /// Closing brackets that are due; while there are any, `}}` does not end a tag.
        private var closers: [Unicode.Scalar] = []

        static func tokens(
            of source: String, whitespace: Whitespace
        ) throws(TemplateError) -> [Token] {
            var lexer = Lexer(source, whitespace)
            try lexer.run()
            return lexer.tokens
        }

        private init(_ text: String, _ whitespace: Whitespace) {
            self.whitespace = whitespace
            var scalars: [Unicode.Scalar] = []
            scalars.reserveCapacity(text.utf8.count)
            var afterReturn = false
            for scalar in text.unicodeScalars {
                if !(afterReturn && scalar == "\n") {
                    scalars.append(scalar == "\r" ? "\n" : scalar)
                }
                afterReturn = scalar == "\r"
            }
            if scalars.last == "\n" { scalars.removeLast() }
            source = scalars
        }

        private mutating func run() throws(TemplateError) {
            while position < source.count {
                guard let start = nextTag() else {
                    emit(source.count, .data(text(position, source.count)))
                    break
                }
                let kind = source[start + 1]
                let sign: Unicode.Scalar? = start + 2 < source.count ? source[start + 2] : nil
                let isSigned = sign == "-" || sign == "+"
                let dataEnd = strippedEnd(start, sign: sign, isVariable: kind == "{")
                if dataEnd > position { emit(dataEnd, .data(text(position, dataEnd))) }
                skip(to: start)
                let begin = start + (isSigned ? 3 : 2)
                switch kind {
                case "#": try comment(from: begin)
                case "{":
                    emit(begin, .variableBegin)
                    try tag(isVariable: true)
                default:
                    if let rawBegin = rawStart(begin) {
                        try raw(from: rawBegin)
                    } else {
                        emit(begin, .blockBegin)
                        try tag(isVariable: false)
                    }
                }
            }
            tokens.append(Token(kind: .end, line: line))
        }

        private func nextTag() -> Int? {
            var index = position
            while index + 1 < source.count {
                if source[index] == "{" {
                    let next = source[index + 1]
                    if next == "%" || next == "{" || next == "#" { return index }
                }
                index += 1
            }
            return nil
        }

        /// Where the text before a tag ends once its white space is dropped.
        private func strippedEnd(_ start: Int, sign: Unicode.Scalar?, isVariable: Bool) -> Int {
            var end = start
            if sign == "-" {
                while end > position, source[end - 1].isPythonSpace { end -= 1 }
            } else if sign != "+", whitespace.lstripBlocks, !isVariable {
                while end > position, source[end - 1] != "\n", source[end - 1].isPythonSpace {
                    end -= 1
                }
                let isAtLineStart =
                    end > position ? source[end - 1] == "\n" : end == 0 || source[end - 1] == "\n"
                if !isAtLineStart { return start }
            }
            return end
        }

        private mutating func comment(from begin: Int) throws(TemplateError) {
            guard var end = find("#", "}", from: begin) else {
                throw .syntax("Missing end of comment tag", line: line)
            }
            let sign = end > begin ? source[end - 1] : " "
            end += 2
            skip(to: afterClose(end, sign: sign))
        }

        /// The position behind a closing tag and the white space that goes with it.
        private func afterClose(_ end: Int, sign: Unicode.Scalar) -> Int {
            var end = end
            if sign == "-" {
                while end < source.count, source[end].isPythonSpace { end += 1 }
            } else if sign != "+", whitespace.trimBlocks, end < source.count,
                source[end] == "\n"
            {
                end += 1
            }
            return end
        }

        /// Where the raw text begins, if the block at `begin` is a raw tag.
        private func rawStart(_ begin: Int) -> Int? {
            guard var index = match("raw", at: begin) else { return nil }
            if index < source.count, source[index] == "-" {
                guard index + 2 < source.count, source[index + 1] == "%", source[index + 2] == "}"
                else { return nil }
                index += 3
                while index < source.count, source[index].isPythonSpace { index += 1 }
                return index
            }
            guard index + 1 < source.count, source[index] == "%", source[index + 1] == "}"
            else { return nil }
            return index + 2
        }

        /// The position behind white space, a word and white space.
        private func match(_ word: String, at begin: Int) -> Int? {
            var index = begin
            while index < source.count, source[index].isPythonSpace { index += 1 }
            for scalar in word.unicodeScalars {
                guard index < source.count, source[index] == scalar else { return nil }
                index += 1
            }
            while index < source.count, source[index].isPythonSpace { index += 1 }
            return index
        }

        private mutating func raw(from begin: Int) throws(TemplateError) {
            skip(to: begin)
            var search = begin
            while let open = find("{", "%", from: search) {
                search = open + 1
                var index = open + 2
                let sign = index < source.count ? source[index] : " "
                if sign == "-" || sign == "+" { index += 1 }
                guard var close = match("endraw", at: index) else { continue }
                let closeSign = close < source.count ? source[close] : " "
                if closeSign == "-" || closeSign == "+" { close += 1 }
                guard close + 1 < source.count, source[close] == "%", source[close + 1] == "}"
                else { continue }
                let end = strippedEnd(open, sign: sign, isVariable: false)
                if end > position { emit(end, .data(text(position, end))) }
                skip(to: afterClose(close + 2, sign: closeSign))
                return
            }
            throw .syntax("Missing end of raw directive", line: line)
        }

        /// Reads the words of one tag and its end.
        private mutating func tag(isVariable: Bool) throws(TemplateError) {
            closers.removeAll(keepingCapacity: true)
            while position < source.count {
                if closers.isEmpty, tagEnd(isVariable: isVariable) { return }
                let scalar = source[position]
                if scalar.isPythonSpace {
                    skip(to: position + 1)
                } else if scalar.isDigit {
                    try number()
                } else if scalar.isWord {
                    var end = position
                    while end < source.count, source[end].isWord { end += 1 }
                    emit(end, .name(text(position, end)))
                } else if scalar == "\"" || scalar == "'" {
                    try string(scalar)
                } else {
                    try symbol(scalar)
                }
            }
        }

        private mutating func tagEnd(isVariable: Bool) -> Bool {
            let sign = source[position]
            let isSigned = sign == "-" || (sign == "+" && !isVariable)
            let begin = isSigned ? position + 1 : position
            guard begin + 1 < source.count, source[begin] == (isVariable ? "}" : "%"),
                source[begin + 1] == "}"
            else { return false }
            let end =
                isVariable && !isSigned
                ? begin + 2 : afterClose(begin + 2, sign: isSigned ? sign : " ")
            emit(end, isVariable ? .variableEnd : .blockEnd)
            return true
        }

        private mutating func symbol(_ scalar: Unicode.Scalar) throws(TemplateError) {
            if position + 1 < source.count {
                let pair = text(position, position + 2)
                if ["//", "**", "==", "!=", ">=", "<="].contains(pair) {
                    emit(position + 2, .symbol(pair))
                    return
                }
            }
            switch scalar {
            case "(": closers.append(")")
            case "[": closers.append("]")
            case "{": closers.append("}")
            case ")", "]", "}":
                guard let expected = closers.popLast() else {
                    throw .syntax("unexpected '\(scalar)'", line: line)
                }
                guard expected == scalar else {
                    throw .syntax("unexpected '\(scalar)', expected '\(expected)'", line: line)
                }
            case "+", "-", "/", "*", "%", "~", ">", "<", "=", ".", ":", "|", ",", ";": break
            default:
                throw .syntax("unexpected char '\(scalar)' at \(position)", line: line)
            }
            emit(position + 1, .symbol(String(Character(scalar))))
        }

        private func find(
            _ first: Unicode.Scalar, _ second: Unicode.Scalar, from begin: Int
        ) -> Int? {
            var index = begin
            while index + 1 < source.count {
                if source[index] == first, source[index + 1] == second { return index }
                index += 1
            }
            return nil
        }

        private func text(_ begin: Int, _ end: Int) -> String {
            String(String.UnicodeScalarView(source[begin..<end]))
        }

        private mutating func emit(_ end: Int, _ kind: Token.Kind) {
            tokens.append(Token(kind: kind, line: line))
            skip(to: end)
        }

        private mutating func skip(to end: Int) {
            while position < end {
                if source[position] == "\n" { line += 1 }
                position += 1
            }
        }
    }
}

extension Jinja.Lexer {
    /// Reads an integer or a float that begins with a digit.
    private mutating func number() throws(TemplateError) {
        let begin = position
        let isAfterDot = begin > 0 && source[begin - 1] == "."
        if !isAfterDot, let end = floatEnd(begin) {
            let digits = text(begin, end).filter { $0 != "_" }
            emit(end, .float(Double(digits) ?? .infinity))
            return
        }
        var end = begin + 1
        var radix = 10
        let prefixes: [Unicode.Scalar: Int] = ["b": 2, "o": 8, "x": 16, "B": 2, "O": 8, "X": 16]
        if source[begin] == "0", begin + 1 < source.count, let found = prefixes[source[begin + 1]],
            digitsEnd(begin + 1, radix: found) > begin + 2
        {
            radix = found
            end = digitsEnd(begin + 1, radix: radix)
        } else if source[begin] == "0" {
            while end < source.count, source[end] == "0" { end += 1 }
        } else {
            end = digitsEnd(begin, radix: 10)
        }
        let digits = text(radix == 10 ? begin : begin + 2, end).filter { $0 != "_" }
        guard let value = Int128(digits, radix: radix) else {
            throw .syntax("the integer \(digits.prefix(64)) exceeds 128 bits", line: line)
        }
        emit(end, .integer(value))
    }

    /// The end of a run of digits with single underscores between them; `begin` is before or at
    /// the first digit.
    private func digitsEnd(_ begin: Int, radix: Int) -> Int {
        var end = begin + 1
        while end < source.count {
            let isUnderscore = source[end] == "_"
            let index = isUnderscore ? end + 1 : end
            guard index < source.count, let digit = source[index].hexDigit, digit < radix else {
                break
            }
            end = index + 1
        }
        return end
    }

    private func floatEnd(_ begin: Int) -> Int? {
        var end = digitsEnd(begin, radix: 10)
        var isFloat = false
        if end + 1 < source.count, source[end] == ".", source[end + 1].isDigit {
            end = digitsEnd(end + 1, radix: 10)
            isFloat = true
        }
        if end < source.count, source[end] == "e" || source[end] == "E" {
            var index = end + 1
            if index < source.count, source[index] == "+" || source[index] == "-" { index += 1 }
            if index < source.count, source[index].isDigit {
                end = digitsEnd(index, radix: 10)
                isFloat = true
            }
        }
        return isFloat ? end : nil
    }

    private mutating func string(_ quote: Unicode.Scalar) throws(TemplateError) {
        var index = position + 1
        var result = String.UnicodeScalarView()
        while index < source.count, source[index] != quote {
            if source[index] == "\\" {
                guard index + 1 < source.count else { break }
                index = try escape(at: index, into: &result)
            } else {
                result.append(source[index])
                index += 1
            }
        }
        guard index < source.count else {
            throw .syntax("unexpected char '\(quote)' at \(position)", line: line)
        }
        emit(index + 1, .string(String(result)))
    }

    /// Reads one escape as Python's string literals define them; answers the position after it.
    private func escape(
        at index: Int, into result: inout String.UnicodeScalarView
    ) throws(TemplateError) -> Int {
        let scalar = source[index + 1]
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}",
            "b": "\u{8}", "f": "\u{c}", "v": "\u{b}",
        ]
        if let replacement = simple[scalar] {
            result.append(replacement)
            return index + 2
        }
        if scalar == "\n" { return index + 2 }
        let lengths: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
        var code = 0
        var end = index + 1
        if let length = lengths[scalar] {
            end += 1
            for _ in 0..<length {
                guard end < source.count, let digit = source[end].hexDigit else {
                    throw .syntax("truncated \\\(scalar) escape", line: line)
                }
                code = code << 4 | digit
                end += 1
            }
        } else if let first = scalar.hexDigit, first < 8 {
            while end < index + 4, end < source.count, let digit = source[end].hexDigit, digit < 8 {
                code = code << 3 | digit
                end += 1
            }
        } else {
            result.append("\\")
            return index + 1
        }
        guard let value = Unicode.Scalar(UInt32(code)) else {
            throw .syntax("escape of \(code), which is no character", line: line)
        }
        result.append(value)
        return end
    }
}

extension Unicode.Scalar {
    /// What Python's `str.isspace` accepts.
    var isPythonSpace: Bool {
        switch value {
        case 0x20, 0x09...0x0D, 0x1C...0x1F, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029,
            0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }

    var isDigit: Bool { ("0"..."9").contains(self) }

    var isWord: Bool {
        if isASCII {
            return isDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self)
                || self == "_"
        }
        return properties.isXIDContinue
    }

    var hexDigit: Int? {
        switch self {
        case "0"..."9": Int(value) - 0x30
        case "a"..."f": Int(value) - 0x61 + 10
        case "A"..."F": Int(value) - 0x41 + 10
        default: nil
        }
    }
}

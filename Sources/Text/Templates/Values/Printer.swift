// Printer.swift: values as Python prints them, within a bound on the bytes.

extension Jinja {
    struct Printer {
        private(set) var text = ""
        let bytesMax: Int

        init(bytesMax: Int) { self.bytesMax = bytesMax }

        mutating func append(_ more: String) { text += more }

        mutating func check() throws(TemplateError) {
            if text.utf8.count > bytesMax { throw .limit("outputBytesMax", bytesMax) }
        }

        /// Appends Python's `str` of a value.
        mutating func append(_ value: Value) throws {
            switch value {
            case .undefined: break
            case .string(let text), .markup(let text): append(text)
            default: try appendRepresentation(value)
            }
            try check()
        }

        /// Appends Python's `repr` of a value.
        mutating func appendRepresentation(_ value: Value) throws {
            try check()
            switch value {
            case .undefined: append("Undefined")
            case .none: append("None")
            case .bool(let value): append(value ? "True" : "False")
            case .integer(let value): append(value.description)
            case .double(let value): append(value.pythonDescription)
            case .string(let text): try appendQuoted(text)
            case .markup(let text):
                append("Markup(")
                try appendQuoted(text)
                append(")")
            case .list(let elements): try append(elements.values, "[", "]")
            case .tuple(let elements):
                try append(elements.values, "(", elements.values.count == 1 ? ",)" : ")")
            case .dictionary(let dictionary): try append(dictionary)
            case .generator(let generator):
                append("<\(generator.typeName) object at 0x000000000000>")
            case .object(let object): try object.text(&self)
            }
        }

        mutating func append(_ values: [Value], _ open: String, _ close: String) throws {
            append(open)
            for (index, value) in values.enumerated() {
                if index > 0 { append(", ") }
                try appendRepresentation(value)
            }
            append(close)
        }

        mutating func append(_ dictionary: Dictionary) throws {
            append("{")
            for (index, key) in dictionary.keys.enumerated() {
                if index > 0 { append(", ") }
                try appendRepresentation(key)
                append(": ")
                try appendRepresentation(dictionary.values[index])
            }
            append("}")
        }

        /// Appends a string in quotes, escaped as Python's `repr` does.
        mutating func appendQuoted(_ string: String) throws {
            let hasSingle = string.utf8.contains(UInt8(ascii: "'"))
            let quote: Unicode.Scalar =
                hasSingle && !string.utf8.contains(UInt8(ascii: "\"")) ? "\"" : "'"
            text.unicodeScalars.append(quote)
            for scalar in string.unicodeScalars {
                switch scalar {
                case quote, "\\":
                    text += "\\"
                    text.unicodeScalars.append(scalar)
                case "\n": text += "\\n"
                case "\r": text += "\\r"
                case "\t": text += "\\t"
                default:
                    if scalar.isPrintable {
                        text.unicodeScalars.append(scalar)
                    } else {
                        text += scalar.hexEscape
                    }
                }
            }
            text.unicodeScalars.append(quote)
            try check()
        }
    }
}

extension Unicode.Scalar {
    /// What Python's `str.isprintable` accepts.
    var isPrintable: Bool {
        if isASCII { return (0x20...0x7E).contains(value) }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            return false
        default: return true
        }
    }

    /// `\x..`, `\u....` or `\U........`.
    var hexEscape: String {
        let digits = String(value, radix: 16)
        let (prefix, width) = value < 0x100 ? ("\\x", 2) : value < 0x10000 ? ("\\u", 4) : ("\\U", 8)
        return prefix + String(repeating: "0", count: width - digits.count) + digits
    }
}

extension Double {
    /// Python's `repr`: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
    var pythonDescription: String {
        if isNaN { return "nan" }
        if isInfinite { return self < 0 ? "-inf" : "inf" }
        if self == 0 { return sign == .minus ? "-0.0" : "0.0" }
        let sign = self < 0 ? "-" : ""
        let (digits, exponent) = magnitude.shortestDigits
        if exponent < -4 || exponent >= 16 {
            let mantissa = digits.count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
            let size = String(abs(exponent))
            let padded = size.count < 2 ? "0" + size : size
            return sign + mantissa + "e" + (exponent < 0 ? "-" : "+") + padded
        }
        if exponent < 0 {
            return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits
        }
        if digits.count <= exponent + 1 {
            return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
        }
        return sign + digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
    }

    /// The shortest decimal digits that read back, and the power of ten of the first.
    private var shortestDigits: (String, Int) {
        var digits = ""
        var exponent = 0
        var point: Int?
        var text = description[...]
        if let mark = text.firstIndex(of: "e") {
            exponent = Int(text[text.index(after: mark)...].drop { $0 == "+" }) ?? 0
            text = text[..<mark]
        }
        for character in text {
            if character == "." { point = digits.count } else { digits.append(character) }
        }
        exponent += (point ?? digits.count) - 1
        let zeros = digits.prefix { $0 == "0" }.count
        exponent -= zeros
        digits.removeFirst(zeros)
        while digits.last == "0", digits.count > 1 { digits.removeLast() }
        return (digits, exponent)
    }
}

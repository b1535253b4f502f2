// Formats.swift: Python's `"%s" % x`, and the numbers that both of its ways of formatting share.
import Glibc

extension Jinja {
    /// What a format asks of one value.
    struct FormatSpecification {
        var fill: Unicode.Scalar = " "
        var align: Unicode.Scalar?
        var sign: Unicode.Scalar = "-"
        var isAlternate = false
        var width = 0
        var grouping: Unicode.Scalar?
        var precision: Int?
        var type: Unicode.Scalar?
    }
}

extension Jinja.Renderer {
    typealias FormatSpecification = Jinja.FormatSpecification

    // MARK: printf style

    /// Python's `format % value`.
    func percentFormatted(_ format: String, _ value: Value) throws -> String {
        var values: [Value] = [value]
        if case .tuple(let elements) = value { values = elements.values }
        var used = 0
        var output = Jinja.Printer(limits)
        let scalars = Array(format.unicodeScalars)
        var index = 0
        func next() throws -> Value {
            guard used < values.count else {
                throw TemplateError.type("not enough arguments for format string")
            }
            used += 1
            return values[used - 1]
        }
        while index < scalars.count {
            guard scalars[index] == "%" else {
                let begin = index
                while index < scalars.count, scalars[index] != "%" { index += 1 }
                output.append(String(scalars: scalars[begin..<index]))
                continue
            }
            index += 1
            var named: Value?
            if index < scalars.count, scalars[index] == "(" {
                guard let close = scalars[index...].firstIndex(of: ")") else {
                    throw TemplateError.value("incomplete format key")
                }
                guard case .dictionary = value else {
                    throw TemplateError.type("format requires a mapping")
                }
                let name = String(scalars: scalars[(index + 1)..<close])
                named = try item(.string(name), of: value)
                index = close + 1
                used = values.count
            }
            let (specification, conversion) = try percentSpecification(scalars, &index, next)
            if conversion == "%" {
                output.append("%")
            } else {
                output.append(
                    try converted(try named ?? next(), conversion, specification))
            }
            try output.check()
        }
        if used < values.count, !isMapping(value) {
            throw TemplateError.type("not all arguments converted during string formatting")
        }
        try charge(text: output.text)
        return output.text
    }

    private func isMapping(_ value: Value) -> Bool {
        switch value {
        case .dictionary, .list, .undefined: true
        case .object(let object): object is Jinja.Range
        default: false
        }
    }

    private func percentSpecification(
        _ scalars: [Unicode.Scalar], _ index: inout Int, _ next: () throws -> Value
    ) throws -> (FormatSpecification, Unicode.Scalar) {
        var result = FormatSpecification()
        result.align = ">"
        flags: while index < scalars.count {
            switch scalars[index] {
            case "-": result.align = "<"
            case "+": result.sign = "+"
            case " ": if result.sign != "+" { result.sign = " " }
            case "0": result.fill = "0"
            case "#": result.isAlternate = true
            default: break flags
            }
            index += 1
        }
        if result.align == "<" { result.fill = " " }
        if result.fill == "0" { result.align = "=" }
        result.width = try count(scalars, &index, next) ?? 0
        if index < scalars.count, scalars[index] == "." {
            index += 1
            result.precision = try count(scalars, &index, next) ?? 0
        }
        while index < scalars.count, "hlL".unicodeScalars.contains(scalars[index]) { index += 1 }
        guard index < scalars.count else { throw TemplateError.value("incomplete format") }
        index += 1
        return (result, scalars[index - 1])
    }

    private func count(
        _ scalars: [Unicode.Scalar], _ index: inout Int, _ next: () throws -> Value
    ) throws -> Int? {
        if index < scalars.count, scalars[index] == "*" {
            index += 1
            return try Optional(try next()).integer("%", default: 0)
        }
        return try number(scalars, &index)
    }

    /// Reads digits, within what a width may be.
    func number(_ scalars: [Unicode.Scalar], _ index: inout Int) throws -> Int? {
        let begin = index
        var result = 0
        while index < scalars.count, let digit = scalars[index].hexDigit, digit < 10 {
            result = result * 10 + digit
            try check(bytes: result)
            index += 1
        }
        return index == begin ? nil : result
    }

    private func converted(
        _ value: Value, _ conversion: Unicode.Scalar, _ specification: FormatSpecification
    ) throws -> String {
        var specification = specification
        switch conversion {
        case "s", "r", "a":
            var printer = Jinja.Printer(limits)
            if conversion == "s" {
                try printer.append(value)
            } else {
                try printer.appendRepresentation(value)
            }
            specification.fill = " "
            if specification.align == "=" { specification.align = ">" }
            return try padded(cut(printer.text, specification.precision), specification)
        case "c":
            if let text = value.text, text.length == 1 { return try padded(text, specification) }
            guard let code = value.integer else {
                throw TemplateError.type("%c requires int or char")
            }
            specification.type = "c"
            return try formatted(code, specification)
        case "d", "i", "u":
            guard let number = value.number else {
                throw TemplateError.type(
                    "%\(conversion) format: a real number is required, not \(value.typeName)")
            }
            let integer = try value.integer ?? whole(number)
            specification.type = "d"
            return try formatted(integer, specification)
        case "x", "X", "o":
            guard let integer = value.integer else {
                throw TemplateError.type(
                    "%\(conversion) format: an integer is required, not \(value.typeName)")
            }
            specification.type = conversion
            return try formatted(integer, specification)
        case "e", "E", "f", "F", "g", "G":
            guard let number = value.number else {
                throw TemplateError.type("must be real number, not \(value.typeName)")
            }
            specification.type = conversion
            return try formatted(number, specification)
        default:
            throw TemplateError.value(
                "unsupported format character '\(conversion)'"
                    + " (0x\(String(conversion.value, radix: 16)))")
        }
    }

    /// The integer part of a double.
    func whole(_ number: Double) throws(TemplateError) -> Int128 {
        if number.isNaN { throw .value("cannot convert float NaN to integer") }
        if number.isInfinite {
            throw .runtime("OverflowError", "cannot convert float infinity to integer")
        }
        guard let result = Int128(exactly: number.rounded(.towardZero)) else {
            throw .limit("integerBitsMax", 128)
        }
        return result
    }

    func cut(_ text: String, _ length: Int?) -> String {
        guard let length else { return text }
        return String(scalars: text.unicodeScalars.prefix(length))
    }

    // MARK: numbers

    func formatted(
        _ value: Int128, _ specification: FormatSpecification
    ) throws -> String {
        var digits: String
        var prefix = ""
        switch specification.type {
        case nil, "d", "n": digits = String(value.magnitude)
        case "x", "X":
            digits = String(value.magnitude, radix: 16, uppercase: specification.type == "X")
            prefix = specification.type == "X" ? "0X" : "0x"
        case "o":
            digits = String(value.magnitude, radix: 8)
            prefix = "0o"
        case "b":
            digits = String(value.magnitude, radix: 2)
            prefix = "0b"
        case "c":
            guard let code = UInt32(exactly: value), let scalar = Unicode.Scalar(code) else {
                throw TemplateError.runtime("OverflowError", "%c arg not in range(0x110000)")
            }
            return try padded(String(Character(scalar)), specification, numeric: true)
        default:
            throw TemplateError.value(
                "Unknown format code '\(specification.type!)' for object of type 'int'")
        }
        if let precision = specification.precision, specification.type == "d" {
            digits = String(repeating: "0", count: max(0, precision - digits.count)) + digits
        }
        if let grouping = specification.grouping { digits = grouped(digits, grouping) }
        let sign = value < 0 ? "-" : specification.sign == "-" ? "" : String(specification.sign)
        return try padded(
            digits, specification, numeric: true,
            sign: sign + (specification.isAlternate ? prefix : ""))
    }

    private func grouped(_ digits: String, _ separator: Unicode.Scalar) -> String {
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result.append(Character(separator)) }
            result.append(digit)
        }
        return result
    }

    func formatted(
        _ value: Double, _ specification: FormatSpecification
    ) throws -> String {
        let negative = value.sign == .minus && !value.isNaN
        let sign = negative ? "-" : specification.sign == "-" ? "" : String(specification.sign)
        var digits: String
        switch specification.type {
        case nil where specification.precision == nil: digits = value.magnitude.pythonDescription
        case "%":
            digits = Self.printed(value.magnitude * 100, specification.precision ?? 6, "f") + "%"
        case nil: digits = Self.printed(value.magnitude, max(1, specification.precision ?? 1), "g")
        case "n": digits = Self.printed(value.magnitude, specification.precision ?? 6, "g")
        case let type? where "eEfFgG".unicodeScalars.contains(type):
            digits = Self.printed(value.magnitude, specification.precision ?? 6, type)
        case let type?:
            throw TemplateError.value(
                "Unknown format code '\(type)' for object of type 'float'")
        }
        if let grouping = specification.grouping {
            let whole = digits.prefix { $0.isNumber }
            digits = grouped(String(whole), grouping) + digits.dropFirst(whole.count)
        }
        return try padded(digits, specification, numeric: true, sign: sign)
    }

    /// C's `printf` of one double; the type is one of `eEfFgG`.
    static func printed(_ value: Double, _ precision: Int, _ type: Unicode.Scalar) -> String {
        let precision = min(precision, 4096)
        var buffer = [CChar](repeating: 0, count: precision + 400)
        let count = withVaList([Int32(precision), value]) {
            vsnprintf(&buffer, buffer.count, "%.*\(type)", $0)
        }
        let bytes = buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func padded(
        _ text: String, _ specification: FormatSpecification, numeric: Bool = false,
        sign: String = ""
    ) throws -> String {
        let missing = max(0, specification.width - text.length - sign.length)
        try check(bytes: missing)
        let align = specification.align ?? (numeric ? ">" : "<")
        let left = align == ">" || align == "=" ? missing : align == "^" ? missing / 2 : 0
        let fill = String(Character(specification.fill))
        let before = String(repeating: fill, count: left)
        let after = String(repeating: fill, count: missing - left)
        return align == "=" ? sign + before + text + after : before + sign + text + after
    }
}

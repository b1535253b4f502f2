// Formats.swift: Python's two ways of formatting text: `"%s" % x` and `"{}".format(x)`.
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
        var output = Jinja.Printer(bytesMax: limits.outputBytesMax)
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
        case .dictionary, .list: true
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
    private func number(_ scalars: [Unicode.Scalar], _ index: inout Int) throws -> Int? {
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
            var printer = Jinja.Printer(bytesMax: limits.outputBytesMax)
            if conversion == "s" {
                try printer.append(value)
            } else {
                try printer.appendRepresentation(value)
            }
            specification.fill = " "
            if specification.align == "=" { specification.align = ">" }
            return try padded(cut(printer.text, specification.precision), specification)
        case "c":
            guard let code = value.integer,
                let scalar = UInt32(exactly: code).flatMap({
                    Unicode.Scalar($0)
                })
            else { return try padded(value.text ?? "", specification) }
            return try padded(String(Character(scalar)), specification)
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

    private func cut(_ text: String, _ length: Int?) -> String {
        guard let length else { return text }
        return String(scalars: text.unicodeScalars.prefix(length))
    }

    // MARK: brace style

    /// Python's `format.format(...)`.
    func braceFormatted(
        _ format: String, _ arguments: Jinja.CallArguments, depth: Int = 0
    ) throws -> String {
        guard depth < 2 else { throw TemplateError.value("Max string recursion exceeded") }
        var automatic = 0
        return try braceFormatted(format, arguments, depth, &automatic)
    }

    private func braceFormatted(
        _ format: String, _ arguments: Jinja.CallArguments, _ depth: Int, _ automatic: inout Int
    ) throws -> String {
        var output = Jinja.Printer(bytesMax: limits.outputBytesMax)
        let scalars = Array(format.unicodeScalars)
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            let isDoubled = index + 1 < scalars.count && scalars[index + 1] == scalar
            if scalar == "{" || scalar == "}", isDoubled {
                output.append(String(Character(scalar)))
                index += 2
            } else if scalar == "{" {
                let field = try replacementField(scalars, &index)
                try output.append(try formatted(field, arguments, depth, &automatic))
                try output.check()
            } else if scalar == "}" {
                throw TemplateError.value("Single '}' encountered in format string")
            } else {
                let begin = index
                while index < scalars.count, scalars[index] != "{", scalars[index] != "}" {
                    index += 1
                }
                output.append(String(scalars: scalars[begin..<index]))
            }
        }
        try charge(text: output.text)
        return output.text
    }

    /// The text between a brace and its partner.
    private func replacementField(
        _ scalars: [Unicode.Scalar], _ index: inout Int
    ) throws -> [Unicode.Scalar] {
        var open = 1
        let begin = index + 1
        index = begin
        while index < scalars.count {
            if scalars[index] == "{" { open += 1 }
            if scalars[index] == "}" { open -= 1 }
            index += 1
            if open == 0 { return Array(scalars[begin..<(index - 1)]) }
        }
        throw TemplateError.value("expected '}' before end of string")
    }

    private func formatted(
        _ field: [Unicode.Scalar], _ arguments: Jinja.CallArguments, _ depth: Int,
        _ automatic: inout Int
    ) throws -> Value {
        var name = field[...]
        var specification = field[field.count...]
        var conversion: Unicode.Scalar?
        let isBracketed = field.firstIndex(of: "[") ?? field.count
        if let mark = field.firstIndex(where: { $0 == ":" || $0 == "!" }) {
            let end = mark > isBracketed ? field[isBracketed...].firstIndex(of: "]") ?? mark : mark
            let start = field[end...].firstIndex { $0 == ":" || $0 == "!" } ?? field.count
            name = field[..<start]
            if start < field.count, field[start] == "!" {
                guard start + 1 < field.count else {
                    throw TemplateError.value(
                        "end of string while looking for conversion specifier")
                }
                conversion = field[start + 1]
                specification = field[(start + 2)...].drop { $0 == ":" }
            } else {
                specification = field[min(start + 1, field.count)...]
            }
        }
        var value = try fieldValue(String(scalars: name), arguments, &automatic)
        if let conversion {
            var printer = Jinja.Printer(bytesMax: limits.outputBytesMax)
            switch conversion {
            case "s": try printer.append(value)
            case "r", "a": try printer.appendRepresentation(value)
            default:
                throw TemplateError.value("Unknown conversion specifier \(conversion)")
            }
            value = .string(printer.text)
        }
        guard depth < 1 else { throw TemplateError.value("Max string recursion exceeded") }
        let text =
            try specification.contains("{")
            ? braceFormatted(String(scalars: specification), arguments, depth + 1, &automatic)
            : String(scalars: specification)
        return .string(try formatted(value, text))
    }

    private func fieldValue(
        _ name: String, _ arguments: Jinja.CallArguments, _ automatic: inout Int
    ) throws -> Value {
        let scalars = Array(name.unicodeScalars)
        var index = scalars.firstIndex { $0 == "." || $0 == "[" } ?? scalars.count
        let first = String(scalars: scalars[..<index])
        var value: Value
        if first.isEmpty || first.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            let place = first.isEmpty ? automatic : Int(first) ?? .max
            if first.isEmpty { automatic += 1 }
            guard place < arguments.positional.count else {
                throw TemplateError.runtime(
                    "IndexError",
                    "Replacement index \(place) out of range for positional args tuple")
            }
            value = arguments.positional[place]
        } else {
            guard let named = arguments.keyword(first) else {
                throw TemplateError.runtime("KeyError", Value.string(first).quoted)
            }
            value = named
        }
        while index < scalars.count {
            if scalars[index] == "." {
                let end =
                    scalars[(index + 1)...].firstIndex { $0 == "." || $0 == "[" }
                    ?? scalars.count
                value = try attribute(String(scalars: scalars[(index + 1)..<end]), of: value)
                index = end
            } else {
                guard scalars[index] == "[", let end = scalars[index...].firstIndex(of: "]") else {
                    throw TemplateError.value("Missing ']' in format string")
                }
                let key = String(scalars: scalars[(index + 1)..<end])
                value = try item(Int(key).map { .integer($0) } ?? .string(key), of: value)
                index = end + 1
            }
        }
        return value
    }

    /// Python's `format(value, specification)`.
    private func formatted(_ value: Value, _ text: String) throws -> String {
        if text.isEmpty { return try self.text(of: value) }
        let specification = try parsed(text)
        switch value {
        case .bool where specification.type == nil || specification.type == "s":
            return try padded(try self.text(of: value), specification, numeric: true)
        case .integer, .bool:
            let integer = value.integer ?? 0
            if let type = specification.type, "eEfFgG%".unicodeScalars.contains(type) {
                return try formatted(Double(integer), specification)
            }
            return try formatted(integer, specification)
        case .double(let number): return try formatted(number, specification)
        case .string(let text), .markup(let text):
            guard specification.type == nil || specification.type == "s" else {
                throw TemplateError.value(
                    "Unknown format code '\(specification.type!)' for object of type 'str'")
            }
            return try padded(cut(text, specification.precision), specification)
        default:
            throw TemplateError.type(
                "unsupported format string passed to \(value.typeName).__format__")
        }
    }

    private func parsed(_ text: String) throws -> FormatSpecification {
        var result = FormatSpecification()
        let scalars = Array(text.unicodeScalars)
        let aligns: Set<Unicode.Scalar> = ["<", ">", "=", "^"]
        var index = 0
        if scalars.count > 1, aligns.contains(scalars[1]) {
            result.fill = scalars[0]
            result.align = scalars[1]
            index = 2
        } else if let first = scalars.first, aligns.contains(first) {
            result.align = first
            index = 1
        }
        func take(_ options: String) -> Unicode.Scalar? {
            guard index < scalars.count, options.unicodeScalars.contains(scalars[index]) else {
                return nil
            }
            index += 1
            return scalars[index - 1]
        }
        if let sign = take("+- ") { result.sign = sign }
        result.isAlternate = take("#") != nil
        if take("0") != nil, result.align == nil {
            result.fill = "0"
            result.align = "="
        }
        result.width = try number(scalars, &index) ?? 0
        result.grouping = take(",_")
        if take(".") != nil {
            guard let precision = try number(scalars, &index) else {
                throw TemplateError.value("Format specifier missing precision")
            }
            result.precision = precision
        }
        result.type = take("bcdeEfFgGnosxX%")
        guard index == scalars.count else { throw TemplateError.value("Invalid format specifier") }
        return result
    }

    // MARK: numbers

    private func formatted(
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

    private func formatted(
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
        case let type?:
            digits = Self.printed(value.magnitude, specification.precision ?? 6, type)
        }
        if let grouping = specification.grouping {
            let whole = digits.prefix { $0.isNumber }
            digits = grouped(String(whole), grouping) + digits.dropFirst(whole.count)
        }
        return try padded(digits, specification, numeric: true, sign: sign)
    }

    /// C's `printf` of one double.
    static func printed(_ value: Double, _ precision: Int, _ type: Unicode.Scalar) -> String {
        let precision = min(precision, 4096)
        var buffer = [CChar](repeating: 0, count: precision + 400)
        let count = withVaList([Int32(precision), value]) {
            vsnprintf(&buffer, buffer.count, "%.*\(type)", $0)
        }
        let bytes = buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func padded(
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

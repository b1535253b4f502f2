// Formats+Braces.swift: Python's `"{}".format(x)`, with the sandbox's rules for attributes.

extension Jinja.Renderer {
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
        var output = Jinja.Printer(limits)
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
            var printer = Jinja.Printer(limits)
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
            let isAutomatic = first.isEmpty
            if isAutomatic ? automatic < 0 : automatic > 0 {
                let (from, to) =
                    isAutomatic
                    ? ("manual field specification", "automatic field numbering")
                    : ("automatic field numbering", "manual field specification")
                throw TemplateError.value("cannot switch from \(from) to \(to)")
            }
            let place = isAutomatic ? automatic : Int(first) ?? .max
            automatic = isAutomatic ? automatic + 1 : -1
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
        case .integer, .bool:
            let integer = value.integer ?? 0
            guard
                specification.precision == nil
                    || specification.type.map({
                        "eEfFgG%".unicodeScalars.contains($0)
                    }) == true
            else {
                throw TemplateError.value("Precision not allowed in integer format specifier")
            }
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
            if specification.sign != "-" {
                throw TemplateError.value("Sign not allowed in string format specifier")
            }
            if let grouping = specification.grouping {
                throw TemplateError.value("Cannot specify '\(grouping)' with 's'.")
            }
            var aligned = specification
            if aligned.align == "=" { aligned.align = "<" }
            return try padded(cut(text, specification.precision), aligned)
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
}

// JSONText.swift: `tojson`, which is Python's `json.dumps` as transformers calls it.

extension Jinja.Renderer {
    private struct JSONStyle {
        var isASCII = false
        var indent: String?
        var itemSeparator = ", "
        var keySeparator = ": "
        var sortsKeys = false
    }

    func json(_ value: Value, _ arguments: Jinja.CallArguments) throws -> String {
        let values = try arguments.bind(
            ["ensure_ascii", "indent", "separators", "sort_keys"], function: "tojson")
        var style = JSONStyle()
        style.isASCII = values[0].isTrue(default: false)
        style.sortsKeys = values[3].isTrue(default: false)
        if let indent = values[1], !indent.isNone {
            if let text = indent.text {
                style.indent = text
            } else {
                let width = max(0, try values[1].integer("tojson", default: 0))
                try check(bytes: width)
                style.indent = String(repeating: " ", count: width)
            }
            style.itemSeparator = ","
        }
        if let separators = values[2], !separators.isNone {
            let both = try elements(of: separators)
            guard both.count == 2, let item = both[0].text, let key = both[1].text else {
                throw TemplateError.value("separators must be two texts")
            }
            style.itemSeparator = item
            style.keySeparator = key
        }
        var printer = Jinja.Printer(bytesMax: limits.outputBytesMax)
        try append(value, style, &printer, level: 0)
        return printer.text
    }

    private func append(
        _ value: Value, _ style: JSONStyle, _ printer: inout Jinja.Printer, level: Int
    ) throws {
        try charge()
        try printer.check()
        switch value {
        case .none: printer.append("null")
        case .bool(let value): printer.append(value ? "true" : "false")
        case .integer(let value): printer.append(value.description)
        case .double(let value): printer.append(Self.jsonText(value))
        case .string(let text), .markup(let text):
            try charge(text.utf8.count / 32)
            appendQuoted(text, style, &printer)
        case .list(let elements), .tuple(let elements):
            try append(elements.values.count, "[", "]", style, &printer, level) { index, printer in
                try append(elements.values[index], style, &printer, level: level + 1)
            }
        case .dictionary(let dictionary):
            var places = Array(dictionary.keys.indices)
            if style.sortsKeys {
                let sorted = try sorted(
                    places.map { .integer($0) }, by: dictionary.keys, reversed: false)
                places = sorted.map { Int($0.integer ?? 0) }
            }
            try append(places.count, "{", "}", style, &printer, level) { index, printer in
                appendQuoted(try keyText(dictionary.keys[places[index]]), style, &printer)
                printer.append(style.keySeparator)
                try append(dictionary.values[places[index]], style, &printer, level: level + 1)
            }
        case .object(let object) where object is Jinja.Group:
            try append(.tuple(object.elements ?? []), style, &printer, level: level)
        default:
            throw TemplateError.type(
                "Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private func append(
        _ count: Int, _ open: String, _ close: String, _ style: JSONStyle,
        _ printer: inout Jinja.Printer, _ level: Int,
        _ element: (Int, inout Jinja.Printer) throws -> Void
    ) throws {
        printer.append(open)
        for index in 0..<count {
            if index > 0 { printer.append(style.itemSeparator) }
            breakLine(style, &printer, level + 1)
            try element(index, &printer)
        }
        if count > 0 { breakLine(style, &printer, level) }
        printer.append(close)
    }

    private func breakLine(_ style: JSONStyle, _ printer: inout Jinja.Printer, _ level: Int) {
        guard let indent = style.indent else { return }
        printer.append("\n")
        for _ in 0..<level { printer.append(indent) }
    }

    private static func jsonText(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return value.pythonDescription
    }

    private func keyText(_ key: Value) throws -> String {
        switch key {
        case .string(let text), .markup(let text): return text
        case .integer(let value): return value.description
        case .double(let value): return Self.jsonText(value)
        case .bool(let value): return value ? "true" : "false"
        case .none: return "null"
        default:
            throw TemplateError.type(
                "keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }

    private func appendQuoted(
        _ text: String, _ style: JSONStyle, _ printer: inout Jinja.Printer
    ) {
        printer.append("\"")
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let escape: String
            switch scalar {
            case "\"": escape = "\\\""
            case "\\": escape = "\\\\"
            case "\n": escape = "\\n"
            case "\r": escape = "\\r"
            case "\t": escape = "\\t"
            case "\u{8}": escape = "\\b"
            case "\u{c}": escape = "\\f"
            default:
                let isPlain = scalar.value >= 0x20 && (!style.isASCII || scalar.value < 0x7F)
                guard !isPlain else {
                    plain.append(scalar)
                    continue
                }
                escape = String(scalar).utf16.reduce("") { result, unit in
                    let digits = String(unit, radix: 16)
                    return result + "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
            printer.append(String(plain))
            plain = String.UnicodeScalarView()
            printer.append(escape)
        }
        printer.append(String(plain))
        printer.append("\"")
    }
}

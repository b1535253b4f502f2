// Filter+Text.swift: filters on text and on the marks of HTML.

extension Jinja.Filter {
    typealias Value = Jinja.Value

    static let textFilters: [String: Body] = [
        "upper": { value, _, renderer in like(value, try text(value, renderer).pythonUppercased) },
        "lower": { value, _, renderer in like(value, try text(value, renderer).pythonLowercased) },
        "capitalize": { value, _, renderer in
            like(value, try text(value, renderer).pythonCapitalized)
        },
        "title": { value, _, renderer in like(value, titled(try text(value, renderer))) },
        "trim": { value, arguments, renderer in
            let chars = try arguments.bind(["chars"], function: "do_trim")[0]
            let subject = try text(value, renderer)
            guard let chars, !chars.isNone else { return like(value, subject.trimmed) }
            guard let chars = chars.text else {
                throw TemplateError.type("strip arg must be None or str")
            }
            let set = Set(chars.unicodeScalars)
            return like(value, subject.trimmed { set.contains($0) })
        },
        "string": { value, _, renderer in
            if case .markup = value { return value }
            return .string(try text(value, renderer))
        },
        "replace": { value, arguments, renderer in
            let values = try arguments.bind(
                ["old", "new", "count"], function: "do_replace", required: 2)
            let count =
                values[2].map { $0.isNone } ?? true
                ? -1 : try values[2].integer("do_replace", default: -1)
            return .string(
                try renderer.replaced(
                    try text(value, renderer), try text(values[0] ?? .none, renderer),
                    try text(values[1] ?? .none, renderer), count))
        },
        "center": { value, arguments, renderer in
            let values = try arguments.bind(["width"], function: "do_center")
            let width = Jinja.Value.integer(try values[0].integer("do_center", default: 80))
            let subject = Jinja.Value.string(try text(value, renderer))
            guard let center = Jinja.StringMethods.all["center"] else { return subject }
            return try center(subject, Jinja.CallArguments(positional: [width]), renderer)
        },
        "indent": indented,
        "truncate": truncated,
        "wordcount": { value, _, renderer in
            var count = 0
            var inWord = false
            for scalar in try text(value, renderer).unicodeScalars {
                let isWord = scalar.isAlphanumeric || scalar == "_"
                if isWord, !inWord { count += 1 }
                inWord = isWord
            }
            return .integer(count)
        },
        "wordwrap": wrapped,
        "format": { value, arguments, renderer in
            guard arguments.positional.isEmpty || arguments.keywords.isEmpty else {
                throw TemplateError.argument(
                    "can't handle positional and keyword arguments at the same time")
            }
            var operand = Value.tuple(arguments.positional)
            if !arguments.keywords.isEmpty {
                var dictionary = Jinja.Dictionary()
                for (name, value) in arguments.keywords { dictionary.set(name, to: value) }
                operand = .dictionary(dictionary)
            }
            return .string(try renderer.percentFormatted(try text(value, renderer), operand))
        },
        "tojson": { value, arguments, renderer in
            .string(try renderer.json(value, arguments))
        },
        "pprint": { value, _, renderer in
            var printer = Jinja.Printer(bytesMax: renderer.limits.outputBytesMax)
            try printer.appendRepresentation(try renderer.keySorted(value))
            return .string(printer.text)
        },
        "urlencode": urlEncoded,
    ]

    static let markupFilters: [String: Body] = [
        "safe": { value, _, renderer in .markup(try text(value, renderer)) },
        "escape": { value, _, renderer in .markup(try renderer.escaped(value)) },
        "forceescape": { value, _, renderer in
            .markup(try renderer.escaped(.string(try text(value, renderer))))
        },
        "striptags": { value, _, renderer in
            .string(stripped(try text(value, renderer)))
        },
        "xmlattr": { value, arguments, renderer in
            guard case .dictionary(let dictionary) = value else {
                throw TemplateError.type("xmlattr needs a mapping, not \(value.typeName)")
            }
            let spaced = try arguments.bind(["autospace"], function: "do_xmlattr")[0]
            var parts: [String] = []
            for (key, value) in zip(dictionary.keys, dictionary.values)
            where !value.isNone && !value.isUndefined {
                let name = try renderer.escaped(key)
                parts.append("\(name)=\"\(try renderer.escaped(value))\"")
            }
            let result = try renderer.joined(parts, " ")
            return .string(spaced.isTrue(default: true) && !result.isEmpty ? " " + result : result)
        },
    ]

    /// Jinja's own title case: words begin after space, hyphen and opening brackets.
    private static func titled(_ text: String) -> String {
        let breaks: Set<Unicode.Scalar> = ["-", "(", "{", "[", "<"]
        var result = ""
        var isStart = true
        for scalar in text.unicodeScalars {
            let mapping =
                isStart ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
            result += mapping
            isStart = scalar.isPythonSpace || breaks.contains(scalar)
        }
        return result
    }

    private static let indented: Body = { value, arguments, renderer in
        let values = try arguments.bind(["width", "first", "blank"], function: "do_indent")
        let first = values[1].isTrue(default: false)
        let blank = values[2].isTrue(default: false)
        let indention: String
        if let text = values[0]?.text {
            indention = text
        } else {
            let width = try values[0].integer("do_indent", default: 4)
            try renderer.check(bytes: width)
            indention = String(repeating: " ", count: max(0, width))
        }
        guard let subject = value.text else {
            if case .undefined(let undefined) = value { throw undefined.error }
            throw TemplateError.type(
                "unsupported operand type(s) for +=: '\(value.typeName)' and 'str'")
        }
        let lines = (subject + "\n").lines()
        let (added, overflow) = lines.count.multipliedReportingOverflow(
            by: indention.utf8.count + 1)
        try renderer.check(bytes: overflow ? .max : added)
        try renderer.charge(lines.count)
        var result = lines[0]
        for line in lines.dropFirst() {
            result += "\n"
            if blank || !line.isEmpty { result += indention }
            result += line
        }
        return like(value, first ? indention + result : result)
    }

    private static let truncated: Body = { value, arguments, renderer in
        let values = try arguments.bind(
            ["length", "killwords", "end", "leeway"], function: "do_truncate")
        let subject = try text(value, renderer)
        let length = try values[0].integer("do_truncate", default: 255)
        let end = try values[2].map { try text($0, renderer) } ?? "..."
        let leeway = try (values[3]?.isNone == true ? nil : values[3]).integer(
            "do_truncate", default: 5)
        guard length >= end.length else {
            throw TemplateError.runtime(
                "AssertionError", "expected length >= \(end.length), got \(length)")
        }
        guard leeway >= 0 else {
            throw TemplateError.runtime("AssertionError", "expected leeway >= 0, got \(leeway)")
        }
        if subject.length <= length.addingReportingOverflow(leeway).partialValue { return value }
        var kept = String(scalars: subject.unicodeScalars.prefix(length - end.length))
        if !values[1].isTrue(default: false), let space = kept.lastRange(of: " ") {
            kept = String(kept[..<space.lowerBound])
        }
        return like(value, kept + end)
    }

    /// Breaks lines at spaces so that none is longer than the width.
    private static let wrapped: Body = { value, arguments, renderer in
        let values = try arguments.bind(
            ["width", "break_long_words", "wrapstring", "break_on_hyphens"],
            function: "do_wordwrap")
        let width = try values[0].integer("do_wordwrap", default: 79)
        guard width > 0 else {
            throw TemplateError.value("invalid width \(width) (must be > 0)")
        }
        let breaksWords = values[1].isTrue(default: true)
        let separator = try values[2].flatMap { $0.isNone ? nil : try text($0, renderer) } ?? "\n"
        var result: [String] = []
        for line in try text(value, renderer).lines() {
            try renderer.charge(1 + line.utf8.count / 8)
            result.append(contentsOf: wrap(line, width, breaksWords))
        }
        return .string(try renderer.joined(result, separator))
    }

    private static func wrap(_ line: String, _ width: Int, _ breaksWords: Bool) -> [String] {
        var lines: [String] = []
        var current: [Unicode.Scalar] = []
        var chunks: [[Unicode.Scalar]] = []
        for scalar in line.unicodeScalars {
            if let last = chunks.last?.last, last.isPythonSpace == scalar.isPythonSpace {
                chunks[chunks.count - 1].append(scalar)
            } else {
                chunks.append([scalar])
            }
        }
        func flush() {
            while current.last?.isPythonSpace == true { current.removeLast() }
            if !current.isEmpty { lines.append(String(scalars: current)) }
            current = []
        }
        for chunk in chunks {
            if current.count + chunk.count <= width {
                if current.isEmpty, !lines.isEmpty, chunk[0].isPythonSpace { continue }
                current += chunk
                continue
            }
            if chunk.count <= width || !breaksWords {
                flush()
                if !chunk[0].isPythonSpace { current = chunk }
                continue
            }
            var rest = chunk[...]
            while !rest.isEmpty {
                let part = rest.prefix(width - current.count)
                current += part
                rest = rest.dropFirst(part.count)
                if current.count == width { flush() }
            }
        }
        flush()
        return lines.isEmpty ? [""] : lines
    }

    /// Text without tags and comments, its white space collapsed and entities resolved.
    private static func stripped(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.utf8.firstIndex(of: UInt8(ascii: "<")) {
            let tail = String(rest[open...])
            let isComment = tail.starts(withPart: "<!--")
            let close = isComment ? tail.firstRange(of: "-->") : tail.firstRange(of: ">")
            guard let close else { break }
            result += rest[..<open]
            let length = tail.utf8.distance(from: tail.startIndex, to: close.upperBound)
            rest = rest[rest.utf8.index(open, offsetBy: length)...]
        }
        result += rest
        result = result.words().joined(separator: " ")
        let entities = [
            ("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&quot;", "\""),
            ("&amp;", "&"),
        ]
        for (entity, character) in entities {
            var parts: [String] = []
            var start = result.startIndex
            for range in result.ranges(ofPart: entity) {
                parts.append(String(result[start..<range.lowerBound]))
                start = range.upperBound
            }
            parts.append(String(result[start...]))
            result = parts.joined(separator: character)
        }
        return result
    }

    private static let urlEncoded: Body = { value, _, renderer in
        func quote(_ value: Value, isQuery: Bool) throws -> String {
            var result = ""
            let subject: String = try text(value, renderer)
            for byte in subject.utf8 {
                let scalar = Unicode.Scalar(byte)
                let isPlain =
                    scalar.isASCII && (scalar.isWord || "-.~".unicodeScalars.contains(scalar))
                if isPlain || (byte == UInt8(ascii: "/") && !isQuery) {
                    result.unicodeScalars.append(scalar)
                } else if isQuery, byte == 0x20 {
                    result += "+"
                } else {
                    let digits = String(byte, radix: 16, uppercase: true)
                    result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
                }
            }
            return result
        }
        let pairs: [Value]
        switch value {
        case .dictionary(let dictionary): pairs = dictionary.items
        case .list, .tuple, .generator: pairs = try renderer.elements(of: value)
        default: return .string(try quote(value, isQuery: false))
        }
        var parts: [String] = []
        for pair in pairs {
            guard let both = pair.sequence, both.count == 2 else {
                throw TemplateError.value("not enough values to unpack (expected 2)")
            }
            let name = try quote(both[0], isQuery: true)
            parts.append(name + "=" + (try quote(both[1], isQuery: true)))
        }
        return .string(try renderer.joined(parts, "&"))
    }
}

extension Jinja.Renderer {
    /// The value with the members of dictionaries in the order of their keys.
    func keySorted(_ value: Value) throws -> Value {
        try charge()
        switch value {
        case .list(let elements): return .list(try elements.values.map { try keySorted($0) })
        case .tuple(let elements): return .tuple(try elements.values.map { try keySorted($0) })
        case .dictionary(let dictionary):
            var result = Jinja.Dictionary()
            let places = dictionary.keys.indices.map { Value.integer($0) }
            for place in try sorted(places, by: dictionary.keys, reversed: false) {
                let index = Int(place.integer ?? 0)
                let keyValue = dictionary.keys[index]
                result.set(
                    keyValue, try key(for: keyValue), to: try keySorted(dictionary.values[index]))
            }
            return .dictionary(result)
        default: return value
        }
    }
}

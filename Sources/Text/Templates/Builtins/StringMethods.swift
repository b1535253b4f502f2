// StringMethods.swift: the methods of Python's `str` that change nothing but their result.

extension Jinja {
    enum StringMethods {
        typealias Body = @Sendable (Value, CallArguments, Renderer) throws -> Value

        static let all: [String: Body] =
            transforms.merging(splits) { a, _ in a }
            .merging(searches) { a, _ in a }
            .merging(questions) { a, _ in a }
            .merging(layouts) { a, _ in a }

        /// A text of the receiver's kind.
        static func like(_ receiver: Value, _ text: String) -> Value {
            if case .markup = receiver { return .markup(text) }
            return .string(text)
        }

        private static func simple(
            _ name: String, _ body: @escaping @Sendable (String) -> String
        ) -> Body {
            { receiver, arguments, _ in
                _ = try arguments.positionalOnly("str.\(name)", 0...0)
                return like(receiver, body(receiver.text ?? ""))
            }
        }

        private static func text(
            _ value: Value, _ function: String
        ) throws(TemplateError) -> String {
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let text = value.text else {
                throw .type("\(function) argument must be str, not \(value.typeName)")
            }
            return text
        }

        // MARK: transforms

        private static let transforms: [String: Body] = [
            "upper": simple("upper") { $0.pythonUppercased },
            "lower": simple("lower") { $0.pythonLowercased },
            "casefold": simple("casefold") { $0.pythonLowercased },
            "capitalize": simple("capitalize") { $0.pythonCapitalized },
            "title": simple("title", titled),
            "swapcase": simple("swapcase") { text in
                text.unicodeScalars.reduce(into: "") { result, scalar in
                    result +=
                        scalar.properties.isUppercase
                        ? scalar.properties.lowercaseMapping : scalar.properties.uppercaseMapping
                }
            },
            "strip": strip("strip", left: true, right: true),
            "lstrip": strip("lstrip", left: true, right: false),
            "rstrip": strip("rstrip", left: false, right: true),
            "removeprefix": { receiver, arguments, _ in
                let prefix = try text(
                    try arguments.positionalOnly("str.removeprefix", 1...1)[0], "removeprefix()")
                let subject = receiver.text ?? ""
                guard subject.starts(withPart: prefix) else { return receiver }
                return like(receiver, String(subject.utf8.dropFirst(prefix.utf8.count))!)
            },
            "removesuffix": { receiver, arguments, _ in
                let suffix = try text(
                    try arguments.positionalOnly("str.removesuffix", 1...1)[0], "removesuffix()")
                let subject = receiver.text ?? ""
                guard subject.ends(withPart: suffix) else { return receiver }
                return like(receiver, String(subject.utf8.dropLast(suffix.utf8.count))!)
            },
            "replace": { receiver, arguments, renderer in
                let values = try arguments.positionalOnly("str.replace", 2...3)
                let count = try (values.count > 2 ? values[2] : nil).integer("replace", default: -1)
                return like(
                    receiver,
                    try renderer.replaced(
                        receiver.text ?? "", try text(values[0], "replace()"),
                        try text(values[1], "replace()"), count))
            },
        ]

        private static func strip(_ name: String, left: Bool, right: Bool) -> Body {
            { receiver, arguments, _ in
                let values = try arguments.positionalOnly(name, 0...1)
                let subject = receiver.text ?? ""
                guard let chars = values.first, !chars.isNone else {
                    return like(
                        receiver, subject.trimmed(left: left, right: right) { $0.isPythonSpace })
                }
                guard let chars = chars.text else {
                    throw TemplateError.type("\(name) arg must be None or str")
                }
                let set = Set(chars.unicodeScalars)
                return like(
                    receiver, subject.trimmed(left: left, right: right) { set.contains($0) })
            }
        }

        private static func titled(_ text: String) -> String {
            var result = ""
            var afterCased = false
            for scalar in text.unicodeScalars {
                let properties = scalar.properties
                result += afterCased ? properties.lowercaseMapping : properties.titlecaseMapping
                afterCased = properties.isCased
            }
            return result
        }

        // MARK: splits

        private static let splits: [String: Body] = [
            "split": { receiver, arguments, renderer in
                let (separator, limit) = try splitArguments(arguments, "split")
                let subject = receiver.text ?? ""
                guard let separator else { return texts(subject.words(maxSplits: limit), receiver) }
                let ranges = subject.ranges(ofPart: separator, atMost: limit)
                try renderer.charge(ranges.count)
                return texts(pieces(of: subject, between: ranges), receiver)
            },
            "rsplit": { receiver, arguments, renderer in
                let (separator, limit) = try splitArguments(arguments, "rsplit")
                let subject = receiver.text ?? ""
                guard let separator else {
                    let words = String(scalars: subject.unicodeScalars.reversed())
                        .words(maxSplits: limit)
                    return texts(
                        words.reversed().map { String(scalars: $0.unicodeScalars.reversed()) },
                        receiver)
                }
                var ranges: [Swift.Range<String.Index>] = []
                var rest = subject
                while ranges.count < limit, let range = rest.lastRange(of: separator) {
                    try renderer.charge(1 + rest.utf8.count / 32)
                    ranges.append(range)
                    rest = String(subject[..<range.lowerBound])
                }
                return texts(pieces(of: subject, between: ranges.reversed()), receiver)
            },
            "splitlines": { receiver, arguments, _ in
                let values = try arguments.bind(["keepends"], function: "splitlines")
                return texts(
                    (receiver.text ?? "").lines(keepsEnds: values[0].isTrue(default: false)),
                    receiver)
            },
            "partition": { receiver, arguments, _ in
                try partitioned(receiver, arguments, "partition")
            },
            "rpartition": { receiver, arguments, _ in
                try partitioned(receiver, arguments, "rpartition")
            },
            "join": { receiver, arguments, renderer in
                let iterable = try arguments.positionalOnly("str.join", 1...1)[0]
                var parts: [String] = []
                for (index, value) in try renderer.elements(of: iterable).enumerated() {
                    guard let text = value.text else {
                        throw TemplateError.type(
                            "sequence item \(index): expected str instance,"
                                + " \(value.typeName) found")
                    }
                    parts.append(text)
                }
                return like(receiver, try renderer.joined(parts, receiver.text ?? ""))
            },
        ]

        private static func texts(_ parts: [String], _ receiver: Value) -> Value {
            .list(parts.map { like(receiver, $0) })
        }

        private static func pieces(
            of text: String, between ranges: [Swift.Range<String.Index>]
        ) -> [String] {
            var result: [String] = []
            var start = text.startIndex
            for range in ranges {
                result.append(String(text[start..<range.lowerBound]))
                start = range.upperBound
            }
            result.append(String(text[start...]))
            return result
        }

        private static func splitArguments(
            _ arguments: CallArguments, _ name: String
        ) throws(TemplateError) -> (String?, Int) {
            let values = try arguments.bind(["sep", "maxsplit"], function: name)
            let limit = try values[1].integer(name, default: -1)
            let bounded = limit < 0 ? Int.max : limit
            guard let separator = values[0], !separator.isNone else { return (nil, bounded) }
            if case .undefined(let undefined) = separator { throw undefined.error }
            guard let text = separator.text else {
                throw .type("must be str or None, not \(separator.typeName)")
            }
            guard !text.isEmpty else { throw .value("empty separator") }
            return (text, bounded)
        }

        private static func partitioned(
            _ receiver: Value, _ arguments: CallArguments, _ name: String
        ) throws -> Value {
            let separator = try text(
                try arguments.positionalOnly("str.\(name)", 1...1)[0], "\(name)()")
            guard !separator.isEmpty else { throw TemplateError.value("empty separator") }
            let subject = receiver.text ?? ""
            let isLast = name == "rpartition"
            let range =
                isLast ? subject.lastRange(of: separator) : subject.firstRange(of: separator)
            let parts: [String]
            if let range {
                parts = [
                    String(subject[..<range.lowerBound]), separator,
                    String(subject[range.upperBound...]),
                ]
            } else {
                parts = isLast ? ["", "", subject] : [subject, "", ""]
            }
            return .tuple(parts.map { like(receiver, $0) })
        }

        // MARK: searches

        private static let searches: [String: Body] = [
            "startswith": affix("startswith") { $0.starts(withPart: $1) },
            "endswith": affix("endswith") { $0.ends(withPart: $1) },
            "find": find("find", fromEnd: false, isStrict: false),
            "rfind": find("rfind", fromEnd: true, isStrict: false),
            "index": find("index", fromEnd: false, isStrict: true),
            "rindex": find("rindex", fromEnd: true, isStrict: true),
            "count": { receiver, arguments, _ in
                let values = try arguments.positionalOnly("count", 1...3)
                let part = try text(values[0], "count()")
                let (subject, _) = try window(receiver.text ?? "", values)
                if part.isEmpty { return .integer(subject.length + 1) }
                return .integer(subject.ranges(ofPart: part).count)
            },
        ]

        /// The part of the text between optional bounds, and where it begins.
        private static func window(
            _ text: String, _ values: [Value]
        ) throws(TemplateError) -> (String, Int) {
            guard values.count > 1 else { return (text, 0) }
            let count = text.length
            func bound(_ index: Int, _ otherwise: Int) throws(TemplateError) -> Int {
                guard values.count > index, !values[index].isNone else { return otherwise }
                let value = try Optional(values[index]).integer("find", default: otherwise)
                return min(value < 0 ? max(0, value + count) : value, count)
            }
            let first = try bound(1, 0)
            return (text.sliced(first, try bound(2, count), 1), first)
        }

        private static func affix(
            _ name: String, _ test: @escaping @Sendable (String, String) -> Bool
        ) -> Body {
            { receiver, arguments, _ in
                let values = try arguments.positionalOnly(name, 1...3)
                let (subject, _) = try window(receiver.text ?? "", values)
                if case .undefined(let undefined) = values[0] { throw undefined.error }
                if case .tuple(let parts) = values[0] {
                    for part in parts.values where test(subject, try text(part, name)) {
                        return .bool(true)
                    }
                    return .bool(false)
                }
                guard let part = values[0].text else {
                    throw TemplateError.type(
                        "\(name) first arg must be str or a tuple of str,"
                            + " not \(values[0].typeName)")
                }
                return .bool(test(subject, part))
            }
        }

        private static func find(_ name: String, fromEnd: Bool, isStrict: Bool) -> Body {
            { receiver, arguments, _ in
                let values = try arguments.positionalOnly(name, 1...3)
                let part = try text(values[0], "\(name)()")
                let (subject, offset) = try window(receiver.text ?? "", values)
                let place: Int?
                if part.isEmpty {
                    place = fromEnd ? subject.length : 0
                } else {
                    let range = fromEnd ? subject.lastRange(of: part) : subject.firstRange(of: part)
                    place = range.map { String(subject[..<$0.lowerBound]).length }
                }
                if let place { return .integer(place + offset) }
                if isStrict { throw TemplateError.value("substring not found") }
                return .integer(-1)
            }
        }

        // MARK: questions

        private static func question(
            _ name: String, emptyAnswer: Bool = false,
            _ test: @escaping @Sendable (Unicode.Scalar) -> Bool
        ) -> Body {
            { receiver, arguments, _ in
                _ = try arguments.positionalOnly("str.\(name)", 0...0)
                let scalars = (receiver.text ?? "").unicodeScalars
                return .bool(scalars.isEmpty ? emptyAnswer : scalars.allSatisfy(test))
            }
        }

        private static let questions: [String: Body] = [
            "isalpha": question("isalpha") { $0.isLetter },
            "isdigit": question("isdigit") { $0.isPythonDigit },
            "isdecimal": question("isdecimal") { $0.isDecimal },
            "isnumeric": question("isnumeric") { $0.isNumeric },
            "isalnum": question("isalnum") { $0.isAlphanumeric },
            "isspace": question("isspace") { $0.isPythonSpace },
            "isascii": question("isascii", emptyAnswer: true) { $0.isASCII },
            "isprintable": question("isprintable", emptyAnswer: true) { $0.isPrintable },
            "islower": { receiver, _, _ in .bool(isLower(receiver.text ?? "")) },
            "isupper": { receiver, _, _ in .bool(isUpper(receiver.text ?? "")) },
            "istitle": { receiver, _, _ in
                let text = receiver.text ?? ""
                let isCased = text.unicodeScalars.contains { $0.properties.isCased }
                return .bool(isCased && titled(text).isSame(as: text))
            },
            "isidentifier": { receiver, _, _ in
                let scalars = (receiver.text ?? "").unicodeScalars
                guard let first = scalars.first else { return .bool(false) }
                return .bool(!first.isDigit && scalars.allSatisfy { $0.isWord })
            },
        ]

        static func isLower(_ text: String) -> Bool {
            let cased = text.unicodeScalars.filter { $0.properties.isCased }
            return !cased.isEmpty && cased.allSatisfy { $0.properties.isLowercase }
        }

        static func isUpper(_ text: String) -> Bool {
            let cased = text.unicodeScalars.filter { $0.properties.isCased }
            return !cased.isEmpty && cased.allSatisfy { $0.properties.isUppercase }
        }

        // MARK: layouts

        private static let layouts: [String: Body] = [
            "center": pad("center") { missing, width in
                let left = missing / 2 + (missing & width & 1)
                return (left, missing - left)
            },
            "ljust": pad("ljust") { missing, _ in (0, missing) },
            "rjust": pad("rjust") { missing, _ in (missing, 0) },
            "zfill": { receiver, arguments, renderer in
                let values = try arguments.positionalOnly("str.zfill", 1...1)
                let width = try Optional(values[0]).integer("zfill", default: 0)
                let subject = receiver.text ?? ""
                let missing = max(0, width - subject.length)
                try renderer.check(bytes: missing)
                let zeros = String(repeating: "0", count: missing)
                if let sign = subject.unicodeScalars.first, sign == "-" || sign == "+" {
                    return .string(
                        String(Character(sign)) + zeros + String(subject.unicodeScalars.dropFirst())
                    )
                }
                return .string(zeros + subject)
            },
            "expandtabs": { receiver, arguments, renderer in
                let values = try arguments.bind(["tabsize"], function: "expandtabs")
                let size = max(0, try values[0].integer("expandtabs", default: 8))
                var result = ""
                var column = 0
                for scalar in (receiver.text ?? "").unicodeScalars {
                    if scalar == "\t" {
                        let count = size == 0 ? 0 : size - column % size
                        try renderer.check(bytes: count + result.utf8.count)
                        result += String(repeating: " ", count: count)
                        column += count
                    } else {
                        result.unicodeScalars.append(scalar)
                        column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
                    }
                }
                return .string(result)
            },
            "format": { receiver, arguments, renderer in
                like(receiver, try renderer.braceFormatted(receiver.text ?? "", arguments))
            },
            "format_map": { receiver, arguments, renderer in
                let mapping = try arguments.positionalOnly("format_map", 1...1)[0]
                guard case .dictionary(let dictionary) = mapping else {
                    throw TemplateError.type("format_map() argument must be a mapping")
                }
                var named = CallArguments()
                for (key, value) in zip(dictionary.keys, dictionary.values) {
                    if let name = key.text { named.keywords.append((name, value)) }
                }
                return .string(try renderer.braceFormatted(receiver.text ?? "", named))
            },
        ]

        private static func pad(
            _ name: String, _ split: @escaping @Sendable (Int, Int) -> (Int, Int)
        ) -> Body {
            { receiver, arguments, renderer in
                let values = try arguments.positionalOnly(name, 1...2)
                let width = try Optional(values[0]).integer(name, default: 0)
                let fill = values.count > 1 ? try text(values[1], name) : " "
                guard fill.length == 1 else {
                    throw TemplateError.type(
                        "The fill character must be exactly one character long")
                }
                let subject = receiver.text ?? ""
                let missing = max(0, width - subject.length)
                try renderer.check(bytes: missing)
                let (left, right) = split(missing, width)
                return like(
                    receiver,
                    String(repeating: fill, count: left) + subject
                        + String(repeating: fill, count: right))
            }
        }
    }
}

extension Jinja.Renderer {
    /// The text with every occurrence of a part, or the first so many, replaced.
    func replaced(
        _ text: String, _ part: String, _ replacement: String, _ count: Int
    ) throws -> String {
        let limit = count < 0 ? Int.max : count
        try charge(text.utf8.count / 32)
        if part.isEmpty {
            var result = ""
            var done = 0
            for scalar in text.unicodeScalars {
                if done < limit { result += replacement }
                done += 1
                result.unicodeScalars.append(scalar)
                try check(bytes: result.utf8.count)
            }
            return done < limit ? result + replacement : result
        }
        let ranges = text.ranges(ofPart: part, atMost: limit)
        if ranges.isEmpty { return text }
        let (added, overflow) = ranges.count.multipliedReportingOverflow(by: replacement.utf8.count)
        try check(bytes: overflow ? .max : added)
        var result = ""
        var start = text.startIndex
        for range in ranges {
            result += text[start..<range.lowerBound]
            result += replacement
            start = range.upperBound
        }
        result += text[start...]
        return result
    }

    func joined(_ parts: [String], _ separator: String) throws -> String {
        var total = 0
        for part in parts {
            total += part.utf8.count + separator.utf8.count
            try check(bytes: total)
        }
        return parts.joined(separator: separator)
    }
}

// Filter+Numbers.swift: filters that make or measure numbers.

extension Jinja.Filter {
    static let numberFilters: [String: Body] = [
        "abs": { value, _, renderer in
            if case .undefined(let undefined) = value { throw undefined.error }
            if let integer = value.integer {
                return integer < 0 ? try renderer.unary(.negative, value) : .integer(integer)
            }
            guard case .double(let number) = value else {
                throw TemplateError.type("bad operand type for abs(): '\(value.typeName)'")
            }
            return .double(number.magnitude)
        },
        "int": { value, arguments, renderer in
            let values = try arguments.bind(["default", "base"], function: "do_int")
            let base = try values[1].integer("do_int", default: 10)
            if case .undefined(let undefined) = value { throw undefined.error }
            return try integer(value, base: base, renderer) ?? values[0] ?? .integer(0)
        },
        "float": { value, arguments, _ in
            let values = try arguments.bind(["default"], function: "do_float")
            if case .undefined(let undefined) = value { throw undefined.error }
            if let number = value.number ?? value.text.flatMap(double) { return .double(number) }
            return values[0] ?? .double(0)
        },
        "round": rounded,
        "filesizeformat": { value, arguments, _ in
            let values = try arguments.bind(["binary"], function: "do_filesizeformat")
            guard let size = value.number ?? value.text.flatMap(double) else {
                throw TemplateError.type("a size must be a number, not \(value.typeName)")
            }
            return .string(fileSize(size, isBinary: values[0].isTrue(default: false)))
        },
        "length": { value, _, renderer in
            switch value {
            case .undefined: return .integer(0)
            case .string(let text), .markup(let text):
                try renderer.charge(text.utf8.count / 32)
                return .integer(text.length)
            case .dictionary(let dictionary): return .integer(dictionary.count)
            case .object(let object):
                if let loop = object as? Jinja.Loop {
                    return try loop.member("length", renderer) ?? .none
                }
                if let namespace = object as? Jinja.Namespace {
                    throw TemplateError.type("object of type '\(namespace.typeName)' has no len()")
                }
            default: break
            }
            guard let values = value.sequence else {
                throw TemplateError.type("object of type '\(value.typeName)' has no len()")
            }
            return .integer(values.count)
        },
    ]

    /// Python's `int(...)` with the filter's second attempt through a float.
    private static func integer(
        _ value: Value, base: Int, _ renderer: Jinja.Renderer
    ) throws -> Value? {
        if let integer = value.integer { return .integer(integer) }
        if case .double(let number) = value {
            guard number.isFinite else { return nil }
            return .integer(try renderer.whole(number))
        }
        guard let text = value.text else { return nil }
        if let parsed = parsed(text.trimmed, base: base) { return .integer(parsed) }
        guard let number = double(text), number.isFinite else { return nil }
        return .integer(try renderer.whole(number))
    }

    private static func parsed(_ text: String, base: Int) -> Int128? {
        guard base == 0 || (2...36).contains(base) else { return nil }
        var digits = text[...]
        var isNegative = false
        if let sign = digits.first, sign == "-" || sign == "+" {
            isNegative = sign == "-"
            digits = digits.dropFirst()
        }
        var base = base
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)]
        where base == radix || base == 0 {
            if digits.prefix(2).lowercased() == prefix {
                digits = digits.dropFirst(2)
                base = radix
                break
            }
        }
        let parts = digits.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty }), digits.first != "-", digits.first != "+" else {
            return nil
        }
        return Int128((isNegative ? "-" : "") + parts.joined(), radix: base == 0 ? 10 : base)
    }

    /// Python's `float(text)`.
    private static func double(_ text: String) -> Double? {
        let text = text.trimmed
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty }), !text.lowercased().contains("x"),
            !text.contains("(")
        else { return nil }
        return Double(parts.joined())
    }

    private static let rounded: Body = { value, arguments, renderer in
        let values = try arguments.bind(["precision", "method"], function: "do_round")
        let precision = try values[0].integer("do_round", default: 0)
        let method = values[1]?.text ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else {
            throw TemplateError.argument("method must be common, ceil or floor")
        }
        if case .undefined(let undefined) = value { throw undefined.error }
        if method == "common" {
            if let integer = value.integer {
                return .integer(try roundedInteger(integer, precision, renderer))
            }
            guard case .double(let number) = value else {
                throw TemplateError.type(
                    "type \(value.typeName) doesn't define __round__ method")
            }
            return .double(roundedDouble(number, precision))
        }
        let scale = try renderer.binary(.power, .integer(10), .integer(precision))
        let scaled = try renderer.binary(.multiply, value, scale)
        guard let number = scaled.number else {
            throw TemplateError.type("must be real number, not \(value.typeName)")
        }
        let whole =
            try scaled.integer
            ?? renderer.whole(number.rounded(method == "ceil" ? .up : .down))
        return try renderer.binary(.divide, .integer(whole), scale)
    }

    private static func roundedInteger(
        _ value: Int128, _ precision: Int, _ renderer: Jinja.Renderer
    ) throws -> Int128 {
        guard precision < 0 else { return value }
        guard precision > -38 else { return 0 }
        var unit: Int128 = 1
        for _ in 0..<(-precision) { unit *= 10 }
        let rest = ((value % unit) + unit) % unit
        let low = value - rest
        let isUp = rest > unit - rest || (rest == unit - rest && (low / unit) % 2 != 0)
        return isUp ? low + unit : low
    }

    /// Python's `round`: correct in decimal, halves to even.
    private static func roundedDouble(_ value: Double, _ precision: Int) -> Double {
        guard value.isFinite else { return value }
        if precision >= 0 {
            guard precision < 330 else { return value }
            return Double(Jinja.Renderer.printed(value, precision, "f")) ?? value
        }
        guard precision > -309 else { return 0 }
        var unit = 1.0
        for _ in 0..<(-precision) { unit *= 10 }
        return (value / unit).rounded(.toNearestOrEven) * unit
    }

    private static func fileSize(_ size: Double, isBinary: Bool) -> String {
        let base = isBinary ? 1024.0 : 1000.0
        if size == 1 { return "1 Byte" }
        if size < base { return "\(Int128(exactly: size.rounded(.towardZero)) ?? 0) Bytes" }
        let letters = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
        var unit = base
        var index = 0
        while size >= unit * base, index + 1 < letters.count {
            unit *= base
            index += 1
        }
        let letter = isBinary ? letters[index].uppercased() + "i" : letters[index]
        return Jinja.Renderer.printed(size / unit, 1, "f") + " " + letter + "B"
    }
}

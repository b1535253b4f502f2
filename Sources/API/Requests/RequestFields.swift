// RequestFields.swift: reads a request's fields one by one, strictly, and refuses what nobody read.
// A field that is null counts as absent, as OpenAI's clients mean it.
import Core
import JSON

/// A JSON object being read; remembers which fields were asked for.
struct RequestFields {
    let object: JSONObject
    /// Put before field names in messages: `stream_options.` for a nested object.
    let path: String
    private var read: Set<String> = []

    init(_ object: JSONObject, path: String = "") {
        self.object = object
        self.path = path
    }

    mutating func value(_ name: String) -> JSONValue? {
        read.insert(name)
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    mutating func boolean(_ name: String) throws(APIError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = value.boolValue else {
            throw .wrongType(path + name, expected: "a boolean", got: value)
        }
        return flag
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let value = value(name) else { return nil }
        guard let number = value.intValue else {
            throw .wrongType(path + name, expected: "an integer", got: value)
        }
        guard range.contains(number) else {
            throw .outOfRange(path + name, "\(number)", limit: Self.words(for: range))
        }
        return number
    }

    /// Infinite and not-a-number values are out of every range.
    mutating func number(_ name: String, in range: ClosedRange<Double>) throws(APIError) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.doubleValue else {
            throw .wrongType(path + name, expected: "a number", got: value)
        }
        guard range.contains(number) else {
            let words = "between \(Self.text(range.lowerBound)) and \(Self.text(range.upperBound))"
            throw .outOfRange(path + name, Self.text(number), limit: words)
        }
        return number
    }

    /// A number for the sampler, which computes in single precision.
    mutating func float(_ name: String, in range: ClosedRange<Double>) throws(APIError) -> Float? {
        try number(name, in: range).map { Float($0) }
    }

    mutating func string(_ name: String, bytesMax: Int, mayBeEmpty: Bool = true) throws(APIError) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else {
            throw .wrongType(path + name, expected: "a string", got: value)
        }
        guard text.utf8.count <= bytesMax else {
            throw .outOfRange(path + name, "a string of \(text.utf8.count) bytes", limit: "at most \(bytesMax) bytes")
        }
        guard mayBeEmpty || !text.isEmpty else {
            throw .outOfRange(path + name, "an empty string", limit: "allowed")
        }
        return text
    }

    mutating func object(_ name: String) throws(APIError) -> JSONObject? {
        guard let value = value(name) else { return nil }
        guard let object = value.objectValue else {
            throw .wrongType(path + name, expected: "an object", got: value)
        }
        return object
    }

    mutating func array(_ name: String, countMax: Int) throws(APIError) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.arrayValue else {
            throw .wrongType(path + name, expected: "an array", got: value)
        }
        guard elements.count <= countMax else {
            throw .outOfRange(path + name, "an array of \(elements.count)", limit: "at most \(countMax) elements")
        }
        return elements
    }

    mutating func strings(_ name: String, countMax: Int, bytesMax: Int) throws(APIError) -> [String]? {
        guard let elements = try array(name, countMax: countMax) else { return nil }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            let field = "\(path)\(name)[\(index)]"
            guard let text = element.stringValue else {
                throw .wrongType(field, expected: "a string", got: element)
            }
            guard (1...bytesMax).contains(text.utf8.count) else {
                throw .outOfRange(field, "a string of \(text.utf8.count) bytes", limit: "1 to \(bytesMax) bytes")
            }
            texts.append(text)
        }
        return texts
    }

    mutating func tokens(
        _ name: String, vocabularySize: Int, countMax: Int
    ) throws(APIError) -> [TokenID]? {
        guard let elements = try array(name, countMax: countMax) else { return nil }
        return try Self.tokens(elements, field: path + name, vocabularySize: vocabularySize)
    }

    static func tokens(
        _ elements: [JSONValue], field: String, vocabularySize: Int
    ) throws(APIError) -> [TokenID] {
        var tokens: [TokenID] = []
        tokens.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let number = element.intValue else {
                throw .wrongType("\(field)[\(index)]", expected: "an integer", got: element)
            }
            guard (0..<vocabularySize).contains(number) else {
                throw .outOfRange(
                    "\(field)[\(index)]", "token id \(number)", limit: "between 0 and \(vocabularySize - 1)")
            }
            tokens.append(TokenID(number))
        }
        return tokens
    }

    /// Refuses every field that was not read: what we do not know might change the output.
    func refuseUnread() throws(APIError) {
        for (name, value) in object where !read.contains(name) && !value.isNull {
            throw .invalid(
                path + name, "Unrecognized request argument supplied: '\(path + name)'.",
                code: "unknown_parameter")
        }
    }

    private static func words(for range: ClosedRange<Int>) -> String {
        if range.upperBound == .max { return "at least \(range.lowerBound)" }
        return "between \(range.lowerBound) and \(range.upperBound)"
    }

    private static func text(_ value: Double) -> String {
        Int(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}

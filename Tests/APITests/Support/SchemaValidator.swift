// SchemaValidator.swift: the part of JSON Schema that OpenAI's description uses, and no more.
// An unknown keyword stops the test: silence would look like agreement.
import JSON

struct SchemaValidator {
    let document: JSONValue

    private static let annotations: Set<String> = [
        "description", "default", "example", "examples", "title", "deprecated", "format", "discriminator", "nullable",
        "x-oaiTypeLabel", "x-oaiExpandable", "x-oaiMeta", "x-stainless-const", "x-oaiSupportedSDKs",
    ]

    /// What is wrong with a value, with its place; empty if it fits the schema.
    func faults(of value: JSONValue, against name: String) -> [String] {
        guard let schema = document["components"]?["schemas"]?[name] else { return ["no schema \(name)"] }
        return faults(value, schema, at: "$")
    }

    private func faults(_ value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
        guard let keywords = schema.objectValue else { return [] }
        if value.isNull, schema["nullable"]?.boolValue == true { return [] }
        var found: [String] = []
        for (keyword, argument) in keywords where !Self.annotations.contains(keyword) {
            found += faults(value, keyword, argument, schema, at: place)
        }
        return found
    }

    private func faults(
        _ value: JSONValue, _ keyword: String, _ argument: JSONValue, _ schema: JSONValue, at place: String
    ) -> [String] {
        switch keyword {
        case "$ref":
            let name = argument.stringValue?.split(separator: "/").last.map(String.init) ?? ""
            return faults(value, document["components"]?["schemas"]?[name] ?? .null, at: place)
        case "type": return Self.hasType(value, argument) ? [] : ["\(place) is no \(argument)"]
        case "enum", "const":
            let allowed = argument.arrayValue ?? [argument]
            return allowed.contains(value) ? [] : ["\(place) is \(value), not one of \(allowed)"]
        case "properties":
            return (argument.objectValue ?? [:]).flatMap { name, property in
                value[name].map { faults($0, property, at: "\(place).\(name)") } ?? []
            }
        case "required":
            guard value.objectValue != nil else { return [] }
            return (argument.arrayValue ?? []).compactMap { name in
                value[name.stringValue ?? ""] == nil ? "\(place) lacks \(name)" : nil
            }
        case "additionalProperties":
            guard let object = value.objectValue else { return [] }
            return object.flatMap { name, member -> [String] in
                if schema["properties"]?[name] != nil || argument.boolValue == true { return [] }
                if argument.boolValue == false { return ["\(place) has \(name)"] }
                return faults(member, argument, at: "\(place).\(name)")
            }
        case "items":
            return (value.arrayValue ?? []).enumerated().flatMap { faults($1, argument, at: "\(place)[\($0)]") }
        case "anyOf", "oneOf": return alternatives(value, argument.arrayValue ?? [], at: place)
        case "allOf": return (argument.arrayValue ?? []).flatMap { faults(value, $0, at: place) }
        case "minimum": return value.doubleValue.map { $0 >= argument.doubleValue ?? 0 } ?? true ? [] : ["\(place) low"]
        case "maximum": return value.doubleValue.map { $0 <= argument.doubleValue ?? 0 } ?? true ? [] : ["\(place) high"]
        case "minItems": return (value.arrayValue?.count ?? .max) >= argument.intValue ?? 0 ? [] : ["\(place) short"]
        case "maxItems": return (value.arrayValue?.count ?? 0) <= argument.intValue ?? .max ? [] : ["\(place) long"]
        case "maxLength":
            return (value.stringValue?.unicodeScalars.count ?? 0) <= argument.intValue ?? .max ? [] : ["\(place) long"]
        default: return ["keyword \(keyword) is not known to the validator"]
        }
    }

    private func alternatives(_ value: JSONValue, _ schemas: [JSONValue], at place: String) -> [String] {
        let outcomes = schemas.map { faults(value, $0, at: place) }
        return outcomes.contains(where: \.isEmpty) ? [] : outcomes.min { $0.count < $1.count } ?? []
    }

    private static func hasType(_ value: JSONValue, _ type: JSONValue) -> Bool {
        switch (type.stringValue, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool), ("null", .null),
            ("integer", .integer), ("number", .integer), ("number", .double):
            true
        default: false
        }
    }
}

// Setting.swift: one key of the settings: how its text becomes a value of `Root`, and back.
// It knows no files and no environment; readers hand it text and say where that stood.

/// What a reader found: text, and the type that YAML gave it (`nil` from variables and flags, whose
/// text has no type of its own).
enum SettingInput: Sendable, Equatable {
    enum Kind: String, Sendable { case text, integer, number, boolean, null }
    case scalar(String, Kind?)
    case list([String])

    var found: String {
        switch self {
        case .scalar(_, .null): "empty"
        case .scalar(let text, let kind?): "\(kind.rawValue) '\(text)'"
        case .scalar(let text, nil): "'\(text)'"
        case .list: "a list"
        }
    }
}

enum SettingProblem: Error, Sendable, Equatable { case wrongType, outOfRange }

struct Setting<Root: Sendable>: Sendable {
    /// Dotted: `http.body_bytes_max`.
    let key: String
    /// The second half of "must be ...".
    let expected: String
    let assign: @Sendable (inout Root, SettingInput) throws(SettingProblem) -> Void
    /// The value as the settings file would hold it.
    let show: @Sendable (Root) -> String

    /// The variable that sets it: `TOKENMILL_HTTP_BODY_BYTES_MAX`.
    var variable: String {
        "TOKENMILL_" + key.uppercased().replacing(".", with: "_")
    }
}

extension Setting {
    typealias Path<Value> = any WritableKeyPath<Root, Value> & Sendable

    static func integer(_ key: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> Self {
        Self(
            key: key, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            assign: { (root, input) throws(SettingProblem) in
                guard case .scalar(let text, let kind) = input, kind == nil || kind == .integer,
                    let value = Int(text)
                else { throw .wrongType }
                guard range.contains(value) else { throw .outOfRange }
                root[keyPath: path] = value
            }, show: { String($0[keyPath: path]) })
    }

    /// A number of bytes, plain or with a unit: `4194304`, `4MiB`.
    static func bytes(_ key: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> Self {
        Self(
            key: key,
            expected: "a size such as 512KiB, 4MiB or 2GiB, from \(range.lowerBound) to "
                + "\(range.upperBound) bytes",
            assign: { (root, input) throws(SettingProblem) in
                guard case .scalar(let text, let kind) = input, kind != .boolean, kind != .null,
                    let value = ByteSize.parse(text)
                else { throw .wrongType }
                guard range.contains(value) else { throw .outOfRange }
                root[keyPath: path] = value
            }, show: { ByteSize.words($0[keyPath: path]) })
    }

    static func number(
        _ key: String, _ path: Path<Double>, _ range: ClosedRange<Double>
    ) -> Self {
        Self(
            key: key,
            expected: "a number from \(words(range.lowerBound)) to \(words(range.upperBound))",
            assign: { (root, input) throws(SettingProblem) in
                guard case .scalar(let text, let kind) = input,
                    kind == nil || kind == .integer || kind == .number, let value = Double(text),
                    value.isFinite
                else { throw .wrongType }
                guard range.contains(value) else { throw .outOfRange }
                root[keyPath: path] = value
            }, show: { words($0[keyPath: path]) })
    }

    /// `75`, not `75.0`.
    private static func words(_ value: Double) -> String {
        Int(exactly: value).map { String($0) } ?? "\(value)"
    }

    static func flag(_ key: String, _ path: Path<Bool>) -> Self {
        Self(
            key: key, expected: "true or false",
            assign: { (root, input) throws(SettingProblem) in
                guard case .scalar(let text, let kind) = input, kind == nil || kind == .boolean,
                    text == "true" || text == "false"
                else { throw .wrongType }
                root[keyPath: path] = text == "true"
            }, show: { String($0[keyPath: path]) })
    }

    static func text(_ key: String, _ path: Path<String>) -> Self {
        Self(
            key: key, expected: "text (quote it if it looks like a number)",
            assign: { (root, input) throws(SettingProblem) in
                guard case .scalar(let text, let kind) = input, kind == nil || kind == .text else {
                    throw .wrongType
                }
                root[keyPath: path] = text
            }, show: { "\"\($0[keyPath: path])\"" })
    }

    static func list(_ key: String, _ path: Path<[String]>) -> Self {
        Self(
            key: key, expected: "a list of texts (in a variable: separated by commas)",
            assign: { (root, input) throws(SettingProblem) in
                switch input {
                case .list(let values): root[keyPath: path] = values
                case .scalar(let text, nil):
                    root[keyPath: path] = text.split(separator: ",").map {
                        String($0.drop(while: { $0 == " " }))
                    }
                case .scalar: throw .wrongType
                }
            }, show: { "[" + $0[keyPath: path].map { "\"\($0)\"" }.joined(separator: ", ") + "]" })
    }

    static func choice<Value>(_ key: String, _ path: Path<Value>) -> Self
    where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
        Self(
            key: key,
            expected: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            assign: { (root, input) throws(SettingProblem) in
                guard case .scalar(let text, let kind) = input, kind == nil || kind == .text else {
                    throw .wrongType
                }
                guard let value = Value(rawValue: text) else { throw .outOfRange }
                root[keyPath: path] = value
            }, show: { $0[keyPath: path].rawValue })
    }
}

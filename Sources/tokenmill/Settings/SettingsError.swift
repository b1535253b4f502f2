// SettingsError.swift: why settings were refused: where it stands, what it is, what it should be.

/// One mistake in a file, a variable or a flag.
enum SettingsError: Error, Sendable, Equatable {
    /// `place` reads `file:line:column`, the variable's name, or the flag.
    case unknownKey(place: String, key: String, nearest: String?)
    case wrongType(place: String, key: String, found: String, expected: String)
    case outOfRange(place: String, key: String, value: String, expected: String)
    case notYAML(place: String, problem: String)
    case unreadable(path: String, problem: String)
    /// Values that are fine alone and wrong together.
    case contradiction(String)
}

extension SettingsError: CustomStringConvertible {
    var description: String {
        switch self {
        case .unknownKey(let place, let key, let nearest):
            "\(place): unknown setting '\(key)'"
                + (nearest.map { "; did you mean '\($0)'?" } ?? "; see Config/tokenmill.yaml")
        case .wrongType(let place, let key, let found, let expected):
            "\(place): '\(key)' is \(found), and must be \(expected)"
        case .outOfRange(let place, let key, let value, let expected):
            "\(place): '\(key)' is \(value), and must be \(expected)"
        case .notYAML(let place, let problem): "\(place): not readable as YAML: \(problem)"
        case .unreadable(let path, let problem): "cannot read settings from '\(path)': \(problem)"
        case .contradiction(let problem): problem
        }
    }
}

// ModelFacts.swift: one way to ask a checkpoint for a number, whichever container states it.
// Missing is nil; present but of the wrong kind is an error that names the key.
import Checkpoints
import JSON

struct ModelFacts {
    let checkpoint: Checkpoint
    /// `general.architecture`, or the first of config.json's `architectures`.
    let architecture: String
    /// config.json, or its `text_config` in multimodal wrappers.
    private let configuration: JSONValue?

    init(_ checkpoint: Checkpoint) throws(ModelError) {
        self.checkpoint = checkpoint
        switch checkpoint.container {
        case .gguf:
            guard let name = checkpoint.metadata["general.architecture"]?.stringValue else {
                throw .settingMissing(key: "general.architecture")
            }
            architecture = name
            configuration = nil
        case .huggingFace:
            let whole = checkpoint.configuration
            guard let name = whole?["architectures"]?[0]?.stringValue else {
                throw .settingMissing(key: "architectures")
            }
            architecture = name
            configuration = whole?["text_config"] ?? whole
        }
    }

    var isGGUF: Bool { checkpoint.container == .gguf }

    /// A value of config.json by path, or nil in GGUF files.
    func json(_ path: String...) -> JSONValue? {
        var value = configuration
        for key in path { value = value?[key] }
        if case .null? = value { return nil }
        return value
    }

    /// A value under the architecture's prefix in GGUF metadata.
    func gguf(_ key: String) -> GGUFValue? { checkpoint.metadata["\(architecture).\(key)"] }

    func integer(_ key: String, gguf ggufKey: String) throws(ModelError) -> Int? {
        guard isGGUF else { return try jsonInteger(key) }
        guard let value = gguf(ggufKey) else { return nil }
        guard let integer = value.intValue else {
            throw .settingInvalid(key: ggufKey, value: "\(value)", expected: "an integer")
        }
        return integer
    }

    func jsonInteger(_ key: String) throws(ModelError) -> Int? {
        guard let value = json(key) else { return nil }
        guard let integer = value.intValue else {
            throw .settingInvalid(key: key, value: "\(value)", expected: "an integer")
        }
        return integer
    }

    /// A switch of config.json, of the text model or of the wrapper around it.
    func flag(_ key: String) -> Bool? {
        (json(key) ?? checkpoint.configuration?[key])?.boolValue
    }

    func number(_ key: String, gguf ggufKey: String) throws(ModelError) -> Double? {
        isGGUF ? try ggufNumber(ggufKey) : try jsonNumber(key)
    }

    func ggufNumber(_ key: String) throws(ModelError) -> Double? {
        guard let value = gguf(key) else { return nil }
        guard let number = value.doubleValue, number.isFinite else {
            throw .settingInvalid(key: key, value: "\(value)", expected: "a finite number")
        }
        return number
    }

    func jsonNumber(_ key: String) throws(ModelError) -> Double? {
        guard let value = json(key) else { return nil }
        guard let number = value.doubleValue, number.isFinite else {
            throw .settingInvalid(key: key, value: "\(value)", expected: "a finite number")
        }
        return number
    }

    /// A number that must be there and be positive.
    func ggufPositive(_ key: String) throws(ModelError) -> Double {
        try Self.positive(try ggufNumber(key), key)
    }

    func jsonPositive(_ key: String) throws(ModelError) -> Double {
        try Self.positive(try jsonNumber(key), key)
    }

    private static func positive(_ number: Double?, _ key: String) throws(ModelError) -> Double {
        guard let number else { throw .settingMissing(key: key) }
        guard number > 0 else {
            throw .settingInvalid(key: key, value: "\(number)", expected: "a positive number")
        }
        return number
    }

    /// A number that is positive where it is stated.
    func positive(_ key: String, gguf ggufKey: String) throws(ModelError) -> Double? {
        guard let number = try number(key, gguf: ggufKey) else { return nil }
        return try Self.positive(number, isGGUF ? ggufKey : key)
    }

    /// An integer that must be there and lie in `range`.
    func required(
        _ key: String, gguf ggufKey: String, in range: ClosedRange<Int>
    ) throws(ModelError) -> Int {
        guard let value = try integer(key, gguf: ggufKey) else {
            throw .settingMissing(key: isGGUF ? "\(architecture).\(ggufKey)" : key)
        }
        guard range.contains(value) else {
            throw .settingInvalid(
                key: isGGUF ? ggufKey : key, value: "\(value)", expected: "\(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

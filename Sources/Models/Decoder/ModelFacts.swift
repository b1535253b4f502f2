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
        if isGGUF {
            guard let value = gguf(ggufKey) else { return nil }
            guard let integer = value.intValue else {
                throw .settingInvalid(key: ggufKey, value: "\(value)", expected: "an integer")
            }
            return integer
        }
        guard let value = json(key) else { return nil }
        guard let integer = value.intValue else {
            throw .settingInvalid(key: key, value: "\(value)", expected: "an integer")
        }
        return integer
    }

    func number(_ key: String, gguf ggufKey: String) throws(ModelError) -> Double? {
        if isGGUF {
            guard let value = gguf(ggufKey) else { return nil }
            guard let number = value.doubleValue, number.isFinite else {
                throw .settingInvalid(key: ggufKey, value: "\(value)", expected: "a finite number")
            }
            return number
        }
        guard let value = json(key) else { return nil }
        guard let number = value.doubleValue, number.isFinite else {
            throw .settingInvalid(key: key, value: "\(value)", expected: "a finite number")
        }
        return number
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

// GenerationDefaults.swift: what a model's maker recommends when a request does not say.
// Only facts that the checkpoint states; everything else keeps the API's own defaults.
import JSON

/// Sampling values from `generation_config.json` or from GGUF metadata.
public struct GenerationDefaults: Sendable, Hashable {
    public var temperature: Float?
    public var topP: Float?
    public var topK: Int?
    public var minP: Float?
    public var repetitionPenalty: Float?
    /// Most new tokens.
    public var tokensMax: Int?

    public init() {}

    /// Reads a `generation_config.json`; values out of range are dropped, they would fail every request.
    public init(generationConfiguration: JSONValue?) {
        guard let object = generationConfiguration?.objectValue else { return }
        temperature = Self.float(object["temperature"]?.doubleValue, 0...2)
        // As in transformers: sampling that is expressly switched off means the most likely token, whatever
        // temperature stands beside it. A file that says nothing about it recommends nothing.
        if object["do_sample"]?.boolValue == false { temperature = 0 }
        topP = Self.float(object["top_p"]?.doubleValue, 0...1)
        topK = object["top_k"]?.intValue.flatMap { $0 >= 0 ? $0 : nil }
        minP = Self.float(object["min_p"]?.doubleValue, 0...1)
        repetitionPenalty = Self.float(object["repetition_penalty"]?.doubleValue, 0.01...100)
        tokensMax = object["max_new_tokens"]?.intValue.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Reads GGUF's `general.sampling.*` keys. - number: the metadata's value for a key, if it is a number.
    public init(metadata number: (String) -> Double?) {
        let prefix = "general.sampling."
        temperature = Self.float(number(prefix + "temp"), 0...2)
        topP = Self.float(number(prefix + "top_p"), 0...1)
        topK = number(prefix + "top_k").flatMap { Int(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil }
        minP = Self.float(number(prefix + "min_p"), 0...1)
        repetitionPenalty = Self.float(number(prefix + "penalty_repeat"), 0.01...100)
    }

    private static func float(_ value: Double?, _ range: ClosedRange<Double>) -> Float? {
        value.flatMap { range.contains($0) ? Float($0) : nil }
    }
}

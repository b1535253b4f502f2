// Rotation+Facts.swift: the rotation of a checkpoint's layers, as config.json or GGUF metadata state it.
// config.json has three spellings: `rope_theta` and `rope_scaling`; `rope_parameters` for all layers; and
// `rope_parameters` with an entry for each kind of layer. What is there and cannot be read is an error.
import Checkpoints
import Core
import Foundation
import JSON

/// The layers that a rotation is for, by their name in config.json.
enum RotatedLayers: String { case full = "full_attention", windowed = "sliding_attention" }

extension Rotation {
    /// - localBase: windowed layers of this family have a base of their own, of this value where
    ///   none is stated, and no scaling.
    init(
        _ facts: ModelFacts, headSize: Int, layers: RotatedLayers = .full, localBase: Double? = nil
    ) throws(ModelError) {
        let isLocal = layers == .windowed && localBase != nil
        let entry = try RotationEntry(facts, layers: layers, isLocal: isLocal)
        base = entry.base ?? (isLocal ? localBase : nil) ?? 10_000
        guard base > 1, base.isFinite else {
            throw .settingInvalid(key: entry.baseKey, value: "\(base)", expected: "a number above 1")
        }
        rotary = try Self.rotary(facts, entry, headSize: headSize)
        if facts.isGGUF {
            scaling = isLocal ? .none : try Self.ggufScaling(facts, rotary: rotary)
        } else {
            scaling = try entry.scaling(facts, rotary: rotary)
        }
    }

    private static func rotary(
        _ facts: ModelFacts, _ entry: RotationEntry, headSize: Int
    ) throws(ModelError) -> Int {
        let key: String
        var count = Double(headSize)
        if facts.isGGUF {
            key = "rope.dimension_count"
            count = try facts.ggufNumber(key) ?? count
        } else {
            key = "partial_rotary_factor"
            let nested = try entry.number(key)
            let part = if let nested { nested } else { try facts.jsonNumber(key) }
            count *= part ?? 1
        }
        guard count >= 2, count <= Double(headSize), Int(count) % 2 == 0 else {
            throw .settingInvalid(
                key: key, value: "\(count) elements", expected: "an even number of elements up to \(headSize)")
        }
        return Int(count)
    }

    private static func ggufScaling(_ facts: ModelFacts, rotary: Int) throws(ModelError) -> RotationScaling {
        if let divisors = facts.checkpoint.tensor("rope_freqs.weight") {
            guard divisors.format == .f32, divisors.elementCount == rotary / 2 else {
                throw .tensorShape(name: divisors.name, shape: divisors.shape, expected: [rotary / 2])
            }
            let values = (0..<rotary / 2).map {
                divisors.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
            }
            guard values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw .settingInvalid(key: divisors.name, value: "not positive", expected: "positive numbers")
            }
            return .divisors(values)
        }
        let key = "rope.scaling.type"
        switch facts.gguf(key)?.stringValue ?? "none" {
        case "none": return .none
        case "linear": return .linear(factor: try facts.ggufPositive("rope.scaling.factor"))
        case "yarn":
            let factor = try facts.ggufPositive("rope.scaling.factor")
            let context = try facts.ggufPositive("rope.scaling.original_context_length")
            let attention = try facts.ggufNumber("rope.scaling.attn_factor") ?? 1
            var yarn = YarnScaling(
                factor: factor, originalContext: context,
                magnitude: attention * YarnScaling.magnitude(factor: factor))
            yarn.betaFast = try facts.ggufNumber("rope.scaling.yarn_beta_fast") ?? yarn.betaFast
            yarn.betaSlow = try facts.ggufNumber("rope.scaling.yarn_beta_slow") ?? yarn.betaSlow
            return .yarn(try yarn.checked(key: "rope.scaling"))
        case let kind:
            throw .settingInvalid(key: key, value: kind, expected: "none, linear or yarn")
        }
    }
}

/// What config.json (or GGUF metadata, for the base alone) says of the rotation of some layers.
private struct RotationEntry {
    var base: Double?
    var baseKey = "rope_theta"
    private var path = "rope_scaling"
    private var object: JSONValue?

    init(_ facts: ModelFacts, layers: RotatedLayers, isLocal: Bool) throws(ModelError) {
        if facts.isGGUF {
            baseKey = "rope.freq_base"
            let keys = isLocal ? ["rope.local.freq_base", "rope.freq_base_swa"] : [baseKey]
            for key in keys where base == nil { base = try facts.ggufNumber(key) }
            return
        }
        if let parameters = facts.json("rope_parameters") {
            object = parameters
            path = "rope_parameters"
            if let nested = parameters[layers.rawValue], !nested.isNull {
                object = nested
                path += "." + layers.rawValue
            } else if isLocal {
                object = nil
            }
        } else if !isLocal {
            object = facts.json("rope_scaling")
        }
        baseKey = isLocal && object == nil ? "rope_local_base_freq" : "rope_theta"
        base = try number("rope_theta")
        if base == nil { base = try facts.jsonNumber(baseKey) }
        guard base != nil || object == nil || path == "rope_scaling" else {
            throw .settingMissing(key: path + ".rope_theta")
        }
    }

    func number(_ key: String) throws(ModelError) -> Double? {
        guard let value = object?[key], !value.isNull else { return nil }
        guard let number = value.doubleValue, number.isFinite else {
            throw .settingInvalid(key: "\(path).\(key)", value: "\(value)", expected: "a finite number")
        }
        return number
    }

    private func positive(_ key: String) throws(ModelError) -> Double {
        guard let number = try number(key) else { throw .settingMissing(key: "\(path).\(key)") }
        guard number > 0 else {
            throw .settingInvalid(key: "\(path).\(key)", value: "\(number)", expected: "a positive number")
        }
        return number
    }

    /// The context of the training: beside the entry, in it, or the model's own.
    private func originalContext(_ facts: ModelFacts) throws(ModelError) -> Double {
        let key = "original_max_position_embeddings"
        if facts.json(key) != nil { return try facts.jsonPositive(key) }
        if object?[key]?.isNull == false { return try positive(key) }
        return try facts.jsonPositive("max_position_embeddings")
    }

    func scaling(_ facts: ModelFacts, rotary: Int) throws(ModelError) -> RotationScaling {
        guard let object else { return .none }
        let kind = object["rope_type"] ?? object["type"] ?? .string("default")
        switch kind.stringValue {
        // "dynamic" changes nothing up to the context that the model states, and no more is served.
        case "default", "dynamic": return .none
        case "linear": return .linear(factor: try positive("factor"))
        case "llama3":
            let low = try positive("low_freq_factor"), high = try positive("high_freq_factor")
            guard low < high else {
                throw .settingInvalid(
                    key: "\(path).low_freq_factor", value: "\(low)", expected: "less than \(high)")
            }
            return .llama3(
                factor: try positive("factor"), lowFactor: low, highFactor: high,
                originalContext: try originalContext(facts))
        case "yarn": return .yarn(try yarn(facts))
        case "longrope": return try longrope(facts, rotary: rotary)
        default:
            throw .settingInvalid(
                key: "\(path).rope_type", value: "\(kind)",
                expected: "default, linear, dynamic, llama3, yarn or longrope")
        }
    }

    /// The stated factor, or how much longer the model's context is than the training's.
    private func contextFactor(_ facts: ModelFacts, over context: Double) throws(ModelError) -> Double {
        if object?["factor"]?.isNull == false { return try positive("factor") }
        return try facts.jsonPositive("max_position_embeddings") / context
    }

    private func yarn(_ facts: ModelFacts) throws(ModelError) -> YarnScaling {
        let context = try originalContext(facts)
        let factor = try contextFactor(facts, over: context)
        var magnitude = YarnScaling.magnitude(factor: factor)
        if let scale = try number("mscale"), let all = try number("mscale_all_dim"), scale != 0, all != 0 {
            magnitude = YarnScaling.magnitude(factor: factor, scale: scale)
                / YarnScaling.magnitude(factor: factor, scale: all)
        }
        var yarn = YarnScaling(
            factor: factor, originalContext: context, magnitude: try number("attention_factor") ?? magnitude)
        yarn.betaFast = try number("beta_fast") ?? yarn.betaFast
        yarn.betaSlow = try number("beta_slow") ?? yarn.betaSlow
        yarn.truncates = object?["truncate"]?.boolValue ?? true
        return try yarn.checked(key: path)
    }

    private func longrope(_ facts: ModelFacts, rotary: Int) throws(ModelError) -> RotationScaling {
        func divisors(_ key: String) throws(ModelError) -> [Double] {
            let values = object?[key]?.arrayValue?.compactMap(\.doubleValue) ?? []
            guard values.count == rotary / 2, values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw .settingInvalid(
                    key: "\(path).\(key)", value: "\(values.count) numbers",
                    expected: "\(rotary / 2) positive numbers")
            }
            return values
        }
        let context = try originalContext(facts)
        let factor = try contextFactor(facts, over: context)
        let usual = factor <= 1 || context <= 1 ? 1 : (1 + log(factor) / log(context)).squareRoot()
        return .longrope(
            short: try divisors("short_factor"), long: try divisors("long_factor"),
            originalContext: context, magnitude: try number("attention_factor") ?? usual)
    }
}

extension YarnScaling {
    /// Itself, when no number of it can make a frequency that is none.
    fileprivate func checked(key: String) throws(ModelError) -> Self {
        let facts = [
            ("factor", factor), ("original context", originalContext), ("beta_fast", betaFast),
            ("beta_slow", betaSlow), ("attention factor", magnitude),
        ]
        for (name, value) in facts where !(value > 0 && value.isFinite) {
            throw .settingInvalid(key: "\(key): \(name)", value: "\(value)", expected: "a positive number")
        }
        return self
    }
}

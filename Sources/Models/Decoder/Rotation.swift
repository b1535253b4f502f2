// Rotation.swift: rotary position encoding: base, rotated elements, and how long contexts are scaled.
// Source: RoFormer; "linear" after position interpolation; "llama3" from the Llama 3.1 release.
import Checkpoints
import Core
import Foundation
import JSON

/// How frequencies are stretched for contexts longer than the training's.
public enum RotationScaling: Sendable, Hashable {
    case none
    /// Every frequency divided by the factor.
    case linear(factor: Double)
    /// Long wavelengths divided by `factor`, short ones kept, a blend between.
    case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalContext: Double)
    /// Each frequency divided by its own number, as GGUF files store it.
    case divisors([Float])
}

public struct Rotation: Sendable, Hashable {
    public let base: Double
    /// Elements of each head that are rotated, from the first on.
    public let rotary: Int
    public let scaling: RotationScaling

    init(base: Double, rotary: Int, scaling: RotationScaling) {
        self.base = base
        self.rotary = rotary
        self.scaling = scaling
    }

    init(_ facts: ModelFacts, headSize: Int) throws(ModelError) {
        let nested = facts.json("rope_parameters", "rope_theta")?.doubleValue
        let stated = try facts.number("rope_theta", gguf: "rope.freq_base")
        base = nested ?? stated ?? 10_000
        rotary = try facts.integer("rotary_dim", gguf: "rope.dimension_count") ?? headSize
        guard base > 0, base.isFinite else {
            throw .settingInvalid(key: "rope_theta", value: "\(base)", expected: "a positive number")
        }
        guard (2...headSize).contains(rotary), rotary % 2 == 0 else {
            throw .settingInvalid(
                key: "rotated elements", value: "\(rotary)", expected: "an even number up to \(headSize)")
        }
        scaling = try facts.isGGUF ? Self.ggufScaling(facts, rotary: rotary) : Self.jsonScaling(facts)
    }

    private static func jsonScaling(_ facts: ModelFacts) throws(ModelError) -> RotationScaling {
        guard let stated = facts.json("rope_scaling") ?? facts.json("rope_parameters") else { return .none }
        let kind = (stated["rope_type"] ?? stated["type"])?.stringValue ?? "default"
        func factor(_ key: String) throws(ModelError) -> Double {
            guard let value = stated[key]?.doubleValue, value > 0, value.isFinite else {
                throw .settingInvalid(
                    key: "rope_scaling.\(key)", value: "\(stated[key] ?? .null)", expected: "a positive number")
            }
            return value
        }
        switch kind {
        case "default": return .none
        case "linear": return .linear(factor: try factor("factor"))
        case "llama3":
            return .llama3(
                factor: try factor("factor"), lowFactor: try factor("low_freq_factor"),
                highFactor: try factor("high_freq_factor"),
                originalContext: try factor("original_max_position_embeddings"))
        default:
            throw .settingInvalid(key: "rope_scaling.rope_type", value: kind, expected: "default, linear or llama3")
        }
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
        let kind = facts.gguf("rope.scaling.type")?.stringValue ?? "none"
        switch kind {
        case "none": return .none
        case "linear":
            guard let factor = facts.gguf("rope.scaling.factor")?.doubleValue, factor > 0, factor.isFinite else {
                throw .settingMissing(key: "rope.scaling.factor")
            }
            return .linear(factor: factor)
        default:
            throw .settingInvalid(key: "rope.scaling.type", value: kind, expected: "none or linear")
        }
    }

    /// Radians per position of each rotated pair, `[rotary / 2]`.
    func frequencies() -> [Double] {
        (0..<rotary / 2).map { pair in
            let plain = pow(base, -2 * Double(pair) / Double(rotary))
            switch scaling {
            case .none: return plain
            case .linear(let factor): return plain / factor
            case .divisors(let divisors): return plain / Double(divisors[pair])
            case .llama3(let factor, let low, let high, let original):
                let turns = original * plain / (2 * .pi)
                if turns < low { return plain / factor }
                if turns > high { return plain }
                let blend = (turns - low) / (high - low)
                return (1 - blend) * plain / factor + blend * plain
            }
        }
    }

    /// Cosines and sines, `[positions, rotary / 2]`, flat.
    func table(positions: Int) -> (cosines: [Float], sines: [Float]) {
        let frequencies = frequencies()
        var cosines = [Float](), sines = [Float]()
        cosines.reserveCapacity(positions * frequencies.count)
        sines.reserveCapacity(positions * frequencies.count)
        for position in 0..<positions {
            for frequency in frequencies {
                let angle = Double(position) * frequency
                cosines.append(Float(cos(angle)))
                sines.append(Float(sin(angle)))
            }
        }
        return (cosines, sines)
    }
}

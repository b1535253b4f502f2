// Rotation.swift: rotary position encoding as numbers: base, rotated elements, stretched frequencies.
// Where they are read from a checkpoint: Rotation+Facts.swift. Source: RoFormer; scalings below.
import Dispatch
import Foundation

/// How frequencies are stretched for contexts longer than the training's, as transformers defines it.
public enum RotationScaling: Sendable, Hashable {
    case none
    /// Every frequency divided by the factor. Source: position interpolation.
    case linear(factor: Double)
    /// Long wavelengths divided by `factor`, short ones kept, a blend between. Source: Llama 3.1.
    case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalContext: Double)
    case yarn(YarnScaling)
    /// Each frequency divided by its own number, of `short` up to the original context and of
    /// `long` where more is served. Source: LongRoPE.
    case longrope(short: [Double], long: [Double], originalContext: Double, magnitude: Double)
    /// Each frequency divided by its own number, as GGUF files store it.
    case divisors([Float])
}

/// Fast frequencies kept, slow ones divided by `factor`, a ramp between. Source: YaRN.
public struct YarnScaling: Sendable, Hashable {
    public var factor: Double
    public var originalContext: Double
    /// Turns within the original context from which on a frequency is kept, and below which it is divided.
    public var betaFast = 32.0
    public var betaSlow = 1.0
    /// Whether the ramp's ends are whole pairs.
    public var truncates = true
    /// Multiplies cosines and sines.
    public var magnitude: Double

    /// What `magnitude` is where nothing is stated.
    static func magnitude(factor: Double, scale: Double = 1) -> Double {
        factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1
    }
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

    /// Radians per position of each rotated pair, `[rotary / 2]`, where `context` positions are served.
    func frequencies(context: Int) -> [Double] {
        let plain = (0..<rotary / 2).map { pow(base, -2 * Double($0) / Double(rotary)) }
        switch scaling {
        case .none: return plain
        case .linear(let factor): return plain.map { $0 / factor }
        case .divisors(let divisors): return zip(plain, divisors).map { $0 / Double($1) }
        case .longrope(let short, let long, let original, _):
            return zip(plain, Double(context) > original ? long : short).map { $0 / $1 }
        case .yarn(let yarn): return stretched(plain, yarn)
        case .llama3(let factor, let low, let high, let original):
            return plain.map { frequency in
                let turns = original * frequency / (2 * .pi)
                if turns < low { return frequency / factor }
                if turns > high { return frequency }
                let blend = (turns - low) / (high - low)
                return (1 - blend) * frequency / factor + blend * frequency
            }
        }
    }

    private func stretched(_ plain: [Double], _ yarn: YarnScaling) -> [Double] {
        /// The pair, counted with fractions, that turns this often within the original context.
        func pair(turns: Double) -> Double {
            Double(rotary) * log(yarn.originalContext / (turns * 2 * .pi)) / (2 * log(base))
        }
        var low = pair(turns: yarn.betaFast), high = pair(turns: yarn.betaSlow)
        if yarn.truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, Double(rotary - 1)))
        if low == high { high += 0.001 }
        return plain.enumerated().map { pair, frequency in
            let ramp = min(max((Double(pair) - low) / (high - low), 0), 1)
            return frequency / yarn.factor * ramp + frequency * (1 - ramp)
        }
    }

    /// What cosines and sines are multiplied by.
    var magnitude: Double {
        switch scaling {
        case .yarn(let yarn): yarn.magnitude
        case .longrope(_, _, _, let magnitude): magnitude
        case .none, .linear, .llama3, .divisors: 1
        }
    }

    /// Bytes of the table of so many positions.
    func tableBytes(positions: Int) -> Int { positions * rotary * MemoryLayout<Float>.size }

    /// Positions that one core works out at a time: a fraction of a millisecond.
    private static let positionsPerPart = 256

    /// Cosines and sines of the first `positions`, `[positions, rotary / 2]`, flat.
    /// - context: positions that sequences may have, which some scalings depend on.
    func table(positions: Int, context: Int) -> (cosines: [Float], sines: [Float]) {
        let frequencies = frequencies(context: context)
        var cosines = [Float](repeating: 0, count: positions * frequencies.count), sines = cosines
        cosines.withUnsafeMutableBufferPointer { cosines in
            sines.withUnsafeMutableBufferPointer { sines in
                // Each part writes its own positions.
                nonisolated(unsafe) let cosines = cosines, sines = sines
                let parts = (positions + Self.positionsPerPart - 1) / Self.positionsPerPart
                DispatchQueue.concurrentPerform(iterations: parts) { part in
                    let first = part * Self.positionsPerPart
                    for position in first..<min(first + Self.positionsPerPart, positions) {
                        for (pair, frequency) in frequencies.enumerated() {
                            let angle = Double(position) * frequency, at = position * frequencies.count + pair
                            cosines[at] = Float(cos(angle) * magnitude)
                            sines[at] = Float(sin(angle) * magnitude)
                        }
                    }
                }
            }
        }
        return (cosines, sines)
    }
}

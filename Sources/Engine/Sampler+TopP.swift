// Sampler+TopP.swift: draws among the heaviest tokens that weigh a share of all together ("nucleus").
// Mostly they are a few. When they are thousands, as with a high temperature, they are neither sorted nor
// copied: weights are searched for the one that bounds them, with several sums in each pass over the row.
import Core
import Kernels

extension Sampler {
    /// How light a token the first search reaches, relative to the best one.
    private static let firstWeight: Float = 0.1
    /// Tokens that a search leaves undecided, about.
    private static let undecided = 512.0

    /// - place: in 0 ..< 1, where to draw.
    mutating func drawNucleus(_ place: Double, share: Float, _ row: RowWeights) -> TokenID {
        let mass = Double(share) * row.total
        // All tokens lighter than this weigh less together than what is left out.
        let least = max(0, Float((1 - Double(share)) * row.total / Double(weights.count)).nextDown)
        let first = max(Self.firstWeight * row.heaviest, least)
        collectWeights(atLeast: first, row)
        if first == least || candidateMass >= mass {
            keepHeaviest(upTo: mass)
            return drawCandidate(at: place * candidateMass)
        }
        return draw(place, upTo: mass, bound(of: mass, from: least, to: first), row)
    }

    /// Where the heaviest tokens end that weigh `mass` together, but for a few that are undecided.
    /// `least` is known to leave enough, and `most` not to.
    private func bound(of mass: Double, from least: Float, to most: Float) -> NucleusBound {
        var (low, high) = (least, most)
        while true {
            let tails = WeightTails(of: weights, from: low, to: high, kernels)
            let place = tails.masses.dropLast().lastIndex { $0 >= mass } ?? 0
            (low, high) = (tails.thresholds[place], tails.thresholds[place + 1])
            let between = tails.masses[place] - tails.masses[place + 1]
            if between <= Self.undecided * Double(low) || high.bitPattern - low.bitPattern <= 1 {
                return NucleusBound(low: low, high: high, sumsAbove: tails.sums(place + 1))
            }
        }
    }

    /// Of the undecided tokens the heaviest count, until all weigh `mass`.
    private mutating func draw(
        _ place: Double, upTo mass: Double, _ bound: NucleusBound, _ row: RowWeights
    ) -> TokenID {
        let above = bound.sumsAbove.reduce(0, +)
        collectWeights(atLeast: bound.low, bound: bound.high, row)
        keepHeaviest(upTo: mass - above)
        let target = place * (above + candidateMass)
        guard target < above || candidates.isEmpty else { return drawCandidate(at: target - above) }
        return drawAny(target, bound.sumsAbove, atLeast: bound.high)
    }
}

/// All tokens from `high` on belong to the nucleus, none below `low` does.
private struct NucleusBound {
    let low: Float
    let high: Float
    /// What those from `high` on weigh, block by block.
    let sumsAbove: [Double]
}

/// What tokens weigh that are at least as heavy as one threshold or another.
private struct WeightTails {
    /// Ascending, from the least to the greatest asked for.
    let thresholds: [Float]
    /// By threshold.
    let masses: [Double]
    /// By block, then by threshold.
    private let parts: [Float]

    init(of weights: [Float], from low: Float, to high: Float, _ kernels: UnsafePointer<statistics_kernels>) {
        // Bits of positive floats are ordered as they are, and spread evenly over their magnitudes.
        let width = UInt64(high.bitPattern - low.bitPattern)
        let steps = UInt64(MASS_THRESHOLDS) - 1
        let thresholds = (0...steps).map { Float(bitPattern: low.bitPattern + UInt32(width * $0 / steps)) }
        let blocks = (weights.count + Sampler.blockElements - 1) / Sampler.blockElements
        var parts = Array(repeating: Float(0), count: blocks * thresholds.count)
        weights.withUnsafeBufferPointer { weights in
            parts.withUnsafeMutableBufferPointer { parts in
                for block in 0..<blocks {
                    let begin = block * Sampler.blockElements
                    kernels.pointee.masses_at_least_f32(
                        weights.baseAddress! + begin, Int32(min(Sampler.blockElements, weights.count - begin)),
                        thresholds, parts.baseAddress! + block * thresholds.count)
                }
            }
        }
        (self.thresholds, self.parts) = (thresholds, parts)
        masses = thresholds.indices.map { threshold in
            stride(from: threshold, to: parts.count, by: thresholds.count).reduce(0) { $0 + Double(parts[$1]) }
        }
    }

    /// What tokens from a threshold on weigh, by block.
    func sums(_ threshold: Int) -> [Double] {
        stride(from: threshold, to: parts.count, by: thresholds.count).map { Double(parts[$0]) }
    }
}

// Sampler+TopP.swift: draws among the heaviest tokens that weigh a share of all together ("nucleus").
// Mostly they are some hundreds, and some thousands at most, which are collected; when they are more, as with a high
// temperature, all are searched. Either way nothing is sorted: weights are searched for the one that bounds the
// heaviest, with several sums in each pass over them, and only a few close to it are selected from.
import Core
import Kernels

extension Sampler {
    /// How light the tokens are that are collected: of the weight of all.
    private static let collectedShare = 1.0 / 65536
    private static let collectedMax = 4096
    /// Of the weights searched, those that are about as many are selected from instead.
    private static let undecidedShare = 1.0 / 96

    /// - place: in 0 ..< 1, where to draw.
    mutating func drawNucleus(_ place: Double, share: Float, _ row: RowWeights) -> TokenID {
        let mass = Double(share) * row.total
        // All tokens lighter than this weigh less together than what is left out.
        let least = max(0, Float((1 - Double(share)) * row.total / Double(weights.count)).nextDown)
        let lightest = max(Float(row.total * Self.collectedShare), least)
        let beyond = row.heaviest.nextUp
        if lightest < beyond, let (heavy, tokens) = collectHeavy(atLeast: lightest, row) {
            let tails = WeightTails(of: heavy, from: lightest, to: beyond, kernels)
            if lightest == least || tails.masses[0] >= mass {
                return TokenID(tokens[draw(place, upTo: mass, of: heavy, tails)])
            }
        }
        let tails = WeightTails(of: weights, from: least, to: beyond, kernels)
        return TokenID(draw(place, upTo: mass, of: weights, tails))
    }

    /// What tokens weigh that are at least so heavy, and which they are; `nil` if they are too many.
    private mutating func collectHeavy(
        atLeast least: Float, _ row: RowWeights
    ) -> (weights: [Float], tokens: [Int32])? {
        let blocks = blocks(of: row, atLeast: least)
        let found = weights.withUnsafeBufferPointer { weights in
            collected.collect(weights.baseAddress!, in: blocks, atLeast: least, most: Self.collectedMax, kernels)
        }
        guard found <= Self.collectedMax else { return nil }
        return (Array(collected.values[..<found]), Array(collected.indices[..<found]))
    }

    /// Where the heaviest weights end that are `mass` together, but for a few that are undecided.
    /// - tails: from a weight that is known to leave enough to one that is known not to.
    private func bound(of mass: Double, of weights: [Float], _ tails: WeightTails) -> NucleusBound {
        var tails = tails
        while true {
            let place = tails.masses.dropLast().lastIndex { $0 >= mass } ?? 0
            let (low, high) = (tails.thresholds[place], tails.thresholds[place + 1])
            let between = tails.masses[place] - tails.masses[place + 1]
            let undecided = Self.undecidedShare * Double(weights.count)
            if between <= undecided * Double(low) || high.bitPattern - low.bitPattern <= 1 {
                return NucleusBound(low: low, high: high, sumsAbove: tails.sums(place + 1))
            }
            tails = WeightTails(of: weights, from: low, to: high, kernels)
        }
    }

    /// Draws among the heaviest weights that are `mass` together: those beyond a bound, and of the undecided ones the
    /// heaviest. Returns the place of the one drawn.
    private mutating func draw(_ place: Double, upTo mass: Double, of weights: [Float], _ tails: WeightTails) -> Int {
        let bound = bound(of: mass, of: weights, tails)
        let above = bound.sumsAbove.reduce(0, +)
        candidates.removeAll(keepingCapacity: true)
        weights.withUnsafeBufferPointer { weights in
            for block in Self.blocks(weights.count) {
                collectCandidates(weights.baseAddress!, block, atLeast: bound.low, bound: bound.high)
            }
        }
        keepHeaviest(upTo: mass - above)
        let target = place * (above + candidateMass)
        guard target < above || candidates.isEmpty else { return Int(drawCandidate(at: target - above)) }
        return Int(drawAny(target, bound.sumsAbove, of: weights, atLeast: bound.high))
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

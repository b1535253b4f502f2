// Sampler+Weights.swift: what the tokens of a row weigh. A row comes from memory once, block by block, before its
// greatest logit is known: weights are relative to the first block's, unless that is far too small.
import Core
import Kernels

/// Facts about `Sampler.weights`, which are exp((logit - reference) * factor).
struct RowWeights {
    /// By block: the heaviest token's, and those of all.
    let greatest: [Float]
    let sums: [Double]
    /// The heaviest token's.
    let heaviest: Float

    /// No number if any logit is none.
    var total: Double { sums.reduce(0, +) }
}

extension Sampler {
    /// What the best token may weigh, where the reference weighs 1: the sum of all is a number then.
    private static let heaviestMax: Float = 0x1p86

    /// `weights` become those of the row.
    mutating func weighAll(
        _ row: UnsafeBufferPointer<Float>, _ factor: Float
    ) throws(SamplingFailure) -> RowWeights {
        let first = kernels.pointee.max_f32(row.baseAddress!, Int32(min(Self.blockElements, row.count)))
        let tried = weigh(row, factor, relativeTo: first)
        if tried.heaviest <= Self.heaviestMax, tried.total.isFinite { return tried }
        let best = kernels.pointee.max_f32(row.baseAddress!, Int32(row.count))
        try check(best: best)
        return weigh(row, factor, relativeTo: best)
    }

    private mutating func weigh(
        _ row: UnsafeBufferPointer<Float>, _ factor: Float, relativeTo reference: Float
    ) -> RowWeights {
        if weights.count != row.count { weights = Array(repeating: 0, count: row.count) }
        var greatest: [Float] = [], sums: [Double] = []
        weights.withUnsafeMutableBufferPointer { weights in
            for block in Self.blocks(row.count) {
                var own: Float = 0
                let sum = kernels.pointee.exp_f32(
                    weights.baseAddress! + block.lowerBound, &own, row.baseAddress! + block.lowerBound,
                    Int32(block.count), reference, factor)
                greatest.append(own)
                sums.append(Double(sum))
            }
        }
        let heaviest = kernels.pointee.max_f32(greatest, Int32(greatest.count))
        return RowWeights(greatest: greatest, sums: sums, heaviest: heaviest)
    }

    /// Replaces the candidates' logits by their weights relative to the best one.
    mutating func weighCandidates(_ best: Float, _ factor: Float) {
        weights.removeAll(keepingCapacity: true)
        for candidate in candidates { weights.append(candidate.value) }
        let count = Int32(weights.count)
        weights.withUnsafeMutableBufferPointer { weights in
            var heaviest: Float = 0
            _ = kernels.pointee.exp_f32(
                weights.baseAddress!, &heaviest, weights.baseAddress!, count, best, factor)
        }
        for index in candidates.indices { candidates[index].value = weights[index] }
    }

    /// `candidates` become the tokens at least so heavy; only blocks that may have some are read.
    mutating func collectWeights(atLeast least: Float, _ row: RowWeights) {
        candidates.removeAll(keepingCapacity: true)
        weights.withUnsafeBufferPointer { weights in
            for block in blocks(of: row, atLeast: least) {
                collectCandidates(weights.baseAddress!, block, atLeast: least)
            }
        }
    }

    /// The ranges of a row that are weighed at a time.
    static func blocks(_ count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: blockElements).map { $0..<min($0 + blockElements, count) }
    }

    /// Those that have tokens at least so heavy.
    func blocks(of row: RowWeights, atLeast least: Float) -> [Range<Int>] {
        zip(Self.blocks(weights.count), row.greatest).filter { $1 >= least }.map(\.0)
    }

    /// Elements of a range that are within bounds join the candidates.
    mutating func collectCandidates(
        _ row: UnsafePointer<Float>, _ range: Range<Int>, atLeast least: Float, bound: Float = .nan
    ) {
        _ = collected.collect(
            row, in: CollectionOfOne(range), atLeast: least, bound: bound, most: range.count, kernels)
        for place in 0..<collected.count {
            candidates.append(Candidate(value: collected.values[place], token: collected.indices[place]))
        }
    }

    /// Draws among those of some weights that are at least so heavy: first the block, then the token. `sums`: theirs by
    /// block.
    func drawAny(
        _ target: Double, _ sums: [Double], of weights: [Float], atLeast least: Float = .leastNonzeroMagnitude
    ) -> TokenID {
        var left = target
        var block = 0
        while block + 1 < sums.count, left >= sums[block] {
            left -= sums[block]
            block += 1
        }
        // Rounding may lead past the last weight; the last token that has any is the answer then.
        while sums[block] == 0 { block -= 1 }
        let begin = block * Self.blockElements
        var last = begin
        for index in begin..<min(begin + Self.blockElements, weights.count) where weights[index] >= least {
            last = index
            left -= Double(weights[index])
            if left < 0 { break }
        }
        return TokenID(last)
    }
}

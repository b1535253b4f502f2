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
        let blocks = row.count / Self.blockElements + 1
        greatest.reserveCapacity(blocks)
        sums.reserveCapacity(blocks)
        weights.withUnsafeMutableBufferPointer { weights in
            for begin in stride(from: 0, to: row.count, by: Self.blockElements) {
                let block = row.baseAddress! + begin, count = Int32(min(Self.blockElements, row.count - begin))
                var own: Float = 0
                let sum = kernels.pointee.exp_f32(
                    weights.baseAddress! + begin, &own, block, count, reference, factor)
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

    /// `candidates` become the tokens at least so heavy, and lighter than `bound` unless that is NaN; only blocks that
    /// may have some are read.
    mutating func collectWeights(atLeast least: Float, bound: Float = .nan, _ row: RowWeights) {
        growIndices(to: Self.blockElements)
        candidates.removeAll(keepingCapacity: true)
        for (number, greatest) in row.greatest.enumerated() where greatest >= least {
            let begin = number * Self.blockElements, count = min(Self.blockElements, weights.count - begin)
            let found = weights.withUnsafeBufferPointer { weights in
                kernels.pointee.collect_within_f32(
                    weights.baseAddress! + begin, Int32(count), least, bound, &indices, Int32(count))
            }
            for index in indices.prefix(Int(found)) {
                let token = begin + Int(index)
                candidates.append(Candidate(value: weights[token], token: TokenID(token)))
            }
        }
    }

    /// Draws among those of `weights` that are at least so heavy: first the block, then the token. `sums`: theirs by
    /// block.
    func drawAny(_ target: Double, _ sums: [Double], atLeast least: Float = .leastNonzeroMagnitude) -> TokenID {
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

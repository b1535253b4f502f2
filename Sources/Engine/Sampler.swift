// Sampler.swift: chooses a token from a row of logits.
// A pure function of the row, the request and the sequence's own tokens; it never sorts the
// vocabulary. Log-probabilities are those of the raw logits, before bias, penalties and
// temperature, as vLLM reports them.
//
// row -> [bias, masks, penalties on a copy] -> greedy
//                                           -> top-k, min-p, top-p -> draw
import Core
import Glibc
import Kernels

/// Everything besides the logits that decides a choice.
struct SamplingContext {
    let parameters: SamplingParameters
    /// Which of the request's continuations this is.
    let choice: Int
    /// Tokens chosen so far, and their bookkeeping when a parameter looks at it.
    let output: ArraySlice<TokenID>
    let history: TokenHistory?
    /// Stop tokens, while the sequence may not stop yet.
    let forbidden: Set<TokenID>
}

/// Why no token could be chosen.
enum SamplingFailure: Error, Equatable {
    case notFinite
    case nothingAllowed
}

/// One worker's sampler: immutable but for scratch that no result depends on.
struct Sampler {
    let kernels: UnsafePointer<statistics_kernels>
    private let vocabularySize: Int
    private var adjusted: [Float] = []
    var weights: [Float] = []
    var collected = CollectedElements()
    var candidates: [Candidate] = []

    /// Elements per partial sum: they stay in L1 from the search for the greatest to the sum.
    static let blockElements = 1024

    init(kernels: UnsafePointer<statistics_kernels>, vocabularySize: Int) {
        self.kernels = kernels
        self.vocabularySize = vocabularySize
    }

    /// - logits: `[vocabularySize]`, left as they are.
    /// - Cost: greedy and filters are one pass; a nucleus is one more, or some where it has thousands of tokens;
    /// penalties copy the row.
    mutating func sample(
        _ logits: UnsafeBufferPointer<Float>, _ context: SamplingContext
    ) throws(SamplingFailure) -> SampledToken {
        let token: TokenID
        if adjusts(context) {
            adjust(logits, context)
            // Borrowed for the choice, then put back: no copy is made.
            let row = adjusted
            adjusted = []
            defer { adjusted = row }
            token = try row.withUnsafeBufferPointer { row throws(SamplingFailure) in
                try choose(row, context)
            }
        } else {
            token = try choose(logits, context)
        }
        guard let count = context.parameters.logprobs else { return SampledToken(token: token) }
        return try report(logits, token: token, alternatives: count)
    }

    /// The log-probability of a token under raw logits, its rank, and the best alternatives.
    mutating func report(
        _ logits: UnsafeBufferPointer<Float>, token: TokenID, alternatives count: Int
    ) throws(SamplingFailure) -> SampledToken {
        guard let base = logits.baseAddress else { throw .notFinite }
        let size = Int32(logits.count)
        let best = kernels.pointee.max_f32(base, size)
        guard best.isFinite else { throw .notFinite }
        let normalizer = best + log(kernels.pointee.sum_exp_f32(base, size, best, 1))
        let value = logits[Int(token)]
        let rank = Int(kernels.pointee.count_greater_f32(base, size, value)) + 1
        selectBest(count, logits)
        candidates.sort { $0.precedes($1) }
        return SampledToken(
            token: token,
            logprob: TokenLogprob(token: token, logprob: value - normalizer, rank: rank),
            alternatives: candidates.enumerated().map { index, candidate in
                TokenLogprob(
                    token: candidate.token, logprob: candidate.value - normalizer, rank: index + 1)
            })
    }

    // MARK: what happens to logits before the choice

    private func adjusts(_ context: SamplingContext) -> Bool {
        let parameters = context.parameters
        return context.history != nil || !context.forbidden.isEmpty || !parameters.logitBias.isEmpty
            || parameters.allowedTokens != nil || !parameters.badWords.isEmpty
    }

    private mutating func adjust(_ logits: UnsafeBufferPointer<Float>, _ context: SamplingContext) {
        let parameters = context.parameters
        if let allowed = parameters.allowedTokens {
            adjusted.removeAll(keepingCapacity: true)
            adjusted.append(contentsOf: repeatElement(-Float.infinity, count: logits.count))
            for token in allowed where contains(token) { adjusted[Int(token)] = logits[Int(token)] }
        } else {
            adjusted.removeAll(keepingCapacity: true)
            adjusted.append(contentsOf: logits)
        }
        for word in parameters.badWords {
            guard let last = word.last, contains(last) else { continue }
            if context.output.suffix(word.count - 1) == word.dropLast() {
                adjusted[Int(last)] = -.infinity
            }
        }
        for token in context.forbidden where contains(token) { adjusted[Int(token)] = -.infinity }
        for (token, bias) in parameters.logitBias where contains(token) {
            adjusted[Int(token)] += bias
        }
        if let history = context.history {
            adjusted.withUnsafeMutableBufferPointer { row in
                statistics_penalize_f32(
                    row.baseAddress!, history.tokens, history.counts, Int32(history.tokens.count),
                    parameters.presencePenalty, parameters.frequencyPenalty,
                    parameters.repetitionPenalty)
            }
        }
    }

    private func contains(_ token: TokenID) -> Bool { token >= 0 && Int(token) < vocabularySize }

    // MARK: the choice

    private mutating func choose(
        _ row: UnsafeBufferPointer<Float>, _ context: SamplingContext
    ) throws(SamplingFailure) -> TokenID {
        guard let base = row.baseAddress else { throw .notFinite }
        let parameters = context.parameters
        let size = Int32(row.count)
        if parameters.temperature == 0 {
            let token = kernels.pointee.argmax_f32(base, size)
            guard token >= 0 else { throw .notFinite }
            try check(best: row[Int(token)])
            return token
        }
        let factor = min(1 / parameters.temperature, Float.greatestFiniteMagnitude)
        let place = RandomStream.uniform(
            seed: parameters.seed, choice: context.choice, index: context.output.count)
        if parameters.topK > 0, parameters.topK < row.count {
            let best = selectBest(parameters.topK, row)
            try check(best: best)
            weighCandidates(best, factor)
            if parameters.minP > 0 { candidates.removeAll { $0.value < parameters.minP } }
            return drawCandidate(place, topP: parameters.topP)
        }
        let weighed = try weighAll(row, factor)
        if parameters.minP > 0 {
            collectWeights(atLeast: parameters.minP * weighed.heaviest, weighed)
            return drawCandidate(place, topP: parameters.topP)
        }
        guard parameters.topP < 1 else { return drawAny(place * weighed.total, weighed.sums, of: weights) }
        return drawNucleus(place, share: parameters.topP, weighed)
    }

    func check(best: Float) throws(SamplingFailure) {
        if best == -.infinity { throw .nothingAllowed }
        if !best.isFinite { throw .notFinite }
    }

    /// Draws among the candidates that top-p keeps.
    private mutating func drawCandidate(_ place: Double, topP: Float) -> TokenID {
        if topP < 1 { keepHeaviest(upTo: Double(topP) * candidateMass) }
        return drawCandidate(at: place * candidateMass)
    }

    var candidateMass: Double { candidates.reduce(0) { $0 + Double($1.value) } }

    /// Leaves as few candidates as weigh so much together.
    mutating func keepHeaviest(upTo mass: Double) {
        let kept = CandidateSelection.selectMass(mass, of: &candidates)
        candidates.removeLast(candidates.count - kept)
    }

    func drawCandidate(at target: Double) -> TokenID {
        var left = target
        var last = candidates[0].token
        for candidate in candidates where candidate.value > 0 {
            last = candidate.token
            left -= Double(candidate.value)
            if left < 0 { break }
        }
        return last
    }
}

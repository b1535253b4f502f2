// ChoiceRecord.swift: one choice of an answer: what has been generated of it so far.
import Core
import Engine
import Service

struct ChoiceRecord {
    /// In the answer: prompt times `n` plus choice.
    let index: Int
    var text = ""
    var tokens: [SampledToken] = []
    var finish: FinishReason?
    /// Whether a streamed answer has said anything about it.
    var hasBegun = false
    /// Where the next token's text begins, in Unicode scalars, for OpenAI's `text_offset`.
    var textOffset = 0

    init(index: Int) { self.index = index }

    mutating func append(_ piece: ChoicePiece, keepsTokens: Bool) {
        text += piece.text
        if keepsTokens { tokens += piece.tokens }
        finish = piece.finish
    }

    /// Mean log-probability per token, by which `best_of` chooses.
    var meanLogprob: Float {
        let sum = tokens.reduce(Float(0)) { $0 + ($1.logprob?.logprob ?? 0) }
        return tokens.isEmpty ? 0 : sum / Float(tokens.count)
    }
}

// SamplingParameters.swift: how one sequence chooses its tokens, and when it stops.
// Values arrive validated: ranges are checked where requests are parsed, not here.

/// How the next token is chosen from a row of logits. Names and meaning follow vLLM's sampling parameters.
public struct SamplingParameters: Sendable, Hashable {
    /// 0 chooses the most likely token; ties go to the lowest id.
    public var temperature: Float = 1
    /// Keep the most likely tokens whose probabilities sum to at least this. 1 keeps all.
    public var topP: Float = 1
    /// Keep this many of the most likely tokens. 0 keeps all.
    public var topK: Int = 0
    /// Keep tokens at least this fraction as likely as the best one. 0 keeps all.
    public var minP: Float = 0
    /// Divides positive and multiplies negative logits of tokens seen in prompt or output. 1 does nothing.
    public var repetitionPenalty: Float = 1
    /// Subtracted per occurrence in the output.
    public var frequencyPenalty: Float = 0
    /// Subtracted once when the token is in the output.
    public var presencePenalty: Float = 0
    /// Added to the logits of single tokens.
    public var logitBias: [TokenID: Float] = [:]
    /// When set, only these tokens may be chosen.
    public var allowedTokens: Set<TokenID>?
    /// Token sequences that must never be completed in the output.
    public var badWords: [[TokenID]] = []
    /// With the request's content, the seed alone decides every random choice.
    public var seed: UInt64 = 0
    /// Report the chosen token's log-probability and this many best alternatives. `nil` reports nothing.
    public var logprobs: Int?
    /// The same for each prompt token.
    public var promptLogprobs: Int?

    public init() {}

    /// Always the most likely token.
    public static var greedy: Self {
        var greedy = Self()
        greedy.temperature = 0
        return greedy
    }

    /// Whether any parameter looks at the tokens that came before.
    public var usesHistory: Bool {
        repetitionPenalty != 1 || frequencyPenalty != 0 || presencePenalty != 0 || !badWords.isEmpty
    }
}

/// When a sequence ends, as far as token ids can tell. Stop strings are matched on text, outside the engine.
public struct StoppingRules: Sendable, Hashable {
    /// Most tokens to generate, at least 1 (0 only to score a prompt).
    public var tokensMax: Int
    /// No stop token is chosen before this many tokens.
    public var tokensMin: Int = 0
    /// Tokens that end the sequence: the model's end tokens and the request's own.
    public var stopTokens: Set<TokenID> = []

    public init(tokensMax: Int) { self.tokensMax = tokensMax }
}

/// Why a sequence ended.
public enum FinishReason: Sendable, Hashable {
    /// A stop token was chosen; it is the last token reported.
    case stopToken(TokenID)
    /// The text matched a stop string (decided on the connection's side).
    case stopString(String)
    /// The sequence reached its own token limit or the model's context.
    case length
    /// Cancelled by the client, a deadline or shutdown.
    case cancelled
    /// The engine could not continue; the text says why.
    case failed(String)
}

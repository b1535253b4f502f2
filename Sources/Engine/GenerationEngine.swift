// GenerationEngine.swift: what the service asks of the engine: ids in, ids out.
// Text, sockets and deadlines live above; kernels live below.
import Core
import Dispatch

/// A validated request for one or more continuations of one prompt.
public struct GenerationRequest: Sendable {
    /// At least one token; prompt plus `stopping.tokensMax` fits the context or stops there with `.length`.
    public var prompt: [TokenID]
    /// How many continuations (OpenAI's `n`). Choice `i` draws from a random state derived from the seed and `i`.
    public var choices: Int = 1
    public var sampling: SamplingParameters
    public var stopping: StoppingRules
    /// Lower runs first; equal priorities share fairly between `fairnessKey`s.
    public var priority: Int = 0
    /// Whose work this is (API key or endpoint), for fairness.
    public var fairnessKey: String = ""
    /// Keeps prefix-cache hits within the same salt.
    public var cacheSalt: String?

    public init(prompt: [TokenID], sampling: SamplingParameters, stopping: StoppingRules) {
        self.prompt = prompt
        self.sampling = sampling
        self.stopping = stopping
    }
}

/// A token with its log-probability.
public struct TokenLogprob: Sendable, Hashable {
    public let token: TokenID
    public let logprob: Float
    /// 1 for the most likely token.
    public let rank: Int

    public init(token: TokenID, logprob: Float, rank: Int) {
        self.token = token
        self.logprob = logprob
        self.rank = rank
    }
}

/// A chosen token (or a prompt token) with what was asked to be reported about it.
public struct SampledToken: Sendable, Hashable {
    public let token: TokenID
    /// `nil` unless log-probabilities were asked for; also `nil` for the first prompt token.
    public let logprob: TokenLogprob?
    /// The best alternatives, most likely first.
    public let alternatives: [TokenLogprob]

    public init(token: TokenID, logprob: TokenLogprob? = nil, alternatives: [TokenLogprob] = []) {
        self.token = token
        self.logprob = logprob
        self.alternatives = alternatives
    }
}

/// News of one choice from one step. The last update of a choice carries `finish`.
public struct GenerationUpdate: Sendable {
    public let request: RequestID
    public let choice: Int
    /// New tokens, in order; empty when only the end is reported.
    public var tokens: [SampledToken] = []
    public var finish: FinishReason?
    /// On the first update of choice 0: the prompt's tokens with log-probabilities, when asked for.
    public var promptLogprobs: [SampledToken] = []
    /// On the first update of each choice: prompt tokens that came from the prefix cache.
    public var cachedTokens: Int = 0
    /// Monotonic nanoseconds: when the request was first scheduled, and when this update was made.
    public var scheduledAt: UInt64 = 0
    public var madeAt: UInt64 = 0

    public init(request: RequestID, choice: Int) {
        self.request = request
        self.choice = choice
    }
}

/// Why the engine did not take a request.
public enum SubmissionError: Error, Sendable, Equatable {
    case promptEmpty
    case promptTooLong(tokens: Int, limit: Int)
    /// The prompt alone needs more cache than the whole pool has.
    case cacheTooSmall(tokensNeeded: Int, tokensAvailable: Int)
    case choicesTooMany(choices: Int, limit: Int)
    case tokenOutOfRange(token: TokenID, vocabularySize: Int)
    case queueFull(waiting: Int, limit: Int)
    case shuttingDown
}

/// What never changes about a running engine.
public struct EngineFacts: Sendable, Hashable {
    public var vocabularySize: Int
    public var contextMax: Int
    public var pageSize: Int
    /// Pages of each cache group.
    public var pageCounts: [Int]
    public var waitingMax: Int
    public var sequencesMax: Int
    public var choicesMax: Int

    public init(
        vocabularySize: Int, contextMax: Int, pageSize: Int, pageCounts: [Int], waitingMax: Int, sequencesMax: Int,
        choicesMax: Int
    ) {
        self.vocabularySize = vocabularySize
        self.contextMax = contextMax
        self.pageSize = pageSize
        self.pageCounts = pageCounts
        self.waitingMax = waitingMax
        self.sequencesMax = sequencesMax
        self.choicesMax = choicesMax
    }
}

/// Gauges and running totals, copied at one moment.
public struct EngineLoad: Sendable, Hashable {
    public var running = 0
    public var waiting = 0
    /// 0 to 1: pages held by live sequences over all pages, of the fullest group.
    public var cacheUsage = 0.0
    public var preemptions: UInt64 = 0
    public var prefixQueryTokens: UInt64 = 0
    public var prefixHitTokens: UInt64 = 0
    public var promptTokens: UInt64 = 0
    public var generatedTokens: UInt64 = 0
    /// Tokens that were guessed and computed beside known ones, and those of them that were right.
    public var draftTokens: UInt64 = 0
    public var acceptedDraftTokens: UInt64 = 0
    public var steps: UInt64 = 0
    public var stepSecondsTotal = 0.0
    /// The part of it that the forward passes took.
    public var modelSecondsTotal = 0.0
    /// Tokens computed in all steps, and a histogram of tokens per step with upper bounds `tokensPerStepBounds`
    /// (last bucket unbounded).
    public var stepTokensTotal: UInt64 = 0
    public var tokensPerStepCounts: [UInt64] = Array(repeating: 0, count: EngineLoad.tokensPerStepBounds.count + 1)
    public static let tokensPerStepBounds: [Int] = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]

    public init() {}
}

/// The engine as the service sees it; tests put a scripted one in its place.
public protocol GenerationEngine: AnyObject, Sendable {
    var facts: EngineFacts { get }

    /// Takes a request and answers at once. Updates arrive on `queue`, in order, batched into one hop per queue
    /// per step; after the update with `finish` of the last choice nothing follows. Never blocks.
    func submit(
        _ request: GenerationRequest, on queue: DispatchQueue,
        receive: @escaping @Sendable (GenerationUpdate) -> Void
    ) -> Result<RequestID, SubmissionError>

    /// Ends a request (or one choice of it) within a step; its pages return to the pool. Unknown ids are ignored.
    func cancel(_ request: RequestID, choice: Int?)

    func load() -> EngineLoad

    /// Refuses new requests, lets running ones finish until `deadline`, then cancels what is left.
    func shutDown(drainUntil deadline: DispatchTime)
}

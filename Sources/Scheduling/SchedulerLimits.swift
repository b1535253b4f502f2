// SchedulerLimits.swift: the named bounds of scheduling.

/// Bounds of the scheduler; they never change while it runs.
public struct SchedulerLimits: Sendable, Hashable {
    /// Tokens in one cache page.
    public var pageSize = 16
    /// Most tokens one step computes: lower = smoother streams, higher = faster prompts.
    public var stepTokensMax = 512
    /// Most tokens of one sequence in a step, so that a long prompt leaves room for others.
    public var chunkTokensMax = 512
    /// Most tokens of all prompts in a step that carries streams too, unless twice the streams are more.
    public var mixedPromptTokensMax = 48
    /// A prompt with more tokens to compute is long: beside running streams it is cut as `plan` is told.
    public var longPromptTokens = 1024
    /// Most rows of a step that carries drafts; who runs alone has all of them. 0: no drafts.
    public var draftRowsMax = 0
    /// Most rows of a step whose logits are computed.
    public var outputRowsMax = 128
    /// Most sequences that hold pages at once.
    public var sequencesMax = 64
    /// Most choices of one request; all of them run together.
    public var choicesMax = 32
    /// Most requests that wait to be started.
    public var waitingMax = 256
    /// Most positions of a sequence.
    public var contextMax = 8192
    /// Fairness keys remembered while they have no work.
    public var idleKeysMax = 1024
    /// Secret of the prefix index's hash; draw it at random per process.
    public var hashKey: (UInt64, UInt64) { (hashKeyLow, hashKeyHigh) }
    public var hashKeyLow: UInt64 = 0x243f_6a88_85a3_08d3
    public var hashKeyHigh: UInt64 = 0x1319_8a2e_0370_7344

    public init() {}

    func check() {
        precondition(pageSize > 0 && contextMax > 0 && waitingMax > 0 && idleKeysMax > 0)
        precondition(sequencesMax > 0 && choicesMax > 0 && choicesMax <= sequencesMax)
        precondition(
            stepTokensMax > sequencesMax,
            "a step of \(stepTokensMax) tokens starves prompts beside \(sequencesMax) sequences")
        precondition(outputRowsMax >= sequencesMax && chunkTokensMax > 0)
        precondition(mixedPromptTokensMax > 0 && draftRowsMax >= 0)
        precondition(draftRowsMax <= min(outputRowsMax, stepTokensMax))
    }
}

/// Why the scheduler did not take a request.
public enum AdmissionError: Error, Sendable, Equatable {
    case promptEmpty
    case promptTooLong(tokens: Int, limit: Int)
    case cacheTooSmall(tokensNeeded: Int, tokensAvailable: Int)
    case choicesTooMany(choices: Int, limit: Int)
    case queueFull(waiting: Int, limit: Int)
}

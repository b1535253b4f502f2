// EngineSettings.swift: the engine's named bounds, before the model's own are applied.

/// What an operator decides about the engine.
public struct EngineSettings: Sendable, Hashable {
    /// Most tokens one step computes: lower = smoother streams, higher = faster prompts.
    public var stepTokensMax = 192
    /// Most tokens of one sequence in a step.
    public var chunkTokensMax = 192
    /// Most tokens of all prompts in a step that carries running streams too, or twice the streams if that is more.
    public var mixedPromptTokensMax = 48
    /// A prompt with more tokens to compute is cut further, aiming at steps at most twice as long.
    public var longPromptTokens = 1024
    /// Most rows of a step that carries drafts of tokens to come; 0: no drafts.
    public var draftRowsMax = 4
    /// Most sequences that run at once.
    public var sequencesMax = 64
    /// Most choices of one request.
    public var choicesMax = 64
    /// Most requests that wait to be started.
    public var waitingMax = 256
    /// Most positions of a sequence; `nil` takes the model's.
    public var contextMax: Int?
    /// The kernel table that samples; `nil` takes the best that the machine has.
    public var kernelTable: String?

    public init() {}
}

// EngineSettings.swift: the engine's named bounds, before the model's own are applied.

/// What an operator decides about the engine.
public struct EngineSettings: Sendable, Hashable {
    /// Most tokens one step computes: lower = smoother streams, higher = faster prompts.
    public var stepTokensMax = 192
    /// Most tokens of one sequence in a step.
    public var chunkTokensMax = 192
    /// A prompt with more tokens to compute is cut beside running streams, to hold them up little.
    public var longPromptTokens = 1024
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

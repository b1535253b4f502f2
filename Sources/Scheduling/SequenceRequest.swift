// SequenceRequest.swift: what the scheduler needs to know about a request: no sampling, no text.
import Core

/// One prompt to continue in one or more ways.
public struct SequenceRequest: Sendable {
    public var prompt: [TokenID]
    /// Continuations; they share the prompt's pages.
    public var choices = 1
    /// Lower runs first.
    public var priority = 0
    /// Whose work this is; keys of equal priority share fairly.
    public var fairnessKey = ""
    /// Prefix hits stay within equal salts.
    public var salt: String?
    /// Logits are wanted for every row of the prompt, not only for the last.
    public var scoresPrompt = false

    public init(prompt: [TokenID]) { self.prompt = prompt }
}

/// Where the scheduler keeps a sequence. Slots are small and reused, ids are not.
public struct SequenceHandle: Sendable, Hashable {
    public let slot: Int
    public let id: SequenceID
}

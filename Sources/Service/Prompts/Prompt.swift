// Prompt.swift: a prompt as the model reads it.
import Core

public struct Prompt: Sendable {
    public let tokens: [TokenID]
    /// The text it was made from; `nil` if it came as ids, or was shortened.
    public let text: String?
}

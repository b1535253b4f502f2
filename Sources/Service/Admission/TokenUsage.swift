// TokenUsage.swift: what one request cost, in tokens.

public struct TokenUsage: Sendable, Hashable {
    public var promptTokens = 0
    /// Prompt tokens that came from the prefix cache.
    public var cachedTokens = 0
    /// Of all choices, returned or not.
    public var generatedTokens = 0

    public init() {}

    public var totalTokens: Int { promptTokens + generatedTokens }
}

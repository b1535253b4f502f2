// TextRules.swift: what happens to a choice's tokens on their way to text.

public struct TextRules: Sendable, Hashable {
    public var stopStrings: [String] = []
    /// Whether a stop string, or the text of a stop token, stays in the output.
    public var includesStop = false
    /// Leaves special tokens out of the text.
    public var skipsSpecial = true
    /// Stop strings are not looked for in the text of this many first tokens.
    public var tokensMin = 0

    public init() {}
}

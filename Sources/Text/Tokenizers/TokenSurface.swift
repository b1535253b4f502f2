// TokenSurface.swift: what a token's text depends on besides the token: what came before it.

struct TokenSurface {
    /// Whether a space that begins the text is still to be dropped.
    var dropsSpace: Bool
    /// Whether any text is out.
    var hasText = false

    /// - isAtStart: false when the tokens go on a text, as generated tokens do after a prompt.
    init(isAtStart: Bool) { dropsSpace = isAtStart }
}

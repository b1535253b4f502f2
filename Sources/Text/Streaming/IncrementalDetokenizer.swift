// IncrementalDetokenizer.swift: text of a growing token list, as soon as it is known to be complete.
// Never gives out half a character and never loses a byte: what cannot be part of a character any
// more becomes U+FFFD at once, what still can waits for the next token.
import Core

/// Feeds on one sequence's tokens, in order.
public struct IncrementalDetokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecial: Bool
    private var surface: TokenSurface
    /// Bytes of a character that is not complete; at most three.
    private var pending: [UInt8] = []

    /// - skipSpecial: special tokens add nothing.
    /// - isAtStart: true when the first token begins the text, so that a space which encoding puts
    ///   before a text is dropped; false when the tokens go on a prompt.
    public init(_ tokenizer: Tokenizer, skipSpecial: Bool, isAtStart: Bool = false) {
        self.tokenizer = tokenizer
        self.skipSpecial = skipSpecial
        surface = TokenSurface(isAtStart: isAtStart)
    }

    /// The text that this token completes; empty when it completes none. Traps outside the vocabulary.
    public mutating func append(_ token: TokenID) -> String {
        if skipSpecial, tokenizer.isSpecial(token) { return "" }
        tokenizer.append(token, to: &pending, &surface)
        let complete = UTF8Boundary.completeCount(pending)
        if complete == 0 { return "" }
        let text = String(decoding: pending[..<complete], as: UTF8.self)
        pending.removeSubrange(..<complete)
        return text
    }

    /// The rest, once no token follows: U+FFFD for an incomplete character.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }
}

// Tokenizer+Cover.swift: models may have more logits than their vocabulary has tokens.
import Core
import Text

extension Tokenizer {
    /// Whether the token has a text; padding behind the vocabulary has none.
    public func covers(_ token: TokenID) -> Bool { token >= 0 && Int(token) < vocabularySize }
}

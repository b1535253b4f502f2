// TokenizerError.swift: why a tokenizer could not be built. Encoding and decoding themselves never fail.

/// A fact about a vocabulary that makes it unusable, named so that its author can find it.
public enum TokenizerError: Error, Equatable, Sendable {
    /// The file names an algorithm, normalizer, splitter or decoder that is not known here.
    case unsupported(part: String, name: String)
    /// A required field is absent or has the wrong type.
    case missing(field: String)
    /// Two lists that describe the same tokens differ in length.
    case lengthMismatch(field: String, count: Int, tokens: Int)
    /// An id lies outside the vocabulary.
    case idOutOfRange(field: String, id: Int, tokens: Int)
    /// The vocabulary holds more tokens or bytes than a tokenizer accepts.
    case tooLarge(field: String, count: Int, limit: Int)
    /// A merge names a token that the vocabulary does not have.
    case mergeOutsideVocabulary(rank: Int, text: String)
    /// A split or replace pattern cannot be read; `offset` is in bytes of the pattern.
    case pattern(String, offset: Int, reason: String)
    /// A binary vocabulary file ends early or contradicts itself.
    case malformed(format: String, offset: Int)
}

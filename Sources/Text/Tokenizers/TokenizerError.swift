// TokenizerError.swift: why a tokenizer could not be built. Encoding and decoding themselves never
// fail.

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
    /// An added token, found in texts as it stands, is empty or not UTF-8.
    case addedTokenInvalid(id: Int, bytes: [UInt8])
    /// A merge names a token that the vocabulary does not have.
    case mergeOutsideVocabulary(rank: Int, text: String)
    /// A split or replace pattern cannot be read; `offset` is in bytes of the pattern.
    case pattern(String, offset: Int, reason: String)
    /// A binary vocabulary file ends early or contradicts itself.
    case malformed(format: String, offset: Int)
}

extension TokenizerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unsupported(let part, let name): "\(part) \(name.debugDescription) is not supported"
        case .missing(let field): "\(field) is missing or of the wrong type"
        case .lengthMismatch(let field, let count, let tokens):
            "\(field) has \(count) entries for \(tokens) tokens"
        case .idOutOfRange(let field, let id, let tokens):
            "\(field) names token \(id) of \(tokens)"
        case .tooLarge(let field, let count, let limit):
            "\(field) has a size of \(count), the limit is \(limit)"
        case .addedTokenInvalid(let id, let bytes):
            "added token \(id) has the bytes \(bytes), which are no text"
        case .mergeOutsideVocabulary(let rank, let text):
            "merge \(rank), \(text.debugDescription), names a token that the vocabulary does not have"
        case .pattern(let pattern, let offset, let reason):
            "pattern \(pattern.debugDescription) \(reason) (at byte \(offset))"
        case .malformed(let format, let offset):
            "the \(format) data contradict themselves (at byte \(offset))"
        }
    }
}

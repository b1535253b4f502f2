// AddedToken.swift: a token that is found in the text itself, before any splitting.
import Core

struct AddedToken: Sendable {
    var id: TokenID
    /// The text that it is found by and shows as, UTF-8.
    var content: [UInt8]
    /// Left out of text for people; found only where the caller allows special tokens.
    var isSpecial: Bool
    /// Found even where the caller does not allow special tokens: it stands for ordinary text.
    var isAlwaysFound: Bool
    /// Takes the white space before or after it along.
    var stripsLeft = false
    var stripsRight = false
    /// Found only between characters that belong to no word.
    var isSingleWord = false
    /// Looked for after normalization instead of before.
    var isNormalized = false
}

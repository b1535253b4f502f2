// NormalizerStep.swift: one change that a vocabulary makes to text before it is split.

enum NormalizerStep: Sendable {
    /// Unicode normalization form: NFC and NFKC compose, NFD and NFKD do not.
    case form(UnicodeForm)
    case lowercase
    case stripAccents
    /// Put before any text that is not empty.
    case prepend([UInt8])
    case replace([UInt8], with: [UInt8])
    case replaceMatches(SplitPattern, with: [UInt8])
    case strip(left: Bool, right: Bool)
    /// BERT's cleaning: controls go, white space becomes spaces, Chinese characters stand alone.
    case clean(separatesChinese: Bool)
    case characterMap(CharacterMap)
    /// SentencePiece's white space: spaces become marks (U+2581).
    case sentencePieceSpaces(removesExtra: Bool, addsPrefix: Bool, marksAreSuffixes: Bool)
    /// Spaces become marks; a text gets one before it unless it begins with one.
    case marks(prefix: MarkPrefix)
    /// A space before any text that does not begin with one.
    case leadingSpace
}

enum MarkPrefix: Sendable {
    case always, never
    /// Only for text at the very beginning of what is encoded.
    case first
}

enum UnicodeForm: Sendable { case nfc, nfd, nfkc, nfkd }

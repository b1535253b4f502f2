// TokenizerDescription.swift: everything a vocabulary file says, in one neutral form.
// Formats write it (see `Formats/`), `Tokenizer` reads it once. Holds facts, decides nothing.
import Core

/// A tokenizer before it is built: tokens, algorithm, normalization, splitting and special ids.
public struct TokenizerDescription: Sendable {
    enum Algorithm: Sendable {
        /// Byte-pair encoding by a merge list.
        case mergeList(MergeList, takesWholeWords: Bool)
        /// SentencePiece BPE: joined pieces by falling score.
        case mergesByScore
        /// tiktoken: joined pieces by rising id.
        case mergesByRank
        case unigram
        /// Longest match first; `continuation` begins pieces that go on a word.
        case wordPiece(wordCharactersMax: Int)
    }

    /// What a token is for. Raw values are GGUF's.
    enum Kind: UInt8, Sendable {
        case normal = 1, unknown, control, userDefined, unused, byte
        /// A WordPiece that continues a word. Not a GGUF number.
        case continuation = 100
    }

    /// How a token's text becomes output.
    enum Surface: Sendable {
        /// As the tokens are: byte-level vocabularies already hold bytes.
        case bytes
        /// Marks (U+2581) are spaces; `<0xNN>` is a byte.
        case marks
        /// Words are joined by spaces, continuations are not.
        case words
    }

    /// What happens to a space that normalization put before the text.
    enum LeadingSpace: Sendable {
        case kept, firstDropped
        /// Dropped from every token until some text is out.
        case allDropped
    }

    /// By id, as the algorithm matches them: bytes for byte-level vocabularies, else UTF-8.
    var tokens: [[UInt8]]
    var kinds: [Kind]
    var scores: [Float] = []
    var algorithm: Algorithm
    var symbolsAreBytes = false
    var hasByteFallback = false
    var unknownToken: TokenID?
    var fusesUnknown = false
    /// What the unknown token shows as.
    var unknownSurface: [UInt8]?
    var added: [AddedToken] = []
    var normalizer: [NormalizerStep] = []
    var stages: [SplitStage] = []
    var surface = Surface.bytes
    var leadingSpace = LeadingSpace.kept
    /// Ids put before and after a text when special ones are asked for.
    var prefix: [TokenID] = []
    var suffix: [TokenID] = []
    var beginOfSequence: TokenID?
    var endTokens: Set<TokenID> = []

    /// Most tokens, and most bytes in all of them together.
    static let tokensMax = 1 << 22
    static let textBytesMax = 1 << 28

    /// Texts of tokens that end a turn or a document, whatever a file calls its end token.
    private static let endTexts: Set<String> = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<turn|>", "<|endoftext|>",
        "<|end_of_text|>", "<|eom_id|>", "<|return|>", "<|call|>", "<|eot|>", "<|eom|>", "</s>",
        "<eos>", "<EOT>",
        "<｜end▁of▁sentence｜>", "<end_of_utterance>", "<|END_OF_TURN_TOKEN|>", "<|user|>",
        "<|endofresponse|>", "[e~[", "<|role_end|>",
    ]

    init(tokens: [[UInt8]], algorithm: Algorithm) {
        self.tokens = tokens
        self.algorithm = algorithm
        kinds = Array(repeating: .normal, count: tokens.count)
    }

    /// Adds the special tokens whose text says that a turn ends. GPT-OSS ends messages, not turns,
    /// with `<|end|>`, GLM answers end where the user speaks again.
    mutating func findEndTokens() {
        let special = added.filter(\.isSpecial)
        let texts = Set(special.map { String(decoding: $0.content, as: UTF8.self) })
        for token in special {
            let text = String(decoding: token.content, as: UTF8.self)
            guard Self.endTexts.contains(text) else { continue }
            if text == "<|end|>", texts.contains("<|return|>") { continue }
            if text == "<|user|>", !texts.contains("<|observation|>") { continue }
            endTokens.insert(token.id)
        }
    }

    private var usesScores: Bool {
        switch algorithm {
        case .mergesByScore, .unigram: true
        case .mergeList, .mergesByRank, .wordPiece: false
        }
    }

    /// Throws when the parts contradict each other.
    func check() throws(TokenizerError) {
        if tokens.count > Self.tokensMax {
            throw .tooLarge(field: "tokens", count: tokens.count, limit: Self.tokensMax)
        }
        let bytes = tokens.reduce(0) { $0 + $1.count }
        if bytes > Self.textBytesMax {
            throw .tooLarge(field: "tokens", count: bytes, limit: Self.textBytesMax)
        }
        if kinds.count != tokens.count {
            throw .lengthMismatch(field: "types", count: kinds.count, tokens: tokens.count)
        }
        if usesScores || !scores.isEmpty, scores.count != tokens.count {
            throw .lengthMismatch(field: "scores", count: scores.count, tokens: tokens.count)
        }
        let ids =
            prefix + suffix + endTokens + [beginOfSequence, unknownToken].compactMap { $0 }
            + added.map(\.id)
        for id in ids where id < 0 || Int(id) >= tokens.count {
            throw .idOutOfRange(field: "special token", id: Int(id), tokens: tokens.count)
        }
        // Texts are cut at added tokens: one of half a character would cut others in two.
        for token in added
        where token.content.isEmpty || String(validating: token.content, as: UTF8.self) == nil {
            throw .addedTokenInvalid(id: Int(token.id), bytes: token.content)
        }
    }
}

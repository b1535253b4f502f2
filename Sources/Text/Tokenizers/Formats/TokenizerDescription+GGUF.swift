// TokenizerDescription+GGUF.swift: reads the tokenizer metadata of GGUF files.
// Defaults for absent keys are llama.cpp's, since files are written for it.
import Core

extension TokenizerDescription {
    /// Fails with the first fact that cannot be honoured: an unknown model or splitter name, lists of
    /// different lengths, ids outside the vocabulary.
    public static func fromGGUF(_ facts: GGUFTokenizerFacts) throws(TokenizerError) -> TokenizerDescription {
        if facts.tokens.isEmpty { throw .missing(field: "tokenizer.ggml.tokens") }
        var description: TokenizerDescription
        switch facts.model {
        case "gpt2", "gemma4": description = try bytePairs(facts)
        case "llama": description = try sentencePieces(facts, algorithm: .mergesByScore)
        case "t5": description = try sentencePieces(facts, algorithm: .unigram)
        case "bert": description = try wordPieces(facts)
        default: throw .unsupported(part: "tokenizer.ggml.model", name: facts.model)
        }
        try description.takeSpecialTokens(facts)
        return description
    }

    private static func kinds(_ facts: GGUFTokenizerFacts) throws(TokenizerError) -> [Kind] {
        guard let types = facts.types else { return Array(repeating: .normal, count: facts.tokens.count) }
        guard types.count == facts.tokens.count else {
            throw .lengthMismatch(field: "tokenizer.ggml.token_type", count: types.count, tokens: facts.tokens.count)
        }
        // 0 is "undefined" in the format; nothing matches such a token.
        return types.map { type in (1...6).contains(type) ? Kind(rawValue: UInt8(type)) ?? .unused : .unused }
    }

    /// Names of `pre` whose merges work on characters, with marks for spaces.
    private static let characterNames: Set<String> = ["gemma4", "granite-embed-multi-311m", "sarvam-moe"]

    private static func bytePairs(_ facts: GGUFTokenizerFacts) throws(TokenizerError) -> TokenizerDescription {
        guard let lines = facts.merges else { throw .missing(field: "tokenizer.ggml.merges") }
        let pre = facts.model == "gemma4" && facts.pre == nil ? "gemma4" : facts.pre
        let isByteLevel = !characterNames.contains(pre ?? "") && pre != "whitespace"
        var merges = MergeList()
        merges.reserve(lines.count)
        for (rank, line) in lines.enumerated() where !merges.append(line) {
            throw .mergeOutsideVocabulary(rank: rank, text: line)
        }
        if isByteLevel { merges.spellInBytes() }
        let takesWholeWords = Splitter.wholeWordNames.contains(pre ?? "")
        var description = TokenizerDescription(
            tokens: facts.tokens, algorithm: .mergeList(merges, takesWholeWords: takesWholeWords))
        description.kinds = try kinds(facts)
        description.stages = try Splitter.named(pre).stages
        description.symbolsAreBytes = isByteLevel
        if isByteLevel {
            for id in description.tokens.indices where description.kinds[id] == .normal {
                if let bytes = ByteAlphabet.bytes(of: description.tokens[id]) { description.tokens[id] = bytes }
            }
            if facts.addSpacePrefix == true { description.normalizer = [.leadingSpace] }
        } else {
            description.normalizer = [.replace([0x20], with: Normalizer.mark)]
            description.surface = .marks
            description.hasByteFallback = true
            description.unknownToken = facts.unk.map(TokenID.init(clamping:))
        }
        return description
    }

    private static func sentencePieces(
        _ facts: GGUFTokenizerFacts, algorithm: Algorithm
    ) throws(TokenizerError) -> TokenizerDescription {
        guard let scores = facts.scores else { throw .missing(field: "tokenizer.ggml.scores") }
        guard scores.count == facts.tokens.count else {
            throw .lengthMismatch(field: "tokenizer.ggml.scores", count: scores.count, tokens: facts.tokens.count)
        }
        var description = TokenizerDescription(tokens: facts.tokens, algorithm: algorithm)
        description.kinds = try kinds(facts)
        description.scores = scores
        description.surface = .marks
        description.hasByteFallback = description.kinds.contains(.byte)
        description.fusesUnknown = true
        description.unknownSurface = unknownText
        let unknown = facts.unk ?? description.kinds.firstIndex(of: .unknown)
        description.unknownToken = unknown.map(TokenID.init(clamping:))
        if let blob = facts.characterMap, !blob.isEmpty {
            guard let map = CharacterMap(blob) else { throw .malformed(format: "precompiled_charsmap", offset: 0) }
            description.normalizer.append(.characterMap(map))
        }
        let addsPrefix = facts.addSpacePrefix ?? true
        let removesExtra = facts.removeExtraSpaces ?? false
        description.normalizer.append(
            .sentencePieceSpaces(removesExtra: removesExtra, addsPrefix: addsPrefix, marksAreSuffixes: false))
        description.leadingSpace = removesExtra ? .allDropped : addsPrefix ? .firstDropped : .kept
        return description
    }

    /// SentencePiece's default surface of the unknown token.
    static let unknownText: [UInt8] = Array(" \u{2047} ".utf8)

    private static func wordPieces(_ facts: GGUFTokenizerFacts) throws(TokenizerError) -> TokenizerDescription {
        var description = TokenizerDescription(tokens: facts.tokens, algorithm: .wordPiece(wordCharactersMax: 100))
        description.kinds = try kinds(facts)
        // Converted files mark the pieces that begin a word, where BERT marks those that go on one.
        for id in description.tokens.indices where description.kinds[id] == .normal {
            if description.tokens[id].starts(with: Normalizer.mark) {
                description.tokens[id].removeFirst(Normalizer.mark.count)
            } else {
                description.kinds[id] = .continuation
            }
        }
        description.normalizer = [
            .clean(separatesChinese: true), .form(.nfd), .stripAccents, .lowercase,
        ]
        description.stages = try bertStages()
        description.surface = .words
        let unknown = facts.unk ?? description.kinds.firstIndex(of: .unknown)
        description.unknownToken = unknown.map(TokenID.init(clamping:))
        return description
    }

    /// BERT's split: white space goes, each sign stands alone.
    static func bertStages() throws(TokenizerError) -> [SplitStage] {
        [
            SplitStage(pattern: try .recognizing("\\s+"), behavior: .removed),
            SplitStage(pattern: try .recognizing("[\\p{P}!-/:-@\\[-`{-~]"), behavior: .isolated),
        ]
    }

    private mutating func takeSpecialTokens(_ facts: GGUFTokenizerFacts) throws(TokenizerError) {
        func id(_ value: Int?, _ field: String) throws(TokenizerError) -> TokenID? {
            guard let value else { return nil }
            guard value >= 0, value < tokens.count else {
                throw .idOutOfRange(field: "tokenizer.ggml.\(field)", id: value, tokens: tokens.count)
            }
            return TokenID(value)
        }
        beginOfSequence = try id(facts.bos, "bos_token_id")
        let end = try id(facts.eos, "eos_token_id")
        for value in [end, try id(facts.eot, "eot_token_id"), try id(facts.eom, "eom_token_id")] {
            if let value { endTokens.insert(value) }
        }
        let isByteLevel = symbolsAreBytes
        for index in tokens.indices {
            switch kinds[index] {
            case .control, .unknown, .userDefined:
                let isUser = kinds[index] == .userDefined
                added.append(
                    AddedToken(
                        id: TokenID(index), content: tokens[index], isSpecial: kinds[index] == .control,
                        isAlwaysFound: isUser && !(isByteLevel && Self.isMarkup(tokens[index])),
                        isNormalized: isUser && !isByteLevel))
            default: break
            }
        }
        let isBERT = facts.model == "bert"
        let begins = facts.addBOS ?? (facts.model == "llama" || isBERT || Self.beginsByDefault(facts.pre))
        let ends = facts.addEOS ?? (facts.model == "t5")
        if begins, let beginOfSequence { prefix = [beginOfSequence] }
        if ends, let end { suffix = [end] }
        if isBERT, let separator = try id(facts.sep, "seperator_token_id") { suffix = [separator] }
        findEndTokens()
    }

    private static func beginsByDefault(_ pre: String?) -> Bool {
        guard let pre else { return false }
        return ["llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "tekken",
                "chameleon"].contains(pre)
    }

    /// Whether a user-defined token is structure (`<think>`, `[INST]`, `<|im_start|>`) rather than text
    /// such as a run of spaces. Structure is not found in text that may come from anyone.
    static func isMarkup(_ text: [UInt8]) -> Bool {
        guard text.count > 2, let first = text.first, let last = text.last else { return false }
        return (first == UInt8(ascii: "<") && last == UInt8(ascii: ">"))
            || (first == UInt8(ascii: "[") && last == UInt8(ascii: "]"))
    }
}

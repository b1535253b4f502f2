// TokenizerDescription+HuggingFace.swift: reads tokenizer.json and tokenizer_config.json.
// What the file asks for is done or refused by name; nothing is passed over.
import Core
import JSON

extension TokenizerDescription {
    /// - tokenizer: the parsed tokenizer.json.  configuration: tokenizer_config.json, which names the
    ///   begin and end tokens.  endTokens: those that the model's own files name beside.
    public static func fromHuggingFace(
        tokenizer: JSONValue, configuration: JSONValue?, endTokens: [Int] = []
    ) throws(TokenizerError) -> TokenizerDescription {
        guard let model = tokenizer["model"], let object = model.objectValue else {
            throw .missing(field: "model")
        }
        let parts = try HuggingFaceParts(tokenizer)
        // Files from before version 0.9 leave the type out.
        let type = model["type"]?.stringValue ?? (object["merges"] != nil ? "BPE" : "WordPiece")
        var result: TokenizerDescription
        switch type {
        case "BPE": result = try bytePairs(model, isByteLevel: parts.isByteLevel)
        case "Unigram": result = try unigram(model)
        case "WordPiece": result = try wordPieces(model)
        default: throw .unsupported(part: "model", name: type)
        }
        result.normalizer = parts.normalizer
        result.stages = parts.stages
        if parts.decodesWords {
            result.surface = .words
        } else if parts.decodesMarks {
            result.surface = .marks
        }
        result.leadingSpace = parts.leadingSpace
        try result.takeAddedTokens(tokenizer["added_tokens"]?.arrayValue ?? [])
        result.prefix = try result.ids(of: parts.prefix)
        result.suffix = try result.ids(of: parts.suffix)
        try result.takeConfiguration(configuration, hasTemplate: parts.hasTemplate)
        result.findEndTokens()
        for id in endTokens {
            guard result.tokens.indices.contains(id) else {
                throw .idOutOfRange(field: "eos_token_id", id: id, tokens: result.tokens.count)
            }
            result.endTokens.insert(TokenID(id))
        }
        return result
    }

    private static func vocabulary(_ value: JSONValue?) throws(TokenizerError)
        -> TokenizerDescription
    {
        guard let entries = value?.objectValue else { throw .missing(field: "model.vocab") }
        var top = -1
        for (_, value) in entries {
            guard let id = value.intValue, id >= 0, id < tokensMax else {
                throw .idOutOfRange(
                    field: "model.vocab", id: value.intValue ?? -1, tokens: entries.count)
            }
            top = max(top, id)
        }
        var tokens = [[UInt8]](repeating: [], count: top + 1)
        for (text, value) in entries {
            if let id = value.intValue { tokens[id] = Array(text.utf8) }
        }
        return TokenizerDescription(tokens: tokens, algorithm: .mergesByRank)
    }

    private static func bytePairs(_ model: JSONValue, isByteLevel: Bool) throws(TokenizerError)
        -> TokenizerDescription
    {
        for field in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = model[field]?.stringValue, !affix.isEmpty {
                throw .unsupported(part: "model.\(field)", name: affix)
            }
        }
        guard let lines = model["merges"]?.arrayValue else { throw .missing(field: "model.merges") }
        var merges = MergeList()
        merges.reserve(lines.count)
        for (rank, line) in lines.enumerated() {
            if let text = line.stringValue, merges.append(text) { continue }
            guard let left = line[0]?.stringValue, let right = line[1]?.stringValue else {
                throw .mergeOutsideVocabulary(rank: rank, text: line.stringValue ?? "")
            }
            merges.append(left.utf8, right.utf8)
        }
        var result = try vocabulary(model["vocab"])
        if isByteLevel {
            merges.spellInBytes()
            for id in result.tokens.indices {
                if let bytes = ByteAlphabet.bytes(of: result.tokens[id]) {
                    result.tokens[id] = bytes
                }
            }
            result.symbolsAreBytes = true
        }
        let takesWholeWords = model["ignore_merges"]?.boolValue ?? false
        result.algorithm = .mergeList(merges, takesWholeWords: takesWholeWords)
        result.hasByteFallback = model["byte_fallback"]?.boolValue ?? false
        result.fusesUnknown = model["fuse_unk"]?.boolValue ?? false
        if let unknown = model["unk_token"]?.stringValue {
            result.unknownToken = result.tokens.firstIndex(of: Array(unknown.utf8)).map {
                TokenID($0)
            }
        }
        return result
    }

    private static func unigram(_ model: JSONValue) throws(TokenizerError) -> TokenizerDescription {
        guard let entries = model["vocab"]?.arrayValue, !entries.isEmpty else {
            throw .missing(field: "model.vocab")
        }
        var tokens: [[UInt8]] = []
        var scores: [Float] = []
        for entry in entries {
            guard let text = entry[0]?.stringValue, let score = entry[1]?.doubleValue else {
                throw .missing(field: "model.vocab[\(tokens.count)]")
            }
            tokens.append(Array(text.utf8))
            scores.append(Float(score))
        }
        var result = TokenizerDescription(tokens: tokens, algorithm: .unigram)
        result.scores = scores
        result.fusesUnknown = true
        result.hasByteFallback = model["byte_fallback"]?.boolValue ?? false
        if let unknown = model["unk_id"]?.intValue {
            guard tokens.indices.contains(unknown) else {
                throw .idOutOfRange(field: "model.unk_id", id: unknown, tokens: tokens.count)
            }
            result.unknownToken = TokenID(unknown)
            result.kinds[unknown] = .unknown
        }
        return result
    }

    private static func wordPieces(_ model: JSONValue) throws(TokenizerError)
        -> TokenizerDescription
    {
        var result = try vocabulary(model["vocab"])
        result.algorithm = .wordPiece(
            wordCharactersMax: model["max_input_chars_per_word"]?.intValue ?? 100)
        let unknown = Array((model["unk_token"]?.stringValue ?? "[UNK]").utf8)
        result.unknownToken = result.tokens.firstIndex(of: unknown).map { TokenID($0) }
        let continuation = Array((model["continuing_subword_prefix"]?.stringValue ?? "##").utf8)
        for id in result.tokens.indices
        where result.tokens[id].starts(with: continuation)
            && result.tokens[id].count > continuation.count
        {
            result.tokens[id].removeFirst(continuation.count)
            result.kinds[id] = .continuation
        }
        return result
    }

    private mutating func takeAddedTokens(_ entries: [JSONValue]) throws(TokenizerError) {
        for entry in entries {
            guard let id = entry["id"]?.intValue, let content = entry["content"]?.stringValue else {
                throw .missing(field: "added_tokens[\(added.count)]")
            }
            guard id >= 0, id < Self.tokensMax else {
                throw .idOutOfRange(field: "added_tokens", id: id, tokens: tokens.count)
            }
            let isSpecial = entry["special"]?.boolValue ?? false
            let text = Array(content.utf8)
            while tokens.count <= id {
                tokens.append([])
                kinds.append(.unused)
                if !scores.isEmpty { scores.append(0) }
            }
            tokens[id] = text
            if isSpecial {
                kinds[id] = .control
            } else if kinds[id] == .unused {
                kinds[id] = .userDefined
            }
            added.append(
                AddedToken(
                    id: TokenID(id), content: text, isSpecial: isSpecial,
                    isAlwaysFound: !isSpecial && !(symbolsAreBytes && Self.isMarkup(text)),
                    stripsLeft: entry["lstrip"]?.boolValue ?? false,
                    stripsRight: entry["rstrip"]?.boolValue ?? false,
                    isSingleWord: entry["single_word"]?.boolValue ?? false,
                    isNormalized: entry["normalized"]?.boolValue ?? false))
        }
    }

    private func ids(of texts: [String]) throws(TokenizerError) -> [TokenID] {
        var result: [TokenID] = []
        for text in texts {
            guard let id = id(of: text) else { throw .missing(field: "token \(text)") }
            result.append(id)
        }
        return result
    }

    private func id(of text: String) -> TokenID? {
        let bytes = Array(text.utf8)
        if let token = added.first(where: { $0.content == bytes }) { return token.id }
        return tokens.firstIndex(of: bytes).map { TokenID($0) }
    }

    /// Begin and end tokens. A post-processor that writes them wins over the configuration's flags.
    private mutating func takeConfiguration(_ configuration: JSONValue?, hasTemplate: Bool)
        throws(TokenizerError)
    {
        func token(_ field: String) throws(TokenizerError) -> TokenID? {
            guard let value = configuration?[field],
                let text = value.stringValue ?? value["content"]?.stringValue
            else { return nil }
            guard let id = id(of: text) else { throw .missing(field: "\(field) \(text)") }
            return id
        }
        beginOfSequence = try token("bos_token") ?? prefix.first
        let end = try token("eos_token")
        if let end { endTokens.insert(end) }
        if let eot = try token("eot_token") { endTokens.insert(eot) }
        if hasTemplate { return }
        if configuration?["add_bos_token"]?.boolValue == true, let beginOfSequence {
            prefix = [beginOfSequence]
        }
        if configuration?["add_eos_token"]?.boolValue == true, let end { suffix = [end] }
    }
}

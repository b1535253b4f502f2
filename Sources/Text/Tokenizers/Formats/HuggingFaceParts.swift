// HuggingFaceParts.swift: the normalizer, pre-tokenizer, decoder and post-processor of a tokenizer.json.
import JSON

struct HuggingFaceParts {
    private(set) var normalizer: [NormalizerStep] = []
    private(set) var stages: [SplitStage] = []
    private(set) var isByteLevel = false
    private(set) var decodesMarks = false
    private(set) var decodesWords = false
    private(set) var leadingSpace = TokenizerDescription.LeadingSpace.kept
    /// Special tokens that the post-processor puts before and after a text.
    private(set) var prefix: [String] = []
    private(set) var suffix: [String] = []
    private(set) var hasTemplate = false
    private static let depthMax = 8

    init(_ tokenizer: JSONValue) throws(TokenizerError) {
        try readNormalizer(tokenizer["normalizer"], depth: 0)
        try readSplitter(tokenizer["pre_tokenizer"], depth: 0)
        try readDecoder(tokenizer["decoder"], depth: 0)
        try readTemplate(tokenizer["post_processor"], depth: 0)
    }

    /// The part's type and object; nil for an absent part.
    private func type(of part: JSONValue?, _ name: String, _ depth: Int) throws(TokenizerError) -> String? {
        guard let part, !part.isNull else { return nil }
        guard let type = part["type"]?.stringValue else { throw .missing(field: "\(name).type") }
        if depth > Self.depthMax { throw .tooLarge(field: "\(name) nesting", count: depth, limit: Self.depthMax) }
        return type
    }

    private func bytes(_ part: JSONValue, _ field: String) throws(TokenizerError) -> [UInt8] {
        guard let text = part[field]?.stringValue else { throw .missing(field: field) }
        return Array(text.utf8)
    }

    private mutating func readNormalizer(_ part: JSONValue?, depth: Int) throws(TokenizerError) {
        guard let type = try type(of: part, "normalizer", depth), let part else { return }
        switch type {
        case "Sequence":
            for part in part["normalizers"]?.arrayValue ?? [] { try readNormalizer(part, depth: depth + 1) }
        case "NFC": normalizer.append(.form(.nfc))
        case "NFD": normalizer.append(.form(.nfd))
        case "NFKC": normalizer.append(.form(.nfkc))
        case "NFKD": normalizer.append(.form(.nfkd))
        case "Lowercase": normalizer.append(.lowercase)
        case "StripAccents": normalizer.append(.stripAccents)
        case "Prepend": normalizer.append(.prepend(try bytes(part, "prepend")))
        case "Strip":
            let left = part["strip_left"]?.boolValue ?? true
            normalizer.append(.strip(left: left, right: part["strip_right"]?.boolValue ?? true))
        case "Replace":
            let new = try bytes(part, "content")
            if let text = part["pattern"]?["String"]?.stringValue {
                normalizer.append(.replace(Array(text.utf8), with: new))
            } else {
                normalizer.append(.replaceMatches(try pattern(part["pattern"]), with: new))
            }
        case "Precompiled":
            let blob = TokenizerDescription.base64(try bytes(part, "precompiled_charsmap")[...])
            guard let blob, let map = CharacterMap(blob) else {
                throw .malformed(format: "precompiled_charsmap", offset: 0)
            }
            normalizer.append(.characterMap(map))
        case "BertNormalizer": readBERTNormalizer(part)
        default: throw .unsupported(part: "normalizer", name: type)
        }
    }

    private mutating func readBERTNormalizer(_ part: JSONValue) {
        let lowers = part["lowercase"]?.boolValue ?? true
        if part["clean_text"]?.boolValue ?? true {
            normalizer.append(.clean(separatesChinese: part["handle_chinese_chars"]?.boolValue ?? true))
        }
        if part["strip_accents"]?.boolValue ?? lowers { normalizer += [.form(.nfd), .stripAccents] }
        if lowers { normalizer.append(.lowercase) }
    }

    private func pattern(_ value: JSONValue?) throws(TokenizerError) -> SplitPattern {
        if let text = value?["Regex"]?.stringValue { return try .recognizing(text) }
        if let text = value?["String"]?.stringValue, !text.isEmpty { return .literal(Array(text.utf8)) }
        throw .missing(field: "pattern")
    }

    private func behavior(_ part: JSONValue) throws(TokenizerError) -> SplitStage.Behavior {
        switch part["behavior"]?.stringValue {
        case "Isolated", nil: return .isolated
        case "Removed": return .removed
        case "MergedWithPrevious": return .mergedWithPrevious
        case "MergedWithNext": return .mergedWithNext
        case "Contiguous": return .contiguous
        case let name?: throw .unsupported(part: "pre_tokenizer.behavior", name: name)
        }
    }

    private mutating func readSplitter(_ part: JSONValue?, depth: Int) throws(TokenizerError) {
        guard let type = try type(of: part, "pre_tokenizer", depth), let part else { return }
        switch type {
        case "Sequence":
            for part in part["pretokenizers"]?.arrayValue ?? [] { try readSplitter(part, depth: depth + 1) }
        case "ByteLevel":
            isByteLevel = true
            if part["add_prefix_space"]?.boolValue ?? true { normalizer.append(.leadingSpace) }
            if part["use_regex"]?.boolValue ?? true { stages.append(SplitStage(pattern: .gpt2)) }
        case "Split":
            stages.append(
                SplitStage(
                    pattern: try pattern(part["pattern"]), behavior: try behavior(part),
                    isInverted: part["invert"]?.boolValue ?? false))
        case "Digits":
            let single = part["individual_digits"]?.boolValue ?? false
            stages.append(SplitStage(pattern: .numbers(max: single ? 1 : .max)))
        case "Punctuation":
            let signs = try SplitPattern.recognizing("[\\p{P}!-/:-@\\[-`{-~]")
            stages.append(SplitStage(pattern: signs, behavior: try behavior(part)))
        case "Whitespace":
            stages.append(SplitStage(pattern: try .recognizing("\\w+|[^\\w\\s]+"), behavior: .removed, isInverted: true))
        case "WhitespaceSplit": stages.append(SplitStage(pattern: try .recognizing("\\s+"), behavior: .removed))
        case "BertPreTokenizer": stages += try TokenizerDescription.bertStages()
        case "Metaspace": try readMetaspace(part)
        default: throw .unsupported(part: "pre_tokenizer", name: type)
        }
    }

    private mutating func readMetaspace(_ part: JSONValue) throws(TokenizerError) {
        let replacement = part["replacement"]?.stringValue ?? "\u{2581}"
        if Array(replacement.utf8) != Normalizer.mark {
            throw .unsupported(part: "Metaspace.replacement", name: replacement)
        }
        // Files from before version 0.15 say add_prefix_space instead of a scheme.
        let old = part["add_prefix_space"]?.boolValue ?? true
        let prefix: MarkPrefix
        switch part["prepend_scheme"]?.stringValue {
        case "always": prefix = .always
        case "never": prefix = .never
        case "first": prefix = .first
        case nil: prefix = old ? .always : .never
        case let name?: throw .unsupported(part: "Metaspace.prepend_scheme", name: name)
        }
        normalizer.append(.marks(prefix: prefix))
        if part["split"]?.boolValue ?? true {
            stages.append(SplitStage(pattern: .literal(Normalizer.mark), behavior: .mergedWithNext))
        }
    }

    private mutating func readDecoder(_ part: JSONValue?, depth: Int) throws(TokenizerError) {
        guard let type = try type(of: part, "decoder", depth), let part else { return }
        switch type {
        case "Sequence":
            for part in part["decoders"]?.arrayValue ?? [] { try readDecoder(part, depth: depth + 1) }
        case "ByteLevel": isByteLevel = true
        case "ByteFallback", "Fuse": break
        case "Metaspace":
            decodesMarks = true
            if part["prepend_scheme"]?.stringValue != "never", part["add_prefix_space"]?.boolValue ?? true {
                leadingSpace = .firstDropped
            }
        case "Replace":
            let isMark = part["pattern"]?["String"]?.stringValue.map { Array($0.utf8) } == Normalizer.mark
            guard isMark, part["content"]?.stringValue == " " else { throw .unsupported(part: "decoder", name: type) }
            decodesMarks = true
        case "Strip":
            guard part["content"]?.stringValue == " ", part["start"]?.intValue ?? 0 <= 1 else {
                throw .unsupported(part: "decoder", name: type)
            }
            if part["start"]?.intValue == 1 { leadingSpace = .firstDropped }
        case "WordPiece": decodesWords = true
        default: throw .unsupported(part: "decoder", name: type)
        }
    }

    private mutating func readTemplate(_ part: JSONValue?, depth: Int) throws(TokenizerError) {
        guard let type = try type(of: part, "post_processor", depth), let part else { return }
        switch type {
        case "Sequence":
            for part in part["processors"]?.arrayValue ?? [] { try readTemplate(part, depth: depth + 1) }
        case "ByteLevel": break
        case "TemplateProcessing":
            hasTemplate = true
            var isBefore = true
            for item in part["single"]?.arrayValue ?? [] {
                if item["Sequence"] != nil {
                    isBefore = false
                } else if let text = item["SpecialToken"]?["id"]?.stringValue {
                    if isBefore { prefix.append(text) } else { suffix.append(text) }
                }
            }
        case "BertProcessing", "RobertaProcessing":
            hasTemplate = true
            guard let begin = part["cls"]?[0]?.stringValue, let end = part["sep"]?[0]?.stringValue else {
                throw .missing(field: "post_processor.cls")
            }
            prefix.append(begin)
            suffix.append(end)
        default: throw .unsupported(part: "post_processor", name: type)
        }
    }
}

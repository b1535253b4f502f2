// TokenizerDescription+SentencePiece.swift: reads `.model` files, a protobuf `ModelProto`.
// Field numbers: sentencepiece/src/sentencepiece_model.proto.
import Core

extension TokenizerDescription {
    fileprivate struct Model {
        var kind = 1                // 1 unigram, 2 BPE
        var byteFallback = false
        var marksAreSuffixes = false
        var unknownSurface = TokenizerDescription.unknownText
        var unknown = 0, begin = 1, end = 2
        var characterMap: [UInt8] = []
        var addsPrefix = true, removesExtra = true, escapes = true
        var tokens: [[UInt8]] = []
        var scores: [Float] = []
        var kinds: [Kind] = []
    }

    /// Reads a SentencePiece model of type unigram or BPE.
    /// - addsBeginOfSequence: put the model's begin token before a text; the file does not say.
    public static func fromSentencePiece(
        _ bytes: [UInt8], addsBeginOfSequence: Bool
    ) throws(TokenizerError) -> TokenizerDescription {
        var model = Model()
        var reader = ProtobufReader(bytes, bytes.indices)
        while let (field, value) = try reader.next() {
            guard case .bytes(let range) = value else { continue }
            switch field {
            case 1: try model.readPiece(bytes, range)
            case 2: try model.readTrainer(bytes, range)
            case 3: try model.readNormalizer(bytes, range)
            default: break
            }
        }
        if model.tokens.isEmpty { throw .missing(field: "pieces") }
        guard model.kind == 1 || model.kind == 2 else {
            throw .unsupported(part: "model_type", name: "\(model.kind)")
        }
        return try model.description(addsBeginOfSequence: addsBeginOfSequence)
    }
}

extension TokenizerDescription.Model {
    mutating func readPiece(_ bytes: [UInt8], _ range: Range<Int>) throws(TokenizerError) {
        var piece: [UInt8] = []
        var score: Float = 0
        var kind = TokenizerDescription.Kind.normal
        var reader = ProtobufReader(bytes, range)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let range)): piece = Array(bytes[range])
            case (2, .bits32(let bits)): score = Float(bitPattern: bits)
            case (3, .integer(let number)):
                kind = TokenizerDescription.Kind(rawValue: UInt8(clamping: number)) ?? .unused
            default: break
            }
        }
        tokens.append(piece)
        scores.append(score)
        kinds.append(kind)
    }

    mutating func readTrainer(_ bytes: [UInt8], _ range: Range<Int>) throws(TokenizerError) {
        var reader = ProtobufReader(bytes, range)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (3, .integer(let number)): kind = Int(clamping: number)
            case (24, .integer(let number)): marksAreSuffixes = number != 0
            case (35, .integer(let number)): byteFallback = number != 0
            case (40, .integer(let number)): unknown = Int(truncatingIfNeeded: number)
            case (41, .integer(let number)): begin = Int(truncatingIfNeeded: number)
            case (42, .integer(let number)): end = Int(truncatingIfNeeded: number)
            case (44, .bytes(let range)): unknownSurface = Array(bytes[range])
            default: break
            }
        }
    }

    mutating func readNormalizer(_ bytes: [UInt8], _ range: Range<Int>) throws(TokenizerError) {
        var reader = ProtobufReader(bytes, range)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .bytes(let range)): characterMap = Array(bytes[range])
            case (3, .integer(let number)): addsPrefix = number != 0
            case (4, .integer(let number)): removesExtra = number != 0
            case (5, .integer(let number)): escapes = number != 0
            default: break
            }
        }
    }

    func description(addsBeginOfSequence: Bool) throws(TokenizerError) -> TokenizerDescription {
        if !escapes { throw .unsupported(part: "normalizer_spec", name: "escape_whitespaces: false") }
        var result = TokenizerDescription(tokens: tokens, algorithm: kind == 1 ? .unigram : .mergesByScore)
        result.kinds = kinds
        result.scores = scores
        result.surface = .marks
        result.hasByteFallback = byteFallback
        result.fusesUnknown = true
        result.unknownSurface = unknownSurface
        result.unknownToken = tokens.indices.contains(unknown) ? TokenID(unknown) : nil
        if !characterMap.isEmpty {
            guard let map = CharacterMap(characterMap) else {
                throw .malformed(format: "precompiled_charsmap", offset: 0)
            }
            result.normalizer.append(.characterMap(map))
        }
        result.normalizer.append(
            .sentencePieceSpaces(
                removesExtra: removesExtra, addsPrefix: addsPrefix, marksAreSuffixes: marksAreSuffixes))
        result.leadingSpace = removesExtra ? .allDropped : addsPrefix ? .firstDropped : .kept
        for (id, kind) in kinds.enumerated() where kind == .control || kind == .userDefined {
            let isUser = kind == .userDefined
            result.added.append(
                AddedToken(
                    id: TokenID(id), content: tokens[id], isSpecial: !isUser, isAlwaysFound: isUser,
                    isNormalized: isUser))
        }
        if tokens.indices.contains(begin) { result.beginOfSequence = TokenID(begin) }
        if addsBeginOfSequence, let begin = result.beginOfSequence { result.prefix = [begin] }
        if tokens.indices.contains(end) { result.endTokens = [TokenID(end)] }
        result.findEndTokens()
        return result
    }
}

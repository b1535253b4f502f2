// TokenizerBuilder.swift: turns a description into the tables that encoding and decoding read.
import Core

struct TokenizerBuilder {
    private let description: TokenizerDescription
    private let addedIDs: Set<TokenID>

    init(_ description: TokenizerDescription) {
        self.description = description
        addedIDs = Set(description.added.map(\.id))
    }

    func model() throws(TokenizerError) -> Tokenizer.Model {
        switch description.algorithm {
        case .mergeList(let merges, let takesWholeWords):
            let pieces = self.pieces()
            let table = try mergeTable(merges, pieces)
            return .merges(merging(pieces, .pairs(table), takesWholeWords: takesWholeWords))
        case .mergesByScore:
            // Falling score is rising rank: the bits of a float, ordered, then reversed.
            let ranks = description.scores.map { score -> UInt32 in
                let bits = (score + 0).bitPattern
                let ordered = bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
                return ~ordered
            }
            return .merges(merging(pieces(), .pieces(ranks: FrozenArray(ranks)), takesWholeWords: false))
        case .mergesByRank:
            let ranks = FrozenArray((0..<description.tokens.count).map { UInt32($0) })
            return .merges(merging(pieces(), .pieces(ranks: ranks), takesWholeWords: true))
        case .unigram: return .unigram(unigram())
        case .wordPiece(let wordCharactersMax): return .wordPiece(wordPieces(wordCharactersMax))
        }
    }

    /// Tokens that the algorithm itself may produce.
    private func isPlain(_ id: Int) -> Bool { description.kinds[id] == .normal }

    private func pieces() -> PieceTable { PieceTable(description.tokens, isIndexed: isPlain) }

    private func merging(_ pieces: PieceTable, _ order: MergeModel.Order, takesWholeWords: Bool) -> MergeModel {
        var symbols = MergeModel.Symbols.characters
        if description.symbolsAreBytes {
            symbols = .bytes(FrozenArray((0..<256).map { pieces.id(of: [UInt8($0)]) }))
        }
        return MergeModel(
            pieces: pieces, order: order, symbols: symbols, takesWholeWords: takesWholeWords, unknown: unknown())
    }

    private func unknown() -> UnknownPolicy {
        var byteTokens: FrozenArray<TokenID>?
        if description.hasByteFallback {
            var table = [TokenID](repeating: -1, count: 256)
            for (id, token) in description.tokens.enumerated() {
                if let byte = Self.byte(token), table[Int(byte)] < 0 { table[Int(byte)] = TokenID(id) }
            }
            byteTokens = FrozenArray(table)
        }
        return UnknownPolicy(
            byteTokens: byteTokens, unknownToken: description.unknownToken ?? -1, fuses: description.fusesUnknown)
    }

    /// The byte that a token `<0xNN>` stands for.
    static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: [0x3C, 0x30, 0x78]), token[5] == 0x3E else { return nil }
        return UInt8(String(decoding: token[3...4], as: UTF8.self), radix: 16)
    }

    private func mergeTable(_ merges: MergeList, _ pieces: PieceTable) throws(TokenizerError) -> MergeTable {
        var rank = 0
        var start = 0
        var failure: TokenizerError?
        let table = merges.bytes.withUnsafeBufferPointer { bytes in
            MergeTable(count: merges.count) {
                guard failure == nil, rank < merges.count, let base = bytes.baseAddress else { return nil }
                let (middle, end) = (Int(merges.cuts[rank].middle), Int(merges.cuts[rank].end))
                let left = pieces.id(of: base + start, middle - start)
                let right = pieces.id(of: base + middle, end - middle)
                let merged = pieces.id(of: base + start, end - start)
                if left < 0 || right < 0 || merged < 0 {
                    let text = String(decoding: bytes[start..<end], as: UTF8.self)
                    failure = .mergeOutsideVocabulary(rank: rank, text: text)
                    return nil
                }
                rank += 1
                start = end
                return (left, right, merged)
            }
        }
        if let failure { throw failure }
        return table
    }

    private func unigram() -> UnigramModel {
        var entries: [(bytes: [UInt8], value: TokenID)] = []
        var scores = description.scores
        let best = description.tokens.indices.filter(isPlain).map { description.scores[$0] }.max() ?? 0
        for id in description.tokens.indices {
            if isPlain(id) {
                entries.append((description.tokens[id], TokenID(id)))
            } else if description.kinds[id] == .userDefined {
                // SentencePiece's bonus, which makes the token win over any way to split it.
                let characters = description.tokens[id].count { $0 & 0xC0 != 0x80 }
                scores[id] = Float(characters) * best - 0.1
                entries.append((description.tokens[id], TokenID(id)))
            }
        }
        return UnigramModel(pieces: entries, scores: scores, unknown: unknown())
    }

    private func wordPieces(_ wordCharactersMax: Int) -> WordPieceModel {
        func trie(_ kind: TokenizerDescription.Kind) -> ByteTrie {
            ByteTrie(
                description.tokens.indices.filter { description.kinds[$0] == kind }
                    .map { (description.tokens[$0], Int32($0)) })
        }
        return WordPieceModel(
            beginnings: trie(.normal), continuations: trie(.continuation),
            unknownToken: description.unknownToken ?? -1, wordCharactersMax: wordCharactersMax)
    }

    /// The description's stages, and one more where pieces with marks never reach across a word.
    func stages() -> [SplitStage] {
        guard case .marks = description.surface else { return description.stages }
        switch description.algorithm {
        case .mergeList, .mergesByScore: break
        case .mergesByRank, .unigram, .wordPiece: return description.stages
        }
        var keeps = ByteSet()
        let mark = Normalizer.mark
        for id in description.tokens.indices where isPlain(id) {
            let token = description.tokens[id]
            var index = 1
            while index + mark.count <= token.count {
                if token[index] == mark[0], token[index + 1] == mark[1], token[index + 2] == mark[2],
                    index < 3 || !token[(index - 3)..<index].elementsEqual(mark)
                {
                    keeps.insert(token[index - 1])
                }
                index += 1
            }
        }
        return description.stages + [SplitStage(pattern: .marks(keeps: keeps))]
    }

    /// What each token shows as.
    func surfaces() -> [[UInt8]] {
        var result = description.tokens
        if case .marks = description.surface {
            for id in result.indices {
                if description.hasByteFallback, let byte = Self.byte(result[id]) {
                    result[id] = [byte]
                } else if result[id].contains(Normalizer.mark[0]), !addedIDs.contains(TokenID(id)) || isUser(id) {
                    result[id] = Self.spaced(result[id])
                }
            }
        }
        for token in description.added where !isUser(Int(token.id)) { result[Int(token.id)] = token.content }
        if let unknown = description.unknownToken, let surface = description.unknownSurface,
            !description.added.contains(where: { $0.id == unknown && $0.isSpecial })
        {
            result[Int(unknown)] = surface
        }
        return result
    }

    private func isUser(_ id: Int) -> Bool { description.kinds[id] == .userDefined }

    private static func spaced(_ token: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < token.count {
            if index + 3 <= token.count, token[index..<(index + 3)].elementsEqual(Normalizer.mark) {
                result.append(0x20)
                index += 3
            } else {
                result.append(token[index])
                index += 1
            }
        }
        return result
    }

    func specialFlags() -> [Bool] {
        var flags = [Bool](repeating: false, count: description.tokens.count)
        for token in description.added where token.isSpecial { flags[Int(token.id)] = true }
        return flags
    }
}

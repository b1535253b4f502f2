// TokenizerDescription+Tiktoken.swift: reads `.tiktoken` files: a token in base64 and its rank per line.
// The file names neither the split pattern nor the special tokens, so the caller does.
import Core

extension TokenizerDescription {
    /// The split pattern of o200k_base and o200k_harmony.
    public static let o200kPattern = SplitPattern.casedText(numbers: "\\p{N}{1,3}", contractions: true)

    /// - specials: special tokens by text.  endTokens: those of them that end a turn or a text.
    public static func fromTiktoken(
        _ file: [UInt8], pattern: String, specials: [String: Int], beginOfSequence: String? = nil,
        endTokens: Set<String> = []
    ) throws(TokenizerError) -> TokenizerDescription {
        var ranked: [(token: [UInt8], rank: Int)] = []
        var top = specials.values.max() ?? -1
        var offset = 0
        while offset < file.count {
            let end = file[offset...].firstIndex(of: 0x0A) ?? file.count
            if end > offset {
                guard let (token, rank) = line(file[offset..<end]) else {
                    throw .malformed(format: "tiktoken", offset: offset)
                }
                ranked.append((token, rank))
                top = max(top, rank)
            }
            offset = end + 1
        }
        if ranked.isEmpty { throw .missing(field: "tokens") }
        if top >= tokensMax { throw .tooLarge(field: "tokens", count: top, limit: tokensMax) }
        if let negative = specials.values.first(where: { $0 < 0 }) {
            throw .idOutOfRange(field: "special token", id: negative, tokens: top + 1)
        }
        var tokens = [[UInt8]](repeating: [], count: top + 1)
        for (token, rank) in ranked { tokens[rank] = token }
        var result = TokenizerDescription(tokens: tokens, algorithm: .mergesByRank)
        result.symbolsAreBytes = true
        result.stages = [SplitStage(pattern: try .recognizing(pattern))]
        for (text, id) in specials.sorted(by: { $0.value < $1.value }) {
            result.tokens[id] = Array(text.utf8)
            result.kinds[id] = .control
            result.added.append(
                AddedToken(id: TokenID(id), content: Array(text.utf8), isSpecial: true, isAlwaysFound: false))
            if text == beginOfSequence { result.beginOfSequence = TokenID(id) }
            if endTokens.contains(text) { result.endTokens.insert(TokenID(id)) }
        }
        result.findEndTokens()
        return result
    }

    private static func line(_ line: ArraySlice<UInt8>) -> ([UInt8], Int)? {
        guard let space = line.firstIndex(of: 0x20) else { return nil }
        var rank = 0
        for byte in line[(space + 1)...] where byte != 0x0D {
            guard (0x30...0x39).contains(byte), rank < tokensMax else { return nil }
            rank = rank * 10 + Int(byte - 0x30)
        }
        guard let token = base64(line[..<space]), !token.isEmpty else { return nil }
        return (token, rank)
    }

    static func base64(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for byte in text {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte + 4
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "="): continue
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return result
    }
}

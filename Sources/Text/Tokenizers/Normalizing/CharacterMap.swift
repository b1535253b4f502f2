// CharacterMap.swift: SentencePiece's precompiled normalization rules: a double-array trie from byte
// strings to replacements. Format: u32 trie bytes, trie units, replacements ended by NUL.
// Source: sentencepiece/src/normalizer.cc, darts-clone. Every index is checked: the map is a file's.

struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// Nil when the blob contradicts itself.
    init?(_ blob: [UInt8]) {
        guard blob.count >= 4 else { return nil }
        let size = Int(Self.word(blob, 0))
        guard size % 4 == 0, size > 0, size <= blob.count - 4 else { return nil }
        units = (0..<(size / 4)).map { Self.word(blob, 4 + $0 * 4) }
        replacements = Array(blob[(4 + size)...])
    }

    private static func word(_ blob: [UInt8], _ at: Int) -> UInt32 {
        UInt32(blob[at]) | UInt32(blob[at + 1]) << 8 | UInt32(blob[at + 2]) << 16 | UInt32(blob[at + 3]) << 24
    }

    /// The text with every longest known string replaced, left to right.
    func apply(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        var position = 0
        while position < text.count {
            if let (length, place) = longestMatch(text, position) {
                var index = place
                while index < replacements.count, replacements[index] != 0 {
                    result.append(replacements[index])
                    index += 1
                }
                position += length
            } else {
                let width = min(UTF8Width.of(leading: text[position]), text.count - position)
                result.append(contentsOf: text[position..<(position + width)])
                position += width
            }
        }
        return result
    }

    /// Length of the longest key at `start`, and where its replacement begins.
    private func longestMatch(_ text: [UInt8], _ start: Int) -> (Int, Int)? {
        var best: (Int, Int)?
        var node = Self.offset(units[0])
        var position = start
        while position < text.count {
            node ^= Int(text[position])
            guard node < units.count else { break }
            let unit = units[node]
            // A unit's label is its low byte; the sign bit marks values, which have no label.
            guard unit & (1 << 31 | 0xFF) == UInt32(text[position]) else { break }
            node ^= Self.offset(unit)
            position += 1
            if unit >> 8 & 1 == 1 {
                guard node < units.count else { break }
                best = (position - start, Int(units[node] & 0x7FFF_FFFF))
            }
        }
        return best
    }

    private static func offset(_ unit: UInt32) -> Int {
        Int((unit >> 10) << ((unit & (1 << 9)) >> 6))
    }
}

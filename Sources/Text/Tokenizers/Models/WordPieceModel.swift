// WordPieceModel.swift: longest known beginning first, then longest known continuation.
// Source: BERT. A word with any unknown rest becomes one unknown token.
import Core

struct WordPieceModel: Sendable {
    let beginnings: ByteTrie
    let continuations: ByteTrie
    let unknownToken: TokenID
    /// Longer words are unknown without trying.
    let wordCharactersMax: Int

    /// Appends the ids of one word, at least one byte long.
    func encode(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: EncodeScratch) {
        var characters = 0
        for index in 0..<count where word[index] & 0xC0 != 0x80 { characters += 1 }
        let first = scratch.output.count
        var position = characters > wordCharactersMax ? -1 : 0
        while position >= 0, position < count {
            let trie = position == 0 ? beginnings : continuations
            var node: UInt32 = 0
            var end = position
            var best: (id: TokenID, end: Int)?
            while end < count, let deeper = trie.step(node, word[end]) {
                node = deeper
                end += 1
                if trie.value(node) >= 0 { best = (trie.value(node), end) }
            }
            guard let best else { break }
            scratch.output.append(best.id)
            position = best.end
        }
        if position != count {
            scratch.output.removeSubrange(first...)
            if unknownToken >= 0 { scratch.output.append(unknownToken) }
        }
    }
}

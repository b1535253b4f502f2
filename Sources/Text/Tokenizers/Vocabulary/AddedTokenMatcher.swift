// AddedTokenMatcher.swift: cuts a text at its added tokens: leftmost, then longest.
import Core

struct AddedTokenMatcher: Sendable {
    private let tokens: [AddedToken]
    private let all: ByteTrie
    private let always: ByteTrie

    init(_ tokens: [AddedToken]) {
        self.tokens = tokens
        all = ByteTrie(tokens.enumerated().map { ($0.element.content, Int32($0.offset)) })
        always = ByteTrie(
            tokens.enumerated().filter { $0.element.isAlwaysFound }.map {
                ($0.element.content, Int32($0.offset))
            })
    }

    /// Whether any token could be found.
    func isEmpty(withSpecial: Bool) -> Bool { withSpecial ? all.isEmpty : always.isEmpty }

    /// Calls `body` with each stretch of text between tokens, and with each token, in order.
    func cut(
        _ text: UnsafeBufferPointer<UInt8>, withSpecial: Bool,
        _ body: (_ text: Range<Int>, _ token: TokenID?) -> Void
    ) {
        let trie = withSpecial ? all : always
        var done = 0
        var position = 0
        while position < text.count {
            guard trie.starts.contains(text[position]),
                let (index, end) = longest(trie, text, position)
            else {
                position += 1
                continue
            }
            let token = tokens[Int(index)]
            if token.isSingleWord, touchesWord(text, position, end) {
                position += 1
                continue
            }
            var start = position
            var after = end
            if token.stripsLeft {
                while start > done, isSpace(text, before: start) { start = previous(text, start) }
            }
            if token.stripsRight {
                while after < text.count, let width = spaceWidth(text, after) { after += width }
            }
            if start > done { body(done..<start, nil) }
            body(start..<after, token.id)
            done = after
            position = after
        }
        if done < text.count { body(done..<text.count, nil) }
    }

    private func longest(_ trie: ByteTrie, _ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> (
        Int32, Int
    )? {
        var best: (Int32, Int)?
        var node: UInt32 = 0
        var end = start
        while end < text.count, let deeper = trie.step(node, text[end]) {
            node = deeper
            end += 1
            if trie.value(node) >= 0 { best = (trie.value(node), end) }
        }
        return best
    }

    private func kind(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> (
        kind: CharacterKind, width: Int
    ) {
        SplitText(text.baseAddress!, count: text.count).kind(at: at)
    }

    private func previous(_ text: UnsafeBufferPointer<UInt8>, _ end: Int) -> Int {
        SplitText(text.baseAddress!, count: text.count).characterStart(before: end)
    }

    private func isSpace(_ text: UnsafeBufferPointer<UInt8>, before end: Int) -> Bool {
        kind(text, previous(text, end)).kind == .space
    }

    private func spaceWidth(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int? {
        let (kind, width) = kind(text, at)
        return kind == .space ? width : nil
    }

    private func touchesWord(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        let word: CharacterKind = [.letter, .number, .mark]
        if start > 0, !kind(text, previous(text, start)).kind.isDisjoint(with: word) { return true }
        return end < text.count && !kind(text, end).kind.isDisjoint(with: word)
    }
}

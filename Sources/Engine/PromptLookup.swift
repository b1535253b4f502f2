// PromptLookup.swift: guesses how a sequence goes on: as it did where its last tokens stood before.
// Texts repeat themselves: names, quotations, code that is edited, summaries of what was asked.
import Core

/// The drafts of one sequence ("prompt lookup", a form of speculative decoding without a second model).
struct PromptLookup {
    /// How many of the last tokens must have stood before, at least and at most.
    static let matchRange = 3...12
    /// How far back they are sought: a fixed cost per step.
    static let reach = 8192

    /// More after each guess that went wrong, fewer after each that held: text that does not repeat itself is
    /// soon left alone.
    private var match = PromptLookup.matchRange.lowerBound
    /// Most tokens of a draft: one to try, and twice as many after each that held to its end.
    private var length = 1

    /// What followed the latest place where the last tokens stood before: `most` tokens, or none.
    func draft(after tokens: [TokenID], most: Int) -> [TokenID] {
        guard most > 0, tokens.count > match else { return [] }
        return tokens.withUnsafeBufferPointer { tokens in
            guard let end = latestMatch(in: tokens) else { return [] }
            // A draft may run into itself: what repeats every two tokens goes on doing so.
            var draft: [TokenID] = []
            let period = tokens.count - end
            for place in 0..<min(most, length) {
                draft.append(place < period ? tokens[end + place] : draft[place - period])
            }
            return draft
        }
    }

    /// Where the latest earlier occurrence of the last `match` tokens ends.
    private func latestMatch(in tokens: UnsafeBufferPointer<TokenID>) -> Int? {
        let count = tokens.count, last = tokens[count - 1]
        for end in stride(from: count - 1, through: max(match, count - Self.reach), by: -1)
        where tokens[end - 1] == last {
            if (2..<match + 1).allSatisfy({ tokens[end - $0] == tokens[count - $0] }) { return end }
        }
        return nil
    }

    mutating func learn(drafted: Int, accepted: Int) {
        length = accepted == drafted ? 2 * drafted : max(1, accepted)
        let wanted = match + (accepted == 0 ? 1 : -1)
        match = min(max(wanted, Self.matchRange.lowerBound), Self.matchRange.upperBound)
    }
}

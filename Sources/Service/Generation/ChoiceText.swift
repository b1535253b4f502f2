// ChoiceText.swift: one choice's tokens to text: detokenizer, then stop strings. Pure; fed in any portions.
// Its one idea: tokens are taken one at a time, so the outcome does not depend on how steps batched them.
import Core
import Engine
import Text

struct ChoiceText {
    private let tokenizer: Tokenizer
    private let rules: TextRules
    private var detokenizer: IncrementalDetokenizer
    private var matcher: StopMatcher?
    private(set) var tokenCount = 0

    init(_ tokenizer: Tokenizer, rules: TextRules) {
        self.tokenizer = tokenizer
        self.rules = rules
        detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: rules.skipsSpecial)
        if !rules.stopStrings.isEmpty {
            matcher = StopMatcher(rules.stopStrings, includeInOutput: rules.includesStop)
        }
    }

    /// - finish: the engine's word about this choice.
    /// - Returns: the text that became certain, the tokens it took, and how the choice ended, if it did.
    mutating func advance(
        _ tokens: [SampledToken], finish: FinishReason?
    ) -> (text: String, tokens: ArraySlice<SampledToken>, finish: FinishReason?) {
        var text = ""
        for (index, token) in tokens.enumerated() {
            tokenCount += 1
            if case .stopToken = finish, index == tokens.count - 1, !rules.includesStop { break }
            guard tokenizer.covers(token.token) else { continue }
            if let stop = append(detokenizer.append(token.token), to: &text) {
                return (text, tokens[...index], .stopString(stop))
            }
        }
        guard let finish else { return (text, tokens[...], nil) }
        if let stop = append(detokenizer.finish(), to: &text) {
            return (text, tokens[...], .stopString(stop))
        }
        text += matcher?.finish() ?? ""
        return (text, tokens[...], finish)
    }

    /// Passes text through the matcher; answers the stop string that was found.
    private mutating func append(_ piece: String, to text: inout String) -> String? {
        guard !piece.isEmpty else { return nil }
        guard matcher != nil, tokenCount > rules.tokensMin else {
            text += piece
            return nil
        }
        guard let matched = matcher?.append(piece) else { return nil }
        text += matched.text
        return matched.stop
    }
}

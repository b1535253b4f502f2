// EngineLoop+Draft.swift: guesses at how a choice goes on, and what they learn from how it did.
import Core
import Scheduling

extension EngineLoop {
    /// What a choice may go on with, within its own bounds.
    func draft(_ sequence: SequenceHandle, after tokens: [TokenID], most: Int) -> [TokenID] {
        guard let choice = choices[sequence.slot] else { return [] }
        return choice.lookup.draft(after: tokens, most: min(most, choice.tokensMax - choice.output.count - 1))
    }

    /// To be called when the last of `results` are those of the known token and of the draft.
    func learn(_ choice: Choice, _ draft: [TokenID]) {
        let accepted = zip(results.suffix(draft.count + 1), draft).prefix { $0 == .token($1) }.count
        choice.lookup.learn(drafted: draft.count, accepted: accepted)
        load.draftTokens += UInt64(draft.count)
        load.acceptedDraftTokens += UInt64(accepted)
    }
}

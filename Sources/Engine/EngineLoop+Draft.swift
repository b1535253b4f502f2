// EngineLoop+Draft.swift: tokens of a draft are drawn like all others, each from the row behind the one
// before it, for as long as the draft says what is drawn: the answer is that of a step for every token.
import Core
import Models
import Scheduling

extension EngineLoop {
    /// What a choice may go on with, within its own bounds.
    func draft(_ sequence: SequenceHandle, after tokens: [TokenID], most: Int) -> [TokenID] {
        guard let choice = choices[sequence.slot] else { return [] }
        let left = choice.request.stopping.tokensMax - choice.output.count - 1
        return choice.lookup.draft(after: tokens, most: min(most, left))
    }

    /// Results for a span with a draft: one for each row that counts, `.unreached` for the others.
    func sampleDraft(
        _ span: StepPlan.Span, _ rows: UnsafeBufferPointer<Float>, _ choice: Choice, _ now: UInt64
    ) {
        let columns = model.vocabularySize
        var accepted = 0
        for place in 0...span.draft.count {
            guard place == accepted else {
                results.append(.unreached)
                continue
            }
            let row = UnsafeBufferPointer(rebasing: rows[place * columns..<(place + 1) * columns])
            let result = draw(row, choice, now)
            results.append(result)
            if place < span.draft.count, result == .token(span.draft[place]) { accepted += 1 }
        }
        choice.lookup.learn(drafted: span.draft.count, accepted: accepted)
        load.draftTokens += UInt64(span.draft.count)
        load.acceptedDraftTokens += UInt64(accepted)
    }
}

// Scheduler+Draft.swift: rows to spare, for tokens that streams are only supposed to go on with.
// A few rows cost hardly more than one, so a right guess is a token for nothing. A wrong one leaves no
// trace: its row lies behind everything that counts, and the next step writes over it.
import Core

extension Scheduler {
    /// The tokens that a sequence of such tokens may go on with: `most` of them, fewer, or none.
    public typealias Drafter = (_ sequence: SequenceHandle, _ tokens: [TokenID], _ most: Int) -> [TokenID]

    /// Shares the spare rows of a step without prompts evenly among its streams.
    mutating func addDrafts(_ plan: inout StepPlan, _ draft: Drafter) {
        guard plan.spans.count == plan.streamTokens else { return }
        var room = limits.draftRowsMax - plan.spans.count
        for index in plan.spans.indices where room > 0 {
            let streams = plan.spans.count - index
            room -= addDraft(to: index, most: (room + streams - 1) / streams, &plan, draft)
        }
    }

    /// Only from pages that are free: nobody gives way to a guess. Returns the rows it took.
    private mutating func addDraft(to index: Int, most: Int, _ plan: inout StepPlan, _ draft: Drafter) -> Int {
        let span = plan.spans[index]
        let slot = span.sequence.slot
        guard sequences[slot].siblings.isEmpty else { return 0 }
        let rows = min(1 + most, limits.chunkTokensMax, limits.contextMax - span.begin)
        let room = tokensThatFit(slot, rows) - 1
        guard room > 0 else { return 0 }
        let tokens = draft(span.sequence, sequences[slot].tokens, room)
        precondition(tokens.count <= room, "\(tokens.count) draft tokens for \(room) rows")
        guard !tokens.isEmpty else { return 0 }
        allocate(slot, upTo: span.end + tokens.count, &plan)
        plan.spans[index] = StepPlan.Span(
            sequence: span.sequence, begin: span.begin, end: span.end + tokens.count,
            outputBegin: span.outputBegin, firstSample: 0, sampleCount: 0, draft: tokens)
        return tokens.count
    }
}

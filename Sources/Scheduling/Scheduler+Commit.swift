// Scheduler+Commit.swift: what a computed step changes: tokens appended, forks made, full pages
// published to the prefix index, pages behind a window given back.
import Core

extension Scheduler {
    /// Records a computed plan. `results` are those of `plan.samples`, in order.
    /// Sequences that ended since the plan was made are passed over.
    public mutating func commit(_ plan: StepPlan, _ results: [StepResult]) {
        precondition(
            results.count == plan.samples.count, "\(results.count) results of \(plan.samples.count)"
        )
        for span in plan.spans where isLive(span.sequence) {
            let slot = span.sequence.slot
            // A sequence that was preempted by a later plan would be no owner of these rows.
            guard sequences[slot].phase == .running, sequences[slot].computed == span.begin else {
                continue
            }
            guard span.draft.isEmpty else {
                commitDraft(span, results[span.samples])
                continue
            }
            advance(slot, to: span.end)
            guard span.sampleCount > 0 else { continue }
            for index in span.samples.dropFirst() where isLive(plan.samples[index]) {
                fork(slot, into: plan.samples[index], results[index])
            }
            append(results[span.firstSample], to: span.sequence)
        }
    }

    /// Rows count up to the first draft token that was not chosen.
    private mutating func commitDraft(_ span: StepPlan.Span, _ results: ArraySlice<StepResult>) {
        let reached = results.prefix { $0 != .unreached }
        precondition(!reached.isEmpty, "the row of a known token counts")
        for case .token(let token) in reached { append(.token(token), to: span.sequence) }
        advance(span.sequence.slot, to: span.begin + reached.count)
        if reached.last == .end { end(span.sequence) }
    }

    private mutating func advance(_ slot: Int, to end: Int) {
        let begin = sequences[slot].computed
        sequences[slot].computed = end
        sequences[slot].logitsFrom = max(sequences[slot].logitsFrom, end)
        let full = begin / limits.pageSize..<end / limits.pageSize
        if !full.isEmpty {
            extendChain(slot, pages: full.upperBound)
            for group in groups.indices {
                for page in full {
                    let held = sequences[slot].tables[group][page]
                    pools[group].publish(held, as: sequences[slot].chain[page + 1])
                }
            }
        }
        leaveBehind(slot)
    }

    /// Gives back pages that no later row reads.
    private mutating func leaveBehind(_ slot: Int) {
        for group in groups.indices where groups[group].retention != .all {
            let first = groups[group].retention.firstPage(
                readFrom: sequences[slot].computed, pageSize: limits.pageSize)
            while sequences[slot].firstHeld[group] < min(first, sequences[slot].tables[group].count)
            {
                let index = sequences[slot].firstHeld[group]
                pools[group].release(sequences[slot].tables[group][index])
                sequences[slot].tables[group][index] = -1
                sequences[slot].firstHeld[group] += 1
            }
        }
    }

    /// A choice leaves its leader: it shares all pages, and goes its own way with its own token.
    private mutating func fork(_ leader: Int, into handle: SequenceHandle, _ result: StepResult) {
        guard case .token = result else { return end(handle) }
        let slot = handle.slot
        sequences[leader].siblings.removeAll { $0 == slot }
        sequences[slot].leader = -1
        sequences[slot].phase = .running
        sequences[slot].tokens = sequences[leader].tokens
        sequences[slot].computed = sequences[leader].computed
        sequences[slot].logitsFrom = sequences[leader].logitsFrom
        sequences[slot].chain = sequences[leader].chain
        sequences[slot].hasStarted = true
        for group in groups.indices {
            sequences[slot].tables[group] = sequences[leader].tables[group]
            sequences[slot].firstHeld[group] = sequences[leader].firstHeld[group]
            for page in sequences[slot].tables[group] where page >= 0 { pools[group].retain(page) }
        }
        running.append(slot)
        append(result, to: handle)
    }

    private mutating func append(_ result: StepResult, to handle: SequenceHandle) {
        guard case .token(let token) = result else { return end(handle) }
        sequences[handle.slot].tokens.append(token)
        queue.charge(sequences[handle.slot].account, 1)
    }
}

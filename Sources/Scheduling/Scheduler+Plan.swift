// Scheduler+Plan.swift: the plan: running sequences first, one token each before any longer piece,
// then new ones in fair order, until the step's budget is dealt.
import Core

extension Scheduler {
    /// What the next step computes. Ends sequences that no pool could hold (`exhausted`).
    /// - longPromptTokensMax: the most rows that long prompts may have beside so many streams.
    /// - draft: what a stream may go on with; asked where a step has rows to spare.
    public mutating func plan(
        into plan: inout StepPlan, longPromptTokensMax: (_ streams: Int) -> Int = { _ in .max },
        draft: Drafter = { _, _, _ in [] }
    ) {
        plan.removeAll()
        planNumber += 1
        var budget = Budget(tokens: limits.stepTokensMax, outputs: limits.outputRowsMax)
        let preemptionsBefore = preemptions
        for index in running.indices
        where running[index] >= 0 && sequences[running[index]].remaining == 1 {
            serve(running[index], &plan, &budget)
        }
        plan.streamTokens = plan.spans.count
        budget.promptTokens = promptTokensMax(streams: plan.streamTokens)
        budget.longPromptTokens = max(1, longPromptTokensMax(plan.streamTokens))
        for index in running.indices where running[index] >= 0 {
            if sequences[running[index]].plannedIn != planNumber {
                serve(running[index], &plan, &budget)
            }
        }
        compactRunning()
        // Who had to give way comes back when there is room, not within the same step.
        if preemptions == preemptionsBefore { admit(&plan, &budget) }
        compactRunning()
        addDrafts(&plan, draft)
        for index in plan.spans.indices { addSamples(of: index, &plan) }
    }

    struct Budget {
        var tokens: Int
        var outputs: Int
        var promptTokens = Int.max
        var longPromptTokens = Int.max
    }

    /// Beside streams prompts are cut: a step's time goes with its rows. Two rows for each stream keep up
    /// with requests that ask twice as much as they are answered, so that streams do not run dry.
    private func promptTokensMax(streams: Int) -> Int {
        streams == 0 ? .max : max(limits.mixedPromptTokensMax, 2 * streams)
    }

    /// Gives a running sequence its share of the step, making others give way if pages are short.
    private mutating func serve(_ slot: Int, _ plan: inout StepPlan, _ budget: inout Budget) {
        let wanted = share(of: slot, budget)
        guard wanted > 0 else { return }
        var count = tokensThatFit(slot, wanted)
        while count == 0 {
            let victim = youngestOfLowestPriority(worseThan: nil)
            if victim == slot && running.count(where: { $0 >= 0 }) == 1 {
                return exhaust(slot, needed: sequences[slot].computed + 1, &plan)
            }
            preempt(victim, &plan, &budget)
            if victim == slot { return }
            count = tokensThatFit(slot, wanted)
        }
        schedule(slot, count, &plan, &budget)
    }

    /// How many tokens of a sequence the step has room for.
    private func share(of slot: Int, _ budget: Budget) -> Int {
        let (computed, logitsFrom) = (sequences[slot].computed, sequences[slot].logitsFrom)
        var count = min(sequences[slot].remaining, budget.tokens, limits.chunkTokensMax)
        if sequences[slot].remaining > 1 { count = min(count, budget.promptTokens) }
        // One at least: who waits behind several long prompts must not wait for all of them.
        if isLong(slot) { count = min(count, max(1, budget.longPromptTokens)) }
        return min(count, max(0, logitsFrom - computed) + budget.outputs)
    }

    private func isLong(_ slot: Int) -> Bool {
        let remaining = sequences[slot].remaining
        return remaining > limits.longPromptTokens || sequences[slot].isLong && remaining > 1
    }

    private mutating func schedule(
        _ slot: Int, _ count: Int, _ plan: inout StepPlan, _ budget: inout Budget
    ) {
        let begin = sequences[slot].computed
        let end = begin + count
        allocate(slot, upTo: end, &plan)
        sequences[slot].plannedIn = planNumber
        sequences[slot].isLong = isLong(slot)
        if sequences[slot].isLong {
            plan.longPromptTokens += count
            budget.longPromptTokens -= count
        }
        let outputBegin = min(end, max(begin, sequences[slot].logitsFrom))
        budget.tokens -= count
        if sequences[slot].remaining > 1 { budget.promptTokens -= count }
        budget.outputs -= end - outputBegin
        plan.spans.append(
            StepPlan.Span(
                sequence: SequenceHandle(slot: slot, id: sequences[slot].id), begin: begin,
                end: end,
                outputBegin: outputBegin, firstSample: 0, sampleCount: 0))
    }

    private func addSamples(of index: Int, _ plan: inout StepPlan) {
        let span = plan.spans[index]
        let slot = span.sequence.slot
        let first = plan.samples.count
        if span.knownEnd == sequences[slot].tokens.count {
            for _ in 0...span.draft.count { plan.samples.append(span.sequence) }
            for sibling in sequences[slot].siblings {
                plan.samples.append(SequenceHandle(slot: sibling, id: sequences[sibling].id))
            }
        }
        plan.spans[index] = StepPlan.Span(
            sequence: span.sequence, begin: span.begin, end: span.end,
            outputBegin: span.outputBegin,
            firstSample: first, sampleCount: plan.samples.count - first, draft: span.draft)
    }

    // MARK: starting

    private mutating func admit(_ plan: inout StepPlan, _ budget: inout Budget) {
        guard !queue.entries.isEmpty else { return }
        for group in groups.indices { pledged[group] = 0 }
        for slot in running {
            for group in groups.indices {
                pledged[group] += pagesToCome(slot, group, tokens: sequences[slot].tokens.count + 1)
            }
        }
        while budget.tokens > 0, budget.promptTokens > 0, let index = queue.best() {
            guard start(index, &plan, &budget) else { return }
        }
    }

    /// Starts a waiting sequence if slots, rows and pages allow. Worse priorities give way, but only
    /// where that is known to be enough: nobody is computed again for nothing.
    private mutating func start(_ index: Int, _ plan: inout StepPlan, _ budget: inout Budget)
        -> Bool
    {
        let entry = queue.entries[index]
        let slot = entry.slot
        let match = prefixMatch(slot)
        guard let victims = victims(for: entry, match) else { return false }
        for victim in victims { giveWay(victim, &plan, &budget) }
        // What they gave back keeps its names: the match still holds.
        take(match, slot)
        let wanted = share(of: slot, budget)
        let count = wanted > 0 ? tokensThatFit(slot, wanted) : 0
        guard count > 0 else {
            let needed = sequences[slot].computed + 1
            releasePages(of: slot)
            guard wanted > 0, !running.contains(where: { $0 >= 0 }) else { return false }
            exhaust(slot, needed: needed, &plan)
            return true
        }
        // Making way may have moved the entry.
        guard let position = queue.index(ofSlot: slot) else {
            preconditionFailure("slot \(slot) does not wait")
        }
        queue.remove(at: position, starting: true)
        if !sequences[slot].hasStarted { welcome(slot, match) }
        sequences[slot].phase = .running
        running.append(slot)
        width += sequences[slot].width
        schedule(slot, count, &plan, &budget)
        for group in groups.indices {
            pledged[group] += pagesToCome(slot, group, tokens: sequences[slot].tokens.count + 1)
        }
        return true
    }

    private mutating func welcome(_ slot: Int, _ match: PrefixMatch) {
        let tokens = sequences[slot].tokens.count
        let cached = match.pages * limits.pageSize
        sequences[slot].hasStarted = true
        sequences[slot].cachedTokens = cached
        for sibling in sequences[slot].siblings { sequences[sibling].cachedTokens = cached }
        prefixQueryTokens += UInt64(tokens)
        prefixHitTokens += UInt64(cached)
        queue.charge(sequences[slot].account, tokens - cached)
    }

    // MARK: giving way

    /// The running sequences that have to give way for a waiting one to fit, the first ones first;
    /// nil when it would not fit even so.
    private mutating func victims(for entry: FairQueue.Entry, _ match: PrefixMatch) -> [Int]? {
        let slot = entry.slot
        var victims: [Int] = []
        var widthLeft = limits.sequencesMax - sequences[slot].width - width
        while widthLeft < 0 || !pagesSuffice(slot, match, without: victims) {
            let victim = youngestOfLowestPriority(worseThan: entry.priority, except: victims)
            guard victim >= 0 else {
                // With the pool to itself it starts; whether it can go on shows later.
                return running.contains { $0 >= 0 && !victims.contains($0) } ? nil : victims
            }
            victims.append(victim)
            widthLeft += sequences[victim].width
        }
        return victims
    }

    private mutating func giveWay(
        _ victim: Int, _ plan: inout StepPlan, _ budget: inout Budget
    ) {
        for group in groups.indices {
            pledged[group] -= pagesToCome(victim, group, tokens: sequences[victim].tokens.count + 1)
        }
        preempt(victim, &plan, &budget)
    }

    /// The running sequence that gives way first; -1 when none is worse than `worseThan`.
    private func youngestOfLowestPriority(worseThan limit: Int?, except others: [Int] = []) -> Int {
        var victim = -1
        for slot in running where slot >= 0 && !others.contains(slot) {
            if let limit, sequences[slot].priority <= limit { continue }
            if victim < 0
                || (sequences[slot].priority, sequences[slot].id)
                    > (sequences[victim].priority, sequences[victim].id)
            {
                victim = slot
            }
        }
        return victim
    }

    /// Takes every page from a sequence; it waits, to be computed again. Its chosen tokens stay.
    private mutating func preempt(_ slot: Int, _ plan: inout StepPlan, _ budget: inout Budget) {
        preemptions += 1
        withdraw(slot, &plan, &budget)
        releasePages(of: slot)
        for index in running.indices where running[index] == slot { running[index] = -1 }
        width -= sequences[slot].width
        sequences[slot].phase = .waiting
        queue.push(
            FairQueue.Entry(
                slot: slot, priority: sequences[slot].priority, account: sequences[slot].account,
                order: sequences[slot].id.rawValue, gaveWay: true))
    }

    /// Takes a sequence's span out of the plan, with its copies.
    private mutating func withdraw(_ slot: Int, _ plan: inout StepPlan, _ budget: inout Budget) {
        guard sequences[slot].plannedIn == planNumber else { return }
        sequences[slot].plannedIn = 0
        guard let index = plan.spans.firstIndex(where: { $0.sequence.slot == slot }) else { return }
        let span = plan.spans.remove(at: index)
        budget.tokens += span.end - span.begin
        budget.outputs += span.end - span.outputBegin
        if sequences[slot].remaining > 1 { budget.promptTokens += span.end - span.begin }
        if sequences[slot].isLong {
            plan.longPromptTokens -= span.end - span.begin
            budget.longPromptTokens += span.end - span.begin
        } else if index < plan.streamTokens {
            plan.streamTokens -= 1
        }
        let page = span.begin / limits.pageSize
        plan.copies.removeAll { sequences[slot].tables[$0.group][page] == $0.target }
    }

    /// Ends a sequence that has the pool to itself and still finds no page.
    private mutating func exhaust(_ slot: Int, needed: Int, _ plan: inout StepPlan) {
        for member in [slot] + sequences[slot].siblings {
            let handle = SequenceHandle(slot: member, id: sequences[member].id)
            plan.exhausted.append(
                StepPlan.Exhaustion(
                    sequence: handle, tokensNeeded: needed, tokensAvailable: needed - 1))
        }
        for exhaustion in plan.exhausted.reversed() where exhaustion.sequence.slot != slot {
            end(exhaustion.sequence)
        }
        // Ending shortens `running`, which the caller is walking: mark it, compact later.
        for index in running.indices where running[index] == slot { running[index] = -1 }
        end(SequenceHandle(slot: slot, id: sequences[slot].id))
    }

    private mutating func compactRunning() { running.removeAll { $0 < 0 } }
}

// Scheduler.swift: chooses which tokens the next step computes, and owns every page's fate.
// Pure: no clock, no threads, no I/O; equal inputs give equal plans, which the simulation relies on.
// There is no prefill or decode: a sequence has known tokens, and computed tokens that catch up.
import Core

/// The scheduler of one model's cache. One caller at a time: submit and end, plan, commit, repeat.
public struct Scheduler: Sendable {
    public let limits: SchedulerLimits
    public let groups: [PageGroup]
    /// Running totals.
    public internal(set) var preemptions: UInt64 = 0
    public internal(set) var prefixQueryTokens: UInt64 = 0
    public internal(set) var prefixHitTokens: UInt64 = 0

    var pools: [PagePool]
    var sequences: [SequenceState] = []
    var vacant: [Int] = []
    /// Slots in order of starting; -1 where one left during this step.
    var running: [Int] = []
    /// Running sequences and the choices that await their forks.
    var width = 0
    var queue: FairQueue
    let hasher: PageHasher
    private var nextID: UInt64 = 1
    var planNumber: UInt64 = 0
    // Scratch of the planner, per group.
    var pledged: [Int]
    var reach: [[Int32]]

    public init(limits: SchedulerLimits, groups: [PageGroup]) {
        limits.check()
        precondition(!groups.isEmpty, "a model without a cache group")
        self.limits = limits
        self.groups = groups
        pools = groups.map { PagePool(count: $0.pageCount) }
        queue = FairQueue(idleKeysMax: limits.idleKeysMax)
        hasher = PageHasher(key: limits.hashKey)
        pledged = Array(repeating: 0, count: groups.count)
        reach = Array(repeating: [], count: groups.count)
    }

    /// Queues a request; the handles are those of its choices, in order.
    public mutating func submit(_ request: SequenceRequest) throws(AdmissionError) -> [SequenceHandle] {
        try check(request)
        let account = queue.open(request.fairnessKey)
        var handles: [SequenceHandle] = []
        for choice in 0..<request.choices {
            let slot = takeSlot()
            sequences[slot].priority = request.priority
            sequences[slot].account = account
            sequences[slot].phase = choice == 0 ? .waiting : .awaitingFork
            sequences[slot].leader = choice == 0 ? -1 : handles[0].slot
            if choice > 0 { _ = queue.open(request.fairnessKey) }
            handles.append(SequenceHandle(slot: slot, id: sequences[slot].id))
        }
        let leader = handles[0].slot
        sequences[leader].tokens = request.prompt
        sequences[leader].siblings = handles.dropFirst().map(\.slot)
        sequences[leader].logitsFrom = request.scoresPrompt ? 0 : request.prompt.count - 1
        sequences[leader].chain = [hasher.root(salt: request.salt)]
        queue.push(
            FairQueue.Entry(
                slot: leader, priority: request.priority, account: account, order: handles[0].id.rawValue,
                gaveWay: false))
        return handles
    }

    /// What `submit` would refuse whatever else is queued.
    public func check(_ request: SequenceRequest) throws(AdmissionError) {
        let tokens = request.prompt.count
        guard tokens > 0 else { throw .promptEmpty }
        guard tokens <= limits.contextMax else {
            throw .promptTooLong(tokens: tokens, limit: limits.contextMax)
        }
        guard request.choices >= 1 && request.choices <= limits.choicesMax else {
            throw .choicesTooMany(choices: request.choices, limit: limits.choicesMax)
        }
        guard tokens <= tokensMax else {
            throw .cacheTooSmall(tokensNeeded: tokens, tokensAvailable: tokensMax)
        }
        guard queue.freshCount < limits.waitingMax else {
            throw .queueFull(waiting: queue.freshCount, limit: limits.waitingMax)
        }
    }

    /// Ends a sequence at any moment; its pages are back when this returns. Stale handles are ignored.
    public mutating func end(_ handle: SequenceHandle) {
        guard isLive(handle) else { return }
        let slot = handle.slot
        switch sequences[slot].phase {
        case .vacant: return
        case .awaitingFork:
            let leader = sequences[slot].leader
            sequences[leader].siblings.removeAll { $0 == slot }
            if sequences[leader].phase == .running { width -= 1 }
        case .waiting, .running:
            if sequences[slot].siblings.isEmpty { leave(slot) } else { handOver(slot) }
        }
        queue.close(sequences[slot].account)
        sequences[slot].vacate()
        vacant.append(slot)
    }

    /// Most tokens of one sequence that the pools can hold.
    public var tokensMax: Int {
        groups.map { $0.tokensMax(pageSize: limits.pageSize) }.min() ?? 0
    }

    /// Sequences that hold pages.
    public var runningCount: Int { running.count }
    /// Requests and preempted sequences that wait.
    public var waitingCount: Int { queue.entries.count }
    /// Waiting requests that were never started: what `waitingMax` bounds.
    public var freshCount: Int { queue.freshCount }
    public var isIdle: Bool { running.isEmpty && queue.entries.isEmpty }

    public func isLive(_ handle: SequenceHandle) -> Bool {
        sequences.indices.contains(handle.slot) && sequences[handle.slot].id == handle.id
            && sequences[handle.slot].phase != .vacant
    }

    /// Pages of a group held by live sequences, and pages kept only for prefix hits.
    public func pageUse(group: Int) -> (used: Int, cached: Int, free: Int) {
        (pools[group].usedCount, pools[group].cachedCount, pools[group].freeCount)
    }

    public func tokens(of slot: Int) -> [TokenID] { sequences[slot].tokens }
    public func cachedTokens(of slot: Int) -> Int { sequences[slot].cachedTokens }
    /// The page table of one group, without a copy of its entries.
    public func table(of slot: Int, group: Int) -> [Int32] { sequences[slot].tables[group] }

    private mutating func takeSlot() -> Int {
        let slot = vacant.popLast() ?? sequences.count
        if slot == sequences.count { sequences.append(SequenceState(groups: groups.count)) }
        sequences[slot].id = SequenceID(rawValue: nextID)
        nextID += 1
        return slot
    }

    /// Takes a sequence without siblings out of the queue or the running ones.
    private mutating func leave(_ slot: Int) {
        if sequences[slot].phase == .waiting {
            guard let index = queue.index(ofSlot: slot) else { preconditionFailure("slot \(slot) does not wait") }
            queue.remove(at: index, starting: false)
        } else {
            running.removeAll { $0 == slot }
            width -= 1
            releasePages(of: slot)
        }
    }

    /// The first sibling carries on with the prompt in place of `slot`.
    private mutating func handOver(_ slot: Int) {
        let heir = sequences[slot].siblings.removeFirst()
        for sibling in sequences[slot].siblings { sequences[sibling].leader = heir }
        sequences[heir].tables = sequences[slot].tables
        sequences[heir].firstHeld = sequences[slot].firstHeld
        sequences[heir].phase = sequences[slot].phase
        sequences[heir].leader = -1
        sequences[heir].siblings = sequences[slot].siblings
        sequences[heir].tokens = sequences[slot].tokens
        sequences[heir].computed = sequences[slot].computed
        sequences[heir].logitsFrom = sequences[slot].logitsFrom
        sequences[heir].chain = sequences[slot].chain
        sequences[heir].cachedTokens = sequences[slot].cachedTokens
        sequences[heir].hasStarted = sequences[slot].hasStarted
        if sequences[slot].phase == .waiting {
            queue.replaceSlot(slot, with: heir)
        } else if let index = running.firstIndex(of: slot) {
            running[index] = heir
            width -= 1
        }
    }

    /// Gives every page back, last first, so that a prefix outlives its continuation.
    mutating func releasePages(of slot: Int) {
        for group in groups.indices {
            var index = sequences[slot].tables[group].count
            while index > sequences[slot].firstHeld[group] {
                index -= 1
                pools[group].release(sequences[slot].tables[group][index])
            }
        }
        sequences[slot].forgetPages()
    }
}

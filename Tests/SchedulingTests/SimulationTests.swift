// SimulationTests.swift: random lives of many sequences in tiny pools, checked after every step.
import Core
import Material
import Testing

@testable import Scheduling

@Suite struct SimulationTests {
    @Test(arguments: 0..<100)
    func `random arrivals, cancellations and tiny pools keep every invariant`(round: Int) throws {
        let seed = 0x7031_1a5e &+ UInt64(round) &* 7919
        var simulation = Simulation(seed: seed)
        for step in 0..<400 {
            let problems = simulation.step(arriving: true)
            try #require(
                problems.isEmpty,
                "seed \(seed), step \(step): \(problems.prefix(3)) \(simulation.setup)")
        }
        // Nothing arrives any more: everything that is left must end, in bounded time.
        var step = 0
        while !simulation.scheduler.isIdle {
            let problems = simulation.step(arriving: false)
            try #require(
                problems.isEmpty,
                "seed \(seed), drain \(step): \(problems.prefix(3)) \(simulation.setup)")
            step += 1
            try #require(step < 6000, "seed \(seed): a sequence starves \(simulation.setup)")
        }
        for group in simulation.scheduler.groups.indices {
            #expect(simulation.scheduler.pageUse(group: group).used == 0, "seed \(seed)")
        }
        #expect(simulation.live.isEmpty, "seed \(seed)")
        print(
            "simulation seed \(seed): \(simulation.submitted) requests,"
                + " \(simulation.scheduler.preemptions) preemptions,"
                + " \(simulation.scheduler.prefixHitTokens) hits, \(simulation.copies) copies,"
                + " \(simulation.exhausted) exhausted, \(simulation.cancelled) cancelled,"
                + " \(simulation.accepted) of \(simulation.drafted) draft tokens accepted")
        if simulation.drafted > 50 {
            #expect(simulation.accepted > 0 && simulation.accepted < simulation.drafted, "seed \(seed)")
        }
    }

    @Test func `equal inputs give equal plans`() {
        var left = Simulation(seed: 11)
        var right = Simulation(seed: 11)
        for _ in 0..<200 {
            _ = left.step(arriving: true)
            _ = right.step(arriving: true)
            #expect(left.plan.spans == right.plan.spans)
            #expect(left.plan.copies == right.plan.copies)
        }
    }
}

/// A scheduler, its simulated cache and a random world around them.
private struct Simulation {
    struct Life {
        let handle: SequenceHandle
        let prompt: [TokenID]
        var tokensLeft: Int
        /// The request: its choices score one prompt together.
        let request: Int
    }

    var scheduler: Scheduler
    var plan = StepPlan()
    var live: [SequenceID: Life] = [:]
    var submitted = 0
    var copies = 0
    var exhausted = 0
    var cancelled = 0
    var drafted = 0
    var accepted = 0
    let setup: String
    private var cache: SimulatedCache
    private var random: SeededNumbers
    private var prefixes: [[TokenID]] = []
    /// Per request, the next prompt row to be scored.
    private var scoredRows: [Int] = []

    init(seed: UInt64) {
        random = SeededNumbers(seed: seed)
        var limits = SchedulerLimits()
        limits.pageSize = [1, 2, 4, 8].randomElement(using: &random)!
        limits.sequencesMax = Int.random(in: 2...10, using: &random)
        limits.stepTokensMax = limits.sequencesMax + Int.random(in: 1...40, using: &random)
        limits.chunkTokensMax = Int.random(in: 1...40, using: &random)
        limits.outputRowsMax = limits.sequencesMax + Int.random(in: 0...8, using: &random)
        limits.draftRowsMax = Int.random(in: 0...min(8, limits.outputRowsMax), using: &random)
        limits.choicesMax = min(4, limits.sequencesMax)
        limits.waitingMax = 12
        limits.contextMax = 120
        limits.idleKeysMax = 3
        var groups: [PageGroup] = []
        let shape = Int.random(in: 0..<4, using: &random)
        if shape != 1 {
            let pages = Int.random(in: 6...60, using: &random)
            groups.append(PageGroup(retention: .all, pageCount: pages))
        }
        if shape != 0 {
            let window = Int.random(in: 1...20, using: &random)
            let pages = Int.random(in: 3...40, using: &random)
            groups.append(PageGroup(retention: .window(window), pageCount: pages))
        }
        if shape == 3 {
            groups.append(
                PageGroup(retention: .window(7), pageCount: Int.random(in: 4...30, using: &random)))
        }
        scheduler = Scheduler(limits: limits, groups: groups)
        cache = SimulatedCache(groups: groups, pageSize: limits.pageSize)
        setup = "\(limits) \(groups)"
        for _ in 0..<3 {
            let length = Int.random(in: 3...30, using: &random)
            prefixes.append((0..<length).map { _ in TokenID.random(in: 0..<50, using: &random) })
        }
    }

    mutating func step(arriving: Bool) -> [String] {
        if arriving {
            while Int.random(in: 0..<3, using: &random) == 0 { submit() }
            cancelSometimes(oneIn: 12)
        }
        var problems = audit(scheduler)
        let seed = random.next()
        scheduler.plan(
            into: &plan,
            draft: { sequence, _, most in
                var random = SeededNumbers(seed: seed ^ sequence.id.rawValue)
                let count = Int.random(in: 0...most, using: &random)
                return (0..<count).map { _ in TokenID.random(in: 0..<50, using: &random) }
            })
        problems += checkPlan() + audit(scheduler).filter { !$0.contains("reads from") }
        problems += cache.run(plan, scheduler)
        copies += plan.copies.count
        for exhaustion in plan.exhausted
        where live.removeValue(forKey: exhaustion.sequence.id) != nil {
            exhausted += 1
            if exhaustion.tokensAvailable >= exhaustion.tokensNeeded {
                problems.append("not exhausted")
            }
        }
        // A cancellation may also fall between plan and commit.
        if arriving { cancelSometimes(oneIn: 25) }
        for span in plan.spans where span.outputBegin < span.end {
            guard let life = live[span.sequence.id] else { continue }
            scoredRows[life.request] = span.end
        }
        let results = plan.spans.flatMap { draw($0) }
        scheduler.commit(plan, results)
        problems += audit(scheduler)
        if plan.spans.isEmpty, plan.exhausted.isEmpty, !scheduler.isIdle,
            scheduler.runningCount == 0
        {
            problems.append("sequences wait and nothing runs")
        }
        for handle in live.values.map(\.handle) where !scheduler.isLive(handle) {
            problems.append("\(handle.id) vanished")
        }
        return problems
    }

    private mutating func submit() {
        var prompt: [TokenID] = []
        if Int.random(in: 0..<4, using: &random) > 0 {
            prompt = prefixes.randomElement(using: &random)!
        }
        let own = Int.random(in: prompt.isEmpty ? 1...50 : 0...20, using: &random)
        prompt += (0..<own).map { _ in TokenID.random(in: 0..<50, using: &random) }
        var request = SequenceRequest(prompt: prompt)
        request.choices = Int.random(in: 1...scheduler.limits.choicesMax, using: &random)
        request.priority = [0, 0, 0, 1, 2].randomElement(using: &random)!
        request.fairnessKey = ["a", "b", "c", "d", "e"].randomElement(using: &random)!
        request.salt = [nil, nil, "x", ""].randomElement(using: &random)!
        request.scoresPrompt = Int.random(in: 0..<6, using: &random) == 0
        guard let handles = try? scheduler.submit(request) else { return }
        scoredRows.append(request.scoresPrompt ? 0 : prompt.count - 1)
        submitted += 1
        for handle in handles {
            live[handle.id] = Life(
                handle: handle, prompt: prompt, tokensLeft: Int.random(in: 1...30, using: &random),
                request: scoredRows.count - 1)
        }
    }

    private mutating func cancelSometimes(oneIn odds: Int) {
        guard Int.random(in: 0..<odds, using: &random) == 0 else { return }
        let ids = live.keys.sorted()
        guard let id = ids.randomElement(using: &random), let life = live.removeValue(forKey: id)
        else { return }
        scheduler.end(life.handle)
        cancelled += 1
        if scheduler.isLive(life.handle) { fatalError("\(id) lives on after its end") }
    }

    /// Draws what a draft says more often than not; what follows another token is unreached.
    private mutating func draw(_ span: StepPlan.Span) -> [StepResult] {
        let samples = plan.samples[span.firstSample..<span.firstSample + span.sampleCount]
        guard !span.draft.isEmpty else { return samples.map { sample($0) } }
        var results: [StepResult] = []
        for token in span.draft {
            var result = sample(span.sequence)
            if result != .end, Int.random(in: 0..<4, using: &random) > 0 { result = .token(token) }
            results.append(result)
            guard result == .token(token) else { break }
        }
        drafted += span.draft.count
        accepted += zip(results, span.draft).count { $0 == .token($1) }
        if results.last == .token(span.draft[results.count - 1]) { results.append(sample(span.sequence)) }
        return results + Array(repeating: .unreached, count: samples.count - results.count)
    }

    private mutating func sample(_ handle: SequenceHandle) -> StepResult {
        guard var life = live[handle.id] else { return .end }
        life.tokensLeft -= 1
        live[handle.id] = life.tokensLeft == 0 ? nil : life
        return life.tokensLeft == 0 ? .end : .token(TokenID.random(in: 0..<50, using: &random))
    }

    /// The budgets hold, rows follow the computed ones, prompts are scored without gap or repeat.
    private func checkPlan() -> [String] {
        var problems: [String] = []
        let tokens = plan.spans.reduce(0) { $0 + $1.end - $1.begin }
        let outputs = plan.spans.reduce(0) { $0 + $1.end - $1.outputBegin }
        if tokens > scheduler.limits.stepTokensMax { problems.append("\(tokens) tokens in a step") }
        if outputs > scheduler.limits.outputRowsMax {
            problems.append("\(outputs) output rows in a step")
        }
        if Set(plan.spans.map(\.sequence)).count != plan.spans.count {
            problems.append("two spans of one sequence")
        }
        let planned = Set(plan.spans.map(\.sequence.slot))
        for slot in scheduler.running
        where scheduler.sequences[slot].remaining == 1 && !planned.contains(slot) {
            problems.append("slot \(slot) was ready for its next token and got no row")
        }
        for span in plan.spans {
            let state = scheduler.sequences[span.sequence.slot]
            let complete = span.knownEnd == state.tokens.count
            if span.begin != state.computed {
                problems.append("rows do not follow the computed ones")
            }
            if span.end - span.begin > scheduler.limits.chunkTokensMax {
                problems.append("chunk too long")
            }
            if !span.draft.isEmpty, tokens > scheduler.limits.draftRowsMax || span.outputBegin != span.begin {
                problems.append("a draft in a step of \(tokens) rows")
            }
            if (span.sampleCount > 0) != complete {
                problems.append("samples without a complete prompt")
            }
            if complete, span.outputBegin >= span.end {
                problems.append("no logits to sample from")
            }
            guard let life = live[span.sequence.id] else { continue }
            let expected = scoredRows[life.request]
            if span.outputBegin < span.end, span.outputBegin < life.prompt.count - 1,
                span.outputBegin != expected
            {
                problems.append("scored from row \(span.outputBegin), \(expected) expected")
            }
        }
        return problems
    }
}

// SchedulerTests.swift: one behaviour of the scheduler each.
import Core
import Testing

@testable import Scheduling

@Suite struct SchedulerTests {
    private static func scheduler(
        pages: Int = 100, _ change: (inout SchedulerLimits) -> Void = { _ in }
    ) -> Scheduler {
        var limits = SchedulerLimits()
        limits.pageSize = 4
        limits.stepTokensMax = 32
        limits.chunkTokensMax = 32
        limits.sequencesMax = 8
        limits.choicesMax = 8
        limits.outputRowsMax = 8
        change(&limits)
        return Scheduler(limits: limits, groups: [PageGroup(retention: .all, pageCount: pages)])
    }

    /// Plans and commits; every sample continues with `token` or, when nil, ends.
    @discardableResult
    private static func step(_ scheduler: inout Scheduler, token: TokenID? = 1) -> StepPlan {
        var plan = StepPlan()
        scheduler.plan(into: &plan)
        scheduler.commit(plan, plan.samples.map { _ in token.map { .token($0) } ?? .end })
        return plan
    }

    private static func prompt(_ count: Int, from first: Int32 = 100) -> [TokenID] {
        (0..<Int32(count)).map { first + $0 }
    }

    @Test(arguments: [1, 3, 4, 5, 31, 32, 33])
    func `every page is free or cached again after the sequence ends`(tokens: Int) throws {
        var scheduler = Self.scheduler()
        _ = try scheduler.submit(SequenceRequest(prompt: Self.prompt(tokens)))
        for _ in 0..<5 { Self.step(&scheduler) }
        #expect(scheduler.pageUse(group: 0).used > 0)
        Self.step(&scheduler, token: nil)
        #expect(scheduler.pageUse(group: 0).used == 0)
        #expect(scheduler.isIdle)
    }

    @Test func `a long prompt never takes a running sequence's row`() throws {
        var scheduler = Self.scheduler()
        let short = try scheduler.submit(SequenceRequest(prompt: [1]))[0]
        Self.step(&scheduler)
        _ = try scheduler.submit(SequenceRequest(prompt: Self.prompt(100)))
        for _ in 0..<3 {
            let plan = Self.step(&scheduler)
            #expect(plan.spans.map { $0.end - $0.begin } == [1, 31])
            #expect(plan.samples == [short])
        }
        #expect(Self.step(&scheduler).spans.map { $0.end - $0.begin } == [1, 7])
    }

    @Test(arguments: [(8, 4), (9, 8), (7, 4), (4, 0), (1, 0)])
    func `a repeated prompt computes at least its last token again`(tokens: Int, cached: Int) throws
    {
        var scheduler = Self.scheduler()
        _ = try scheduler.submit(SequenceRequest(prompt: Self.prompt(tokens)))
        Self.step(&scheduler, token: nil)
        let again = try scheduler.submit(SequenceRequest(prompt: Self.prompt(tokens)))[0]
        let plan = Self.step(&scheduler)
        #expect(plan.spans[0].begin == cached)
        #expect(scheduler.cachedTokens(of: again.slot) == cached)
    }

    @Test func `another salt shares nothing`() throws {
        var scheduler = Self.scheduler()
        for salt in [nil, "a", "b"] as [String?] {
            var request = SequenceRequest(prompt: Self.prompt(20))
            request.salt = salt
            _ = try scheduler.submit(request)
            #expect(Self.step(&scheduler, token: nil).spans[0].begin == 0)
        }
        #expect(scheduler.prefixHitTokens == 0)
    }

    @Test func `choices share the prompt's pages and copy only the partial one`() throws {
        var scheduler = Self.scheduler()
        var request = SequenceRequest(prompt: Self.prompt(10))
        request.choices = 3
        let handles = try scheduler.submit(request)
        #expect(Self.step(&scheduler).samples == handles)
        #expect(scheduler.pageUse(group: 0).used == 3)
        let plan = Self.step(&scheduler)
        #expect(plan.spans.count == 3)
        #expect(plan.copies.count == 2)
        #expect(scheduler.pageUse(group: 0).used == 5)
    }

    @Test func `a cancelled first choice leaves the prompt's work to the others`() throws {
        var scheduler = Self.scheduler()
        var request = SequenceRequest(prompt: Self.prompt(50))
        request.choices = 3
        let handles = try scheduler.submit(request)
        Self.step(&scheduler)
        scheduler.end(handles[0])
        let plan = Self.step(&scheduler)
        #expect(plan.spans.map(\.begin) == [32])
        #expect(plan.samples == [handles[1], handles[2]])
        scheduler.end(handles[1])
        scheduler.end(handles[2])
        #expect(scheduler.pageUse(group: 0).used == 0)
    }

    @Test func `the youngest of the lowest priority gives way and resumes`() throws {
        var scheduler = Self.scheduler(pages: 12)
        var handles: [SequenceHandle] = []
        for priority in [0, 1, 1] {
            var request = SequenceRequest(prompt: Self.prompt(12, from: Int32(handles.count) * 50))
            request.priority = priority
            handles += try scheduler.submit(request)
            Self.step(&scheduler)
        }
        for _ in 0..<8 where scheduler.preemptions == 0 { Self.step(&scheduler) }
        #expect(scheduler.sequences[handles[2].slot].phase == .waiting)
        let known = scheduler.tokens(of: handles[2].slot)
        scheduler.end(handles[0])
        let plan = Self.step(&scheduler)
        #expect(
            plan.spans.contains { $0.sequence == handles[2] && $0.outputBegin == known.count - 1 })
        #expect(scheduler.tokens(of: handles[2].slot).starts(with: known))
    }

    @Test func `a better priority takes the place of a worse one`() throws {
        var scheduler = Self.scheduler {
            $0.sequencesMax = 1; $0.choicesMax = 1
        }
        var request = SequenceRequest(prompt: Self.prompt(5))
        request.priority = 3
        let low = try scheduler.submit(request)[0]
        Self.step(&scheduler)
        request.priority = 2
        let high = try scheduler.submit(request)[0]
        #expect(Self.step(&scheduler).samples == [high])
        #expect(scheduler.sequences[low.slot].phase == .waiting)
        scheduler.end(high)
        #expect(Self.step(&scheduler).samples == [low])
    }

    @Test func `a flooding key does not hold up another`() throws {
        var scheduler = Self.scheduler {
            $0.sequencesMax = 2; $0.choicesMax = 1; $0.outputRowsMax = 2
        }
        var request = SequenceRequest(prompt: Self.prompt(20))
        request.fairnessKey = "flood"
        for index in 0..<100 {
            request.prompt[0] = Int32(index)
            _ = try scheduler.submit(request)
        }
        for _ in 0..<10 { Self.step(&scheduler, token: nil) }
        request.fairnessKey = "quiet"
        var waits: [Int] = []
        for index in 0..<10 {
            request.prompt[0] = 1000 + Int32(index)
            let handle = try scheduler.submit(request)[0]
            var steps = 0
            while scheduler.isLive(handle) {
                Self.step(&scheduler, token: nil)
                steps += 1
            }
            waits.append(steps)
        }
        #expect(waits.allSatisfy { $0 <= 3 }, "\(waits)")
    }

    @Test func `two keys with unequal jobs get equal tokens`() throws {
        var scheduler = Self.scheduler {
            $0.sequencesMax = 1; $0.choicesMax = 1
        }
        var served = ["long": 0, "short": 0]
        for index in 0..<100 {
            for (key, length) in [("long", 30), ("short", 6)] {
                var request = SequenceRequest(
                    prompt: Self.prompt(length, from: Int32(index) * 1000))
                request.prompt[0] = key == "long" ? -Int32(index) : Int32(index)
                request.fairnessKey = key
                _ = try scheduler.submit(request)
            }
        }
        for _ in 0..<60 {
            for span in Self.step(&scheduler, token: nil).spans {
                served[span.end - span.begin > 10 ? "long" : "short"]! += span.end - span.begin
            }
        }
        #expect(abs(served["long"]! - served["short"]!) <= 60, "\(served)")
    }

    @Test func `requests beyond a limit are refused with the numbers`() throws {
        var scheduler = Self.scheduler(pages: 10) {
            $0.waitingMax = 2; $0.contextMax = 50
        }
        #expect(throws: AdmissionError.promptEmpty) {
            try scheduler.submit(SequenceRequest(prompt: []))
        }
        #expect(throws: AdmissionError.promptTooLong(tokens: 51, limit: 50)) {
            try scheduler.submit(SequenceRequest(prompt: Self.prompt(51)))
        }
        #expect(throws: AdmissionError.cacheTooSmall(tokensNeeded: 41, tokensAvailable: 40)) {
            try scheduler.submit(SequenceRequest(prompt: Self.prompt(41)))
        }
        var request = SequenceRequest(prompt: [1])
        request.choices = 9
        #expect(throws: AdmissionError.choicesTooMany(choices: 9, limit: 8)) {
            try scheduler.submit(request)
        }
        request.choices = 1
        for _ in 0..<2 { _ = try scheduler.submit(request) }
        #expect(throws: AdmissionError.queueFull(waiting: 2, limit: 2)) {
            try scheduler.submit(request)
        }
    }

    @Test func `a sequence that outgrows the whole pool ends with the numbers`() throws {
        var scheduler = Self.scheduler(pages: 3)
        let handle = try scheduler.submit(SequenceRequest(prompt: Self.prompt(10)))[0]
        var ended: [StepPlan.Exhaustion] = []
        for _ in 0..<4 { ended += Self.step(&scheduler).exhausted }
        #expect(ended.map(\.sequence) == [handle])
        #expect(ended.map(\.tokensNeeded) == [13])
        #expect(ended.map(\.tokensAvailable) == [12])
        #expect(scheduler.isIdle)
    }

    @Test func `a scored prompt is cut to the rows that may have logits`() throws {
        var scheduler = Self.scheduler()
        var request = SequenceRequest(prompt: Self.prompt(20))
        request.scoresPrompt = true
        _ = try scheduler.submit(request)
        let plans = (0..<3).map { _ in Self.step(&scheduler) }
        #expect(plans.map { $0.spans[0].begin } == [0, 8, 16])
        #expect(plans.map { $0.spans[0].end - $0.spans[0].outputBegin } == [8, 8, 4])
        #expect(plans.map(\.samples.count) == [0, 0, 1])
    }

    @Test func `a sliding window holds only the pages it still reads`() throws {
        var limits = SchedulerLimits()
        limits.pageSize = 4
        limits.chunkTokensMax = 8
        let groups = [
            PageGroup(retention: .all, pageCount: 40),
            PageGroup(retention: .window(6), pageCount: 12),
        ]
        var scheduler = Scheduler(limits: limits, groups: groups)
        _ = try scheduler.submit(SequenceRequest(prompt: Self.prompt(100)))
        for _ in 0..<20 { Self.step(&scheduler) }
        #expect(scheduler.pageUse(group: 0).used == 27)
        #expect(scheduler.pageUse(group: 1).used <= 3)
        Self.step(&scheduler, token: nil)
        // The full group has the whole prompt, the window's pool not its beginning: the hit needs
        // only what the next row reads.
        _ = try scheduler.submit(SequenceRequest(prompt: Self.prompt(100) + [7, 7]))
        #expect(Self.step(&scheduler).spans[0].begin == 100)
    }

    @Test func `a better priority takes nothing from others when it would not fit even so`() throws {
        var scheduler = Self.scheduler(pages: 12)
        var request = SequenceRequest(prompt: Self.prompt(20, from: 100))
        let equal = try scheduler.submit(request)[0]
        request = SequenceRequest(prompt: Self.prompt(12, from: 200))
        request.priority = 5
        let worse = try scheduler.submit(request)[0]
        Self.step(&scheduler)
        // Ten pages: more than what the worse one holds and what is free.
        _ = try scheduler.submit(SequenceRequest(prompt: Self.prompt(39, from: 300)))
        let plan = Self.step(&scheduler)
        #expect(scheduler.preemptions == 0)
        #expect(Set(plan.samples) == [equal, worse])
    }

    @Test func `a better priority takes as much as it needs and no more`() throws {
        var scheduler = Self.scheduler(pages: 12)
        var handles: [SequenceHandle] = []
        for first in [100, 200, 300] as [Int32] {
            var request = SequenceRequest(prompt: Self.prompt(11, from: first))
            request.priority = 5
            handles.append(try scheduler.submit(request)[0])
            Self.step(&scheduler, token: 1)
        }
        let better = try scheduler.submit(SequenceRequest(prompt: Self.prompt(15, from: 400)))[0]
        let plan = Self.step(&scheduler)
        #expect(scheduler.preemptions == 1)
        #expect(plan.spans.contains { $0.sequence == better })
        #expect(plan.spans.contains { $0.sequence == handles[0] })
        #expect(!plan.spans.contains { $0.sequence == handles[2] })
    }
}

// LongPromptTests.swift: prompts spare running streams, long ones most; lonely ones are not held up.
import Core
import Testing

@testable import Scheduling

@Suite struct LongPromptTests {
    /// Rows of each span of the plans until nothing but streams is left, with long prompts cut to `most` rows.
    private static func rows(
        streams: Int, prompts: [Int], most: Int, steps: Int, mixed: Int = 64
    ) throws -> [[Int]] {
        var limits = SchedulerLimits()
        limits.pageSize = 4
        limits.stepTokensMax = 64
        limits.chunkTokensMax = 64
        limits.sequencesMax = 8
        limits.choicesMax = 8
        limits.outputRowsMax = 8
        limits.mixedPromptTokensMax = mixed
        limits.longPromptTokens = 40
        var scheduler = Scheduler(limits: limits, groups: [PageGroup(retention: .all, pageCount: 200)])
        var next: Int32 = 1
        func prompt(_ count: Int) -> [TokenID] {
            defer { next += Int32(count) }
            return (next..<next + Int32(count)).map { $0 }
        }
        for _ in 0..<streams { _ = try scheduler.submit(SequenceRequest(prompt: prompt(1))) }
        _ = step(&scheduler, most)
        for count in prompts { _ = try scheduler.submit(SequenceRequest(prompt: prompt(count))) }
        return (0..<steps).map { _ in step(&scheduler, most).spans.map { $0.end - $0.begin } }
    }

    private static func step(_ scheduler: inout Scheduler, _ most: Int) -> StepPlan {
        var plan = StepPlan()
        scheduler.plan(into: &plan) { $0 == 0 ? .max : most }
        scheduler.commit(plan, plan.samples.map { _ in .token(1) })
        return plan
    }

    @Test func `beside streams a long prompt is cut until its last token`() throws {
        let rows = try Self.rows(streams: 2, prompts: [45], most: 10, steps: 6)
        #expect(rows == [[1, 1, 10], [1, 1, 10], [1, 1, 10], [1, 1, 10], [1, 1, 5], [1, 1, 1]])
    }

    @Test func `a prompt that is not long is computed at once`() throws {
        #expect(try Self.rows(streams: 2, prompts: [40], most: 10, steps: 1) == [[1, 1, 40]])
    }

    @Test func `without streams a long prompt is not cut`() throws {
        #expect(try Self.rows(streams: 0, prompts: [50], most: 10, steps: 1) == [[50]])
    }

    @Test func `several long prompts share what one may have, and nobody waits for all of them`() throws {
        let rows = try Self.rows(streams: 1, prompts: [50, 50, 8], most: 10, steps: 1)
        #expect(rows == [[1, 10, 1, 8]])
    }

    @Test func `all prompts beside streams share the rows of a mixed step, first come first served`() throws {
        let rows = try Self.rows(streams: 1, prompts: [15, 15], most: 64, steps: 4, mixed: 10)
        #expect(rows == [[1, 10], [1, 5, 5], [1, 1, 10], [1, 1, 1]])
    }

    @Test func `a long prompt leaves a mixed step's other rows to short ones`() throws {
        let rows = try Self.rows(streams: 1, prompts: [50, 20], most: 4, steps: 2, mixed: 10)
        #expect(rows == [[1, 4, 6], [1, 4, 6]])
    }

    @Test func `each stream brings prompts two rows, so that many streams do not run dry`() throws {
        let rows = try Self.rows(streams: 6, prompts: [30], most: 64, steps: 1, mixed: 10)
        #expect(rows == [[1, 1, 1, 1, 1, 1, 12]])
    }

    @Test func `without streams prompts have the whole step`() throws {
        #expect(try Self.rows(streams: 0, prompts: [30, 30], most: 64, steps: 1, mixed: 10) == [[30, 30]])
    }
}

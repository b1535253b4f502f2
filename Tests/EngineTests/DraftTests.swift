// DraftTests.swift: guessed tokens make answers come sooner, and change nothing about them.
import Core
import Testing

@testable import Engine

@Suite struct DraftTests {
    /// A model that mostly repeats what stood seven places before.
    private static func shape(pages: [Int] = [4096, 4096]) -> FakeModel.Shape {
        var shape = FakeModel.Shape()
        shape.period = 7
        shape.pages = pages
        return shape
    }

    private static let requests = (0..<24).map { variedRequest($0, prompt: 30, tokens: 60) }

    private static func withoutDrafts() throws -> (answers: [[Answer]], steps: UInt64) {
        let engine = try makeEngine(shape()) { $0.draftRowsMax = 0 }
        let answers = try requests.map { try generate(engine, [$0])[0] }
        #expect(engine.load().draftTokens == 0)
        return (answers, engine.load().steps)
    }

    @Test(arguments: [2, 4, 9])
    func `alone, with drafts or without, a request gets the same answer in fewer steps`(rows: Int) throws {
        let (expected, steps) = try Self.withoutDrafts()
        let engine = try makeEngine(Self.shape()) { $0.draftRowsMax = rows }
        for (request, answer) in zip(Self.requests, expected) {
            let answers = try generate(engine, [request])[0]
            #expect(answers.map(\.tokens) == answer.map(\.tokens))
            #expect(answers.map(\.finish) == answer.map(\.finish))
        }
        let load = engine.load()
        #expect(load.acceptedDraftTokens > 0 && load.acceptedDraftTokens < load.draftTokens)
        #expect(load.steps < steps)
        let tokens = expected.reduce(0) { $0 + $1.reduce(0) { $0 + $1.tokens.count } }
        #expect(load.generatedTokens == UInt64(tokens))
        #expect(load.cacheUsage == 0)
    }

    @Test(arguments: [[4096, 4096], [40, 40], [60, 30]])
    func `a few at once, squeezed or not, they get the same answers`(pages: [Int]) throws {
        let expected = try Self.withoutDrafts().answers
        let engine = try makeEngine(Self.shape(pages: pages)) { $0.draftRowsMax = 8 }
        for first in stride(from: 0, to: Self.requests.count, by: 3) {
            let answers = try generate(engine, Array(Self.requests[first..<first + 3]))
            #expect(answers.map { $0.map(\.tokens) } == expected[first..<first + 3].map { $0.map(\.tokens) })
        }
        #expect(engine.load().acceptedDraftTokens > 0)
    }

    @Test func `an answer ends at its stop token, its length and the context, inside a draft too`() throws {
        var accepted: UInt64 = 0
        for tokens in 24...35 {
            for stops in [false, true] {
                var request = variedRequest(6 * tokens, prompt: 28, tokens: tokens)
                let free = try generate(try makeEngine(Self.shape()) { $0.draftRowsMax = 0 }, [request])[0][0]
                #expect(free.ids.count == tokens)
                if stops { request.stopping.stopTokens = [free.ids[tokens / 2]] }
                let plain = try generate(try makeEngine(Self.shape()) { $0.draftRowsMax = 0 }, [request])[0][0]
                let engine = try makeEngine(Self.shape()) { $0.draftRowsMax = 8 }
                #expect(try generate(engine, [request])[0][0] == plain)
                accepted += engine.load().acceptedDraftTokens
            }
        }
        #expect(accepted > 0)
        let engine = try makeEngine(Self.shape()) { $0.draftRowsMax = 8 }
        for number in 0..<6 {
            let answer = try generate(engine, [variedRequest(6 * number, prompt: 220, tokens: 100)])[0][0]
            #expect(answer.ids.count == 36 && answer.finish == .length)
        }
        #expect(engine.load().acceptedDraftTokens > 0)
    }

    @Test func `a row that cannot be sampled fails the request only if it is reached`() throws {
        var shape = Self.shape()
        shape.poison = 96
        let engine = try makeEngine(shape) { $0.draftRowsMax = 8 }
        var failures = 0
        for number in 0..<12 {
            let request = variedRequest(number, prompt: 30, tokens: 60)
            let plain = try generate(try makeEngine(shape) { $0.draftRowsMax = 0 }, [request])[0]
            let answers = try generate(engine, [request])[0]
            #expect(answers.map(\.finish) == plain.map(\.finish))
            #expect(answers.map(\.tokens) == plain.map(\.tokens))
            failures += plain.count { if case .failed = $0.finish { true } else { false } }
        }
        #expect(failures > 0 && engine.load().acceptedDraftTokens > 0)
    }
}

@Suite struct PromptLookupTests {
    @Test func `it goes on as it did where the last tokens stood last`() {
        let lookup = PromptLookup.afterSuccess
        #expect(lookup.draft(after: [1, 2, 3, 4, 5, 1, 2, 3, 9, 8, 1, 2, 3], most: 3) == [9, 8, 1])
        #expect(lookup.draft(after: [1, 2, 3, 4, 5, 6, 1, 2, 3], most: 8) == [4, 5, 6, 1, 2, 3, 4, 5])
    }

    @Test func `a draft runs on into itself`() {
        let lookup = PromptLookup.afterSuccess
        #expect(lookup.draft(after: [7, 1, 2, 1, 2, 1], most: 5) == [2, 1, 2, 1, 2])
        #expect(lookup.draft(after: [5, 5, 5, 5], most: 3) == [5, 5, 5])
    }

    @Test func `without a match, a room or a past there is no draft`() {
        let lookup = PromptLookup.afterSuccess
        #expect(lookup.draft(after: [1, 2, 3, 4, 2, 3], most: 4).isEmpty)
        #expect(lookup.draft(after: [1, 2, 3, 4, 1, 2, 3], most: 0).isEmpty)
        #expect(lookup.draft(after: [5, 5, 5], most: 4).isEmpty)
        #expect(lookup.draft(after: [], most: 4).isEmpty)
    }

    @Test func `it looks back only so far`() {
        let phrase: [TokenID] = [1, 2, 3]
        let between = (0..<PromptLookup.reach).map { TokenID(10 + $0) }
        #expect(PromptLookup.afterSuccess.draft(after: phrase + between + phrase, most: 2).isEmpty)
        let near = between.dropLast(6)
        #expect(PromptLookup.afterSuccess.draft(after: phrase + near + phrase, most: 2) == [10, 11])
    }

    @Test func `drafts grow while they hold, and matches must be longer after each that did not`() {
        var lookup = PromptLookup()
        let tokens: [TokenID] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]
        #expect(lookup.draft(after: tokens, most: 8) == [4])
        lookup.learn(drafted: 1, accepted: 1)
        #expect(lookup.draft(after: tokens, most: 8) == [4, 5])
        lookup.learn(drafted: 2, accepted: 2)
        #expect(lookup.draft(after: tokens, most: 8) == [4, 5, 6, 7])
        lookup.learn(drafted: 4, accepted: 0)
        #expect(lookup.draft(after: tokens, most: 8).isEmpty)
        #expect(lookup.draft(after: [9] + tokens, most: 8) == [4])
        for _ in 0..<20 { lookup.learn(drafted: 1, accepted: 0) }
        let long = Array(TokenID(20)..<40)
        #expect(lookup.draft(after: long + [1] + long.prefix(12), most: 8) == [32])
        #expect(lookup.draft(after: long + [1] + long.prefix(11), most: 8).isEmpty)
    }
}

extension PromptLookup {
    /// One that has been right, so that its drafts are long.
    fileprivate static var afterSuccess: PromptLookup {
        var lookup = PromptLookup()
        lookup.learn(drafted: 4, accepted: 4)
        return lookup
    }
}

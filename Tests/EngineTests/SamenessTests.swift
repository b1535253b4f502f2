// SamenessTests.swift: a request's tokens depend on the request alone.
import Core
import Dispatch
import Models
import Testing

@testable import Engine

@Suite struct SamenessTests {
    /// How the engine is squeezed: chunk, sequences at once, pages of the two groups.
    struct Squeeze: CustomTestStringConvertible {
        var chunk = 512
        var sequences = 64
        var pages = [4096, 4096]
        var pageSize = 4
        var testDescription: String { "chunk \(chunk), \(sequences) sequences, pages \(pages) of \(pageSize)" }
    }

    @Test(arguments: [
        Squeeze(), Squeeze(chunk: 1), Squeeze(chunk: 3, sequences: 5), Squeeze(chunk: 7, pageSize: 16),
        Squeeze(sequences: 3), Squeeze(pages: [40, 40]), Squeeze(chunk: 5, pages: [24, 60]),
        Squeeze(chunk: 4, pages: [400, 16]), Squeeze(pages: [50, 50], pageSize: 1 + 1),
    ])
    func `alone or among 64, squeezed or not, a request gets the same tokens`(squeeze: Squeeze) throws {
        let requests = (0..<64).map { variedRequest($0) }
        let expected = try Self.alone(requests)
        var shape = FakeModel.Shape()
        shape.pages = squeeze.pages
        shape.pageSize = squeeze.pageSize
        let engine = try makeEngine(shape) {
            $0.chunkTokensMax = squeeze.chunk
            $0.sequencesMax = squeeze.sequences
        }
        let answers = try generate(engine, requests)
        for (number, answer) in answers.enumerated() {
            #expect(answer.map(\.tokens) == expected[number].map(\.tokens), "request \(number)")
            #expect(answer.map(\.finish) == expected[number].map(\.finish), "request \(number)")
        }
        // Once more: now prompts come from the prefix cache where the pool was large enough.
        let again = try generate(engine, requests)
        #expect(again.map { $0.map(\.tokens) } == expected.map { $0.map(\.tokens) })
        let load = engine.load()
        if squeeze.pages[0] < 50 { #expect(load.preemptions > 0) }
        if squeeze.pages[0] > 1000 { #expect(load.prefixHitTokens > 0) }
        #expect(load.cacheUsage == 0)
        #expect(load.running == 0 && load.waiting == 0)
        #expect(load.tokensPerStepCounts.reduce(0, +) == load.steps)
    }

    private static func alone(_ requests: [GenerationRequest]) throws -> [[Answer]] {
        try requests.map { request in try generate(try makeEngine(), [request])[0] }
    }

    @Test func `the first of several choices is the only one's twin, the others differ`() throws {
        var request = variedRequest(1, prompt: 10)
        let single = try generate(try makeEngine(), [request])[0][0]
        request.choices = 4
        let many = try generate(try makeEngine(), [request])[0]
        #expect(many[0].tokens == single.tokens)
        #expect(Set(many.map(\.ids)).count == 4)
    }

    @Test func `a prefix hit says how many tokens it saved and changes none`() throws {
        let engine = try makeEngine()
        var request = variedRequest(2, prompt: 33)
        let first = try generate(engine, [request])[0][0]
        let second = try generate(engine, [request])[0][0]
        request.cacheSalt = "tenant"
        let salted = try generate(engine, [request])[0][0]
        #expect([first.cachedTokens, second.cachedTokens, salted.cachedTokens] == [0, 32, 0])
        #expect(first.tokens == second.tokens && first.tokens == salted.tokens)
    }

    @Test(arguments: [1, 5, 512])
    func `prompt scores do not depend on chunks, rows, or the prefix cache`(chunk: Int) throws {
        var request = variedRequest(0, prompt: 50)
        request.sampling.promptLogprobs = 2
        var shape = FakeModel.Shape()
        let expected = try generate(try makeEngine(shape), [request])[0][0]
        shape.outputRowsMax = 9
        let engine = try makeEngine(shape) { $0.chunkTokensMax = chunk }
        for _ in 0..<2 {
            let answers = try generate(engine, [request, variedRequest(3), request])
            #expect(answers[0][0].promptLogprobs == expected.promptLogprobs)
            #expect(answers[2][0] == expected)
        }
        #expect(expected.promptLogprobs.map(\.token) == request.prompt)
        #expect(expected.promptLogprobs[0].logprob == nil)
        #expect(expected.promptLogprobs.dropFirst().allSatisfy { $0.alternatives.count == 2 && $0.logprob != nil })
    }
}

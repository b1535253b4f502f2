// RealModelSamenessTests.swift: on real weights too, a request's tokens and log-probabilities
// depend on the request alone, to the bit: not on its company, the chunks, the threads, the pages.
import Checkpoints
import Core
import Dispatch
import Material
import Models
import Testing

@testable import Engine

@Suite(.serialized, .enabled(if: Material.hasModels, Material.modelsReason))
struct RealModelSamenessTests {
    private static let requestCount = 64
    /// About one try in five sees no preemption.
    private static let preemptionTries = 8

    /// How an engine computes: nothing of it may show.
    struct Way: Sendable {
        var threads = 2
        var chunk = 512
        var cacheTokens: Int?
    }

    @Test(arguments: Material.models)
    func `alone or among 64, in any chunks, on any threads, a request gets the same bits`(
        model: String
    ) throws {
        let requests = (0..<Self.requestCount).map(Self.request)
        let expected = try Self.alone(requests, model)
        let ways = [Way(), Way(threads: 1, chunk: 1), Way(threads: 3, chunk: 7)]
        for way in ways {
            let engine = try Self.engine(model, way)
            Self.compare(try generate(engine, requests), expected, "\(way)")
            if way.chunk == 512 { try Self.checkHits(engine, requests, expected) }
            Self.stop(engine)
        }
        try Self.checkPreemption(requests, expected, model)
        let tokens = expected.reduce(0) { $0 + $1[0].tokens.count }
        print(
            "sameness \(model): \(requests.count) requests, \(tokens) tokens, \(ways.count + 1) ways")
    }

    /// Too few pages for all: sequences give way and are computed again. When requests arrive decides who does,
    /// so that now and then nobody must.
    private static func checkPreemption(
        _ requests: [GenerationRequest], _ expected: [[Answer]], _ model: String
    ) throws {
        let way = Way(chunk: 64, cacheTokens: 768)
        for _ in 0..<preemptionTries {
            let engine = try engine(model, way)
            defer { stop(engine) }
            compare(try generate(engine, requests), expected, "\(way)")
            if engine.load().preemptions > 0 { return }
        }
        Issue.record("no sequence gave way in \(preemptionTries) tries")
    }

    /// Once more: now whole pages of every prompt come from the prefix cache.
    private static func checkHits(
        _ engine: EngineHandle, _ requests: [GenerationRequest], _ expected: [[Answer]]
    ) throws {
        let again = try generate(engine, requests)
        compare(again, expected, "after a prefix hit")
        let long = zip(requests, again).filter { $0.0.prompt.count > engine.facts.pageSize }
        #expect(long.allSatisfy { $0.1[0].cachedTokens > 0 })
    }

    private static func compare(_ found: [[Answer]], _ expected: [[Answer]], _ way: String) {
        for (number, (found, expected)) in zip(found, expected).enumerated() {
            #expect(found[0].tokens == expected[0].tokens, "request \(number), \(way)")
            #expect(found[0].finish == expected[0].finish, "request \(number), \(way)")
        }
    }

    private static func alone(
        _ requests: [GenerationRequest], _ model: String
    ) throws -> [[Answer]] {
        let engine = try engine(model, Way())
        defer { stop(engine) }
        return try requests.enumerated().map { number, request in
            // Nothing of one is a prefix of another's.
            var request = request
            request.cacheSalt = "\(number)"
            return try generate(engine, [request])[0]
        }
    }

    /// Every other one greedy, the others drawn; prompts of 1 to 48 tokens and one of 520, which is
    /// longer than Gemma's windows. Even ones fill their pages but for one token, so that all of them
    /// soon ask for another page.
    private static func request(_ number: Int) -> GenerationRequest {
        var sampling = SamplingParameters()
        sampling.seed = UInt64(number) &* 77
        sampling.logprobs = 2
        switch number % 4 {
        case 0, 2: sampling.temperature = 0
        case 1: (sampling.topK, sampling.topP) = (40, 0.9)
        default: sampling.minP = 0.02
        }
        let length = number == 9 ? 520 : number % 2 == 0 ? 15 + 16 * (number % 3) : 1 + number * 29 % 48
        let prompt = (0..<length).map { TokenID(1000 + ($0 * $0 * 7 + number * 131 + $0) % 30_000) }
        let tokens = number % 4 == 0 ? 12 : 3 + number % 3
        return GenerationRequest(
            prompt: prompt, sampling: sampling, stopping: StoppingRules(tokensMax: tokens))
    }

    private static func engine(_ name: String, _ way: Way) throws -> EngineHandle {
        let checkpoint = try Checkpoint.open(Material.model(name))
        var options = DecoderOptions(threads: way.threads)
        options.cacheBytes = 256 << 20
        options.contextMax = 640
        options.rowsMax = 512
        var settings = EngineSettings()
        // All requests may start together.
        settings.stepTokensMax = 512
        settings.chunkTokensMax = way.chunk
        var model = try DecoderModel.load(checkpoint: checkpoint, options: options)
        if let tokens = way.cacheTokens {
            let pageBytes = model.cacheGroups.reduce(0) { $0 + $1.pageBytes }
            options.cacheBytes = pageBytes * tokens / model.pageSize
            model = try DecoderModel.load(checkpoint: checkpoint, options: options)
        }
        return try EngineHandle(model: model, settings: settings)
    }

    private static func stop(_ engine: EngineHandle) {
        engine.shutDown(drainUntil: .now())
        engine.waitUntilStopped()
    }
}

// ThroughputTests.swift: what a bench counts, with an engine that answers by script.
import Core
import Dispatch
import Engine
import JSON
import Synchronization
import Testing
@testable import tokenmill

/// Gives every stream one token per millisecond of made-up time; stream `i` begins at `i` ms.
private final class ScriptedEngine: GenerationEngine {
    let facts = EngineFacts(
        vocabularySize: 100, contextMax: 1000, pageSize: 16, pageCounts: [100], waitingMax: 100,
        sequencesMax: 100, choicesMax: 1)
    private let count = Atomic<UInt64>(0)
    let prompts = Mutex<[[TokenID]]>([])

    func submit(
        _ request: GenerationRequest, on queue: DispatchQueue,
        receive: @escaping @Sendable (GenerationUpdate) -> Void
    ) -> Result<RequestID, SubmissionError> {
        guard request.prompt.count < facts.contextMax else {
            return .failure(
                .promptTooLong(tokens: request.prompt.count, limit: facts.contextMax))
        }
        prompts.withLock { $0.append(request.prompt) }
        let index = count.wrappingAdd(1, ordering: .relaxed).oldValue
        let id = RequestID(rawValue: index)
        let start = DispatchTime.now().uptimeNanoseconds + 1_000_000_000
        queue.async {
            for number in 0..<request.stopping.tokensMax {
                var update = GenerationUpdate(request: id, choice: 0)
                update.tokens = [SampledToken(token: 1)]
                update.madeAt = start + (index + UInt64(number)) * 1_000_000
                if number + 1 == request.stopping.tokensMax { update.finish = .length }
                receive(update)
            }
        }
        return .success(id)
    }

    func cancel(_ request: RequestID, choice: Int?) {}
    func load() -> EngineLoad { EngineLoad() }
    func shutDown(drainUntil deadline: DispatchTime) {}
}

struct ThroughputTests {
    @Test func `one stream of a token per millisecond is a thousand per second`() throws {
        var probe = ThroughputProbe(engine: ScriptedEngine())
        let sample = try probe.run(
            ThroughputCase(streams: 1, promptTokens: 100, generateTokens: 11))
        let rate = try #require(sample.generatedTokensPerSecond)
        #expect(abs(rate - 1000) < 1)
        #expect(sample.promptTokensPerSecond > 50 && sample.promptTokensPerSecond <= 101)
    }

    @Test func `a prompt alone has no generation rate`() throws {
        var probe = ThroughputProbe(engine: ScriptedEngine())
        let sample = try probe.run(ThroughputCase(streams: 1, promptTokens: 5, generateTokens: 1))
        #expect(sample.generatedTokensPerSecond == nil)
    }

    @Test func `no prompt comes twice`() throws {
        let engine = ScriptedEngine()
        var probe = ThroughputProbe(engine: engine)
        for _ in 0..<3 {
            _ = try probe.run(ThroughputCase(streams: 4, promptTokens: 16, generateTokens: 2))
        }
        let prompts = engine.prompts.withLock { $0 }
        #expect(Set(prompts).count == 12)
        #expect(prompts.joined().allSatisfy { (0..<100).contains($0) })
    }

    @Test func `a refused prompt says what to change`() {
        var probe = ThroughputProbe(engine: ScriptedEngine())
        #expect(throws: CommandFailure.self) {
            try probe.run(ThroughputCase(streams: 1, promptTokens: 5000, generateTokens: 1))
        }
    }

    @Test(arguments: [([3.0], 3.0), ([1, 9, 2], 2), ([4, 1, 2, 3], 2.5)] as [([Double], Double)])
    func `the median is of the rounds`(rounds: [Double], median: Double) {
        let probe = ThroughputCase(streams: 1, promptTokens: 1, generateTokens: 1)
        #expect(BenchResult(kind: .prompt, probe: probe, rounds: rounds).median == median)
    }
}

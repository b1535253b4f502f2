// StallTests.swift: what counts as beside the prompt, with times that are made up.
import Core
import Dispatch
import Engine
import JSON
import Synchronization
import Testing
@testable import tokenmill

/// Every stream has a token per millisecond; while the prompt (of more than 50 tokens) runs, one per 3 ms, 10 of them.
private final class ScriptedEngine: GenerationEngine {
    private struct Stream {
        let id: RequestID
        let isPrompt: Bool
        let receive: @Sendable (GenerationUpdate) -> Void
        var stepsLeft = 10
        var scheduledAt: UInt64 = 0
    }
    let facts = EngineFacts(
        vocabularySize: 100, contextMax: 1000, pageSize: 16, pageCounts: [100], waitingMax: 100,
        sequencesMax: 100, choicesMax: 1)
    private let live = Mutex<[Stream]>([])
    private let count = Atomic<UInt64>(0)
    private let clock = Atomic<UInt64>(DispatchTime.now().uptimeNanoseconds + 1_000_000_000)

    func submit(
        _ request: GenerationRequest, on queue: DispatchQueue,
        receive: @escaping @Sendable (GenerationUpdate) -> Void
    ) -> Result<RequestID, SubmissionError> {
        guard request.prompt.count < facts.contextMax else {
            return .failure(.promptTooLong(tokens: request.prompt.count, limit: facts.contextMax))
        }
        let id = RequestID(rawValue: count.wrappingAdd(1, ordering: .relaxed).oldValue)
        let isFirst = live.withLock { live in
            live.append(Stream(id: id, isPrompt: request.prompt.count > 50, receive: receive))
            return live.count == 1
        }
        if isFirst { queue.async { [self] in step(on: queue) } }
        return .success(id)
    }

    private func step(on queue: DispatchQueue) {
        let goesOn = live.withLock { live in
            let begin = clock.load(ordering: .relaxed)
            let end = begin + (live.contains(where: \.isPrompt) ? 3_000_000 : 1_000_000)
            clock.store(end, ordering: .relaxed)
            for index in live.indices {
                if live[index].scheduledAt == 0 { live[index].scheduledAt = begin }
                if live[index].isPrompt { live[index].stepsLeft -= 1 }
                guard !live[index].isPrompt || live[index].stepsLeft == 0 else { continue }
                var update = GenerationUpdate(request: live[index].id, choice: 0)
                update.tokens = [SampledToken(token: 1)]
                (update.scheduledAt, update.madeAt) = (live[index].scheduledAt, end)
                if live[index].isPrompt { update.finish = .length }
                live[index].receive(update)
            }
            live.removeAll { $0.stepsLeft == 0 }
            return !live.isEmpty
        }
        // Not faster than who listens: nothing else ends the streams.
        if goesOn { queue.asyncAfter(deadline: .now() + .microseconds(100)) { [self] in step(on: queue) } }
    }

    func cancel(_ request: RequestID, choice: Int?) {
        live.withLock { live in
            for stream in live where stream.id == request {
                var update = GenerationUpdate(request: request, choice: 0)
                update.finish = .cancelled
                stream.receive(update)
            }
            live.removeAll { $0.id == request }
        }
    }

    func load() -> EngineLoad { EngineLoad() }
    func shutDown(drainUntil deadline: DispatchTime) {}
}

struct StallTests {
    @Test func `a prompt that triples the steps has a ratio of three`() throws {
        var probe = StallProbe(engine: ScriptedEngine())
        let sample = try probe.run(
            StallCase(streams: 4, streamPromptTokens: 5, streamTokens: 20, promptTokens: 60))
        #expect(abs(sample.ratio - 3) < 1e-6)
        #expect(sample.beside.count == 4 * 10)
        #expect(sample.before.count >= 4 * 17 && sample.after.count >= 4 * 17)
        #expect(sample.firstToken > 0.03)
    }

    @Test func `gaps before the last stream began do not count, and what the streams slow down by themselves does`() throws {
        let sample = try #require(
            StallSample(
                .init(
                    streams: [[1, 2, 10, 11, 12, 15, 18, 20], [10, 11, 12, 15, 18, 20]],
                    submitted: 11, scheduled: 12, finished: 18)))
        #expect(sample.before.count == 4 && sample.beside.count == 4 && sample.after.count == 2)
        #expect(abs(sample.ratio - 2) < 1e-6)
    }

    @Test func `without a token beside the prompt there is nothing to compare`() {
        #expect(StallSample(.init(streams: [[1, 2, 3]], submitted: 3, scheduled: 3, finished: 4)) == nil)
        #expect(StallSample(.init(streams: [[1, 2, 3, 6]], submitted: 3, scheduled: 3, finished: 6)) == nil)
    }

    @Test func `a refused prompt says what to change`() {
        var probe = StallProbe(engine: ScriptedEngine())
        #expect(throws: CommandFailure.self) {
            try probe.run(StallCase(streams: 1, streamPromptTokens: 5, streamTokens: 5, promptTokens: 5000))
        }
    }

    @Test func `a report has each round and the median ratio`() throws {
        var probe = StallProbe(engine: ScriptedEngine())
        let measured = StallCase(streams: 2, streamPromptTokens: 5, streamTokens: 5, promptTokens: 60)
        let samples = try (0..<3).map { _ in try probe.run(measured) }
        let model = LoadReport(
            path: "m.gguf", family: "tiny", parameters: 1, formats: "F32", weightBytes: 4, cacheBytes: 4,
            cacheTokens: 1, contextMax: 1, threads: 1, kernels: "portable", seconds: 0)
        let report = StallReport(model: model, probe: measured, samples: samples)
        #expect(report.json["rounds"]?.arrayValue?.count == 3)
        #expect(report.json["streams"]?.doubleValue == 2)
        #expect(abs((report.json["p99_ratio"]?.doubleValue ?? 0) - 3) < 1e-6)
        #expect(report.text.split(separator: "\n").count == 7)
        #expect(report.text.hasSuffix("median ratio of p99: 3.00\n"))
    }
}

// Throughput.swift: tokens per second of prompts and of generation, through the real engine.
// Prompts are random, never the same twice, so no cache helps; nothing stops before its length.
import Core
import Dispatch
import Engine

/// One thing to measure: `streams` prompts at once, each continued by `generateTokens`.
struct ThroughputCase: Sendable, Hashable {
    var streams: Int
    var promptTokens: Int
    /// 1 measures the prompt alone.
    var generateTokens: Int
}

/// What one round of a case gave.
struct ThroughputSample: Sendable {
    /// All prompts' tokens over the time until each stream had its first token.
    var promptTokensPerSecond: Double
    /// Tokens over time while all streams generate; `nil` when only a prompt was measured.
    var generatedTokensPerSecond: Double?
    /// The part of the time from submission to the last token that passed outside the model:
    /// planning, inputs, sampling, commits, publishing.
    var outsideModel = 0.0
}

struct ThroughputProbe {
    let engine: any GenerationEngine
    let sampling: SamplingParameters
    private var random = SeededRandom(seed: 0)

    init(engine: any GenerationEngine, sampling: SamplingParameters = .greedy) {
        self.engine = engine
        self.sampling = sampling
    }

    mutating func run(_ probe: ThroughputCase) throws(CommandFailure) -> ThroughputSample {
        let inbox = UpdateInbox()
        let requests = (0..<probe.streams).map { _ in request(for: probe) }
        let modelSeconds = engine.load().modelSecondsTotal
        let start = DispatchTime.now().uptimeNanoseconds
        var streams: [RequestID: StreamTimes] = [:]
        for request in requests {
            do throws(SubmissionError) {
                streams[try inbox.submit(request, to: engine)] = StreamTimes()
            } catch {
                throw CommandFailure(
                    "cannot measure \(probe.streams) streams of "
                        + "\(probe.promptTokens + probe.generateTokens) tokens: \(error)",
                    advice: "ask for fewer or shorter ones, or raise engine.cache_bytes")
            }
        }
        try collect(from: inbox, into: &streams)
        var sample = Self.sample(probe, streams.values.map { $0 }, start: start)
        let end = streams.values.compactMap { $0.tokens.last?.at }.max() ?? start
        let inside = engine.load().modelSecondsTotal - modelSeconds
        sample.outsideModel = max(0, 1 - inside / (Double(end - start) / 1e9))
        return sample
    }

    /// When tokens of one stream came, and how many.
    private struct StreamTimes {
        var tokens: [(at: UInt64, count: Int)] = []
        var isOver = false
    }

    private func collect(
        from inbox: UpdateInbox, into streams: inout [RequestID: StreamTimes]
    ) throws(CommandFailure) {
        var open = streams.count
        while open > 0 {
            let update = inbox.next()
            if !update.tokens.isEmpty {
                streams[update.request]?.tokens.append((update.madeAt, update.tokens.count))
            }
            guard let finish = update.finish else { continue }
            open -= 1
            guard case .length = finish else {
                throw CommandFailure("a stream ended early: \(finish)", advice: "report this")
            }
        }
    }

    private static func sample(
        _ probe: ThroughputCase, _ streams: [StreamTimes], start: UInt64
    ) -> ThroughputSample {
        let allBegan = streams.compactMap { $0.tokens.first?.at }.max() ?? start
        let firstEnded = streams.compactMap { $0.tokens.last?.at }.min() ?? start
        let promptSeconds = Double(allBegan - start) / 1e9
        let prompts = Double(probe.streams * probe.promptTokens) / promptSeconds
        guard probe.generateTokens > 1, firstEnded > allBegan else {
            return ThroughputSample(promptTokensPerSecond: prompts)
        }
        let generated = streams.reduce(0) { sum, stream in
            sum
                + stream.tokens.reduce(0) {
                    $1.at > allBegan && $1.at <= firstEnded ? $0 + $1.count : $0
                }
        }
        let seconds = Double(firstEnded - allBegan) / 1e9
        return ThroughputSample(
            promptTokensPerSecond: prompts, generatedTokensPerSecond: Double(generated) / seconds)
    }

    private mutating func request(for probe: ThroughputCase) -> GenerationRequest {
        .random(
            promptTokens: probe.promptTokens, tokensMax: probe.generateTokens,
            vocabularySize: engine.facts.vocabularySize, sampling: sampling, using: &random)
    }
}

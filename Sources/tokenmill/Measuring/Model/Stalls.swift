// Stalls.swift: how much a long prompt that arrives holds up the streams that already run.
// Streams run alone for a while; then the prompt comes, and the same streams are watched until it
// has its first token, and alone again: they grow and slow down meanwhile, which is not the prompt's
// doing. The engine's own clock decides which step a token belongs to.
import Core
import Dispatch
import Engine

struct StallCase: Sendable, Hashable {
    var streams: Int
    var streamPromptTokens: Int
    /// Tokens of each stream that are watched before the prompt arrives, and as many after it.
    var streamTokens: Int
    var promptTokens: Int
}

/// What one round gave; all in seconds.
struct StallSample: Sendable {
    /// Times between tokens of the streams alone, before the prompt and after it, and beside it.
    let before: Distribution
    let after: Distribution
    let beside: Distribution
    /// From the prompt's submission to its first token.
    let firstToken: Double

    /// Beside the prompt against halfway between before and after.
    var ratio: Double { 2 * beside.percentile99 / (before.percentile99 + after.percentile99) }

    /// Nanoseconds of one clock: when tokens were made, and when the prompt was sent, begun and done.
    struct Times {
        var streams: [[UInt64]]
        var submitted: UInt64 = 0
        var scheduled: UInt64 = 0
        var finished: UInt64 = 0
    }

    /// `nil` unless there were tokens before the prompt, beside it and after it.
    init?(_ times: Times) {
        let allBegan = times.streams.compactMap(\.first).max() ?? 0
        let gaps = times.streams.flatMap { zip($0, $0.dropFirst()) }
        func seconds(_ isMeant: (_ begin: UInt64, _ end: UInt64) -> Bool) -> Distribution? {
            Distribution(gaps.filter(isMeant).map { Double($1 - $0) / 1e9 })
        }
        guard let before = seconds({ $0 >= allBegan && $1 <= times.scheduled }),
            let beside = seconds({ $1 > times.scheduled && $0 < times.finished }),
            let after = seconds({ begin, _ in begin >= times.finished })
        else { return nil }
        self.before = before
        self.beside = beside
        self.after = after
        firstToken = Double(times.finished) / 1e9 - Double(times.submitted) / 1e9
    }
}

struct StallProbe {
    let engine: any GenerationEngine
    private var random = SeededRandom(seed: 0)

    init(engine: any GenerationEngine) { self.engine = engine }

    mutating func run(_ probe: StallCase) throws(CommandFailure) -> StallSample {
        let inbox = UpdateInbox()
        var indices: [RequestID: Int] = [:]
        // Each step carries at least one token of the prompt, so no stream ends before it does.
        let tokensMax = 2 * probe.streamTokens + probe.promptTokens + probe.streams * probe.streamPromptTokens
        for index in 0..<probe.streams {
            indices[try submit(probe.streamPromptTokens, tokensMax, to: inbox)] = index
        }
        var times = StallSample.Times(streams: Array(repeating: [], count: probe.streams))
        while times.streams.contains(where: { $0.count <= probe.streamTokens }) {
            try note(inbox.next(), indices, &times)
        }
        times.submitted = DispatchTime.now().uptimeNanoseconds
        _ = try submit(probe.promptTokens, 1, to: inbox)
        while times.finished == 0 { try note(inbox.next(), indices, &times) }
        let enough = times.streams.map { $0.count + probe.streamTokens }
        while zip(times.streams, enough).contains(where: { $0.count < $1 }) {
            try note(inbox.next(), indices, &times)
        }
        for stream in indices.keys { engine.cancel(stream, choice: nil) }
        var open = probe.streams
        while open > 0 {
            if inbox.next().finish != nil { open -= 1 }
        }
        guard let sample = StallSample(times) else {
            throw Self.failure("no token came before the prompt, beside it or after it")
        }
        return sample
    }

    /// Updates of the prompt are those of no stream.
    private func note(
        _ update: GenerationUpdate, _ indices: [RequestID: Int], _ times: inout StallSample.Times
    ) throws(CommandFailure) {
        guard let index = indices[update.request] else {
            guard case .length? = update.finish else { throw Self.failure("the prompt was not computed") }
            (times.scheduled, times.finished) = (update.scheduledAt, update.madeAt)
            return
        }
        if let finish = update.finish { throw Self.failure("a stream ended early: \(finish)") }
        if !update.tokens.isEmpty { times.streams[index].append(update.madeAt) }
    }

    private mutating func submit(
        _ promptTokens: Int, _ tokensMax: Int, to inbox: UpdateInbox
    ) throws(CommandFailure) -> RequestID {
        let request = GenerationRequest.random(
            promptTokens: promptTokens, tokensMax: tokensMax, vocabularySize: engine.facts.vocabularySize,
            using: &random)
        do throws(SubmissionError) {
            return try inbox.submit(request, to: engine)
        } catch {
            throw Self.failure("\(error)")
        }
    }

    private static func failure(_ fact: String) -> CommandFailure {
        CommandFailure(
            "cannot measure stalls: \(fact)",
            advice: "ask for fewer streams or a shorter prompt, or raise engine.cache_bytes")
    }
}

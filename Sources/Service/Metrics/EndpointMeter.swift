// EndpointMeter.swift: the figures of one endpoint: totals, histograms, and its recent load for scaling.
// Written by connections once per update, read by /metrics and the scaling hint.
import Core
import Scheduling
import Synchronization

/// Why a choice ended, as `vllm:request_success_total` names it.
enum FinishedReason: String, CaseIterable, Sendable { case stop, length, abort, error }

/// When the parts of one generation happened; monotonic nanoseconds.
struct GenerationTimes: Sendable {
    var admittedAt: UInt64
    var scheduledAt: UInt64?
    var firstTokenAt: UInt64?
    var lastTokenAt: UInt64?
}

final class EndpointMeter: Sendable {
    struct Figures: Sendable {
        var requests: UInt64 = 0
        var promptTokens: UInt64 = 0
        var generatedTokens: UInt64 = 0
        var finished: [FinishedReason: UInt64] = [:]
        var firstToken = Histogram.firstToken
        var betweenTokens = Histogram.betweenTokens
        var whole = Histogram.request
        var queue = Histogram.request
        var prefill = Histogram.request
        var decode = Histogram.request
        var prompt: Histogram
        var generation: Histogram
        /// Finished requests, for the estimate of a waiting time.
        var completed: UInt64 = 0
    }

    private struct State {
        var figures: Figures
        var history: LoadHistory
        var policy: ScalingPolicy
        var rates = RateWindow()
    }

    private let state: Mutex<State>

    init(contextMax: Int, policy: ScalingPolicy) {
        let tokens = Histogram.tokens(upTo: contextMax)
        let figures = Figures(prompt: tokens, generation: tokens)
        state = Mutex(State(figures: figures, history: LoadHistory(policy: policy), policy: policy))
    }

    var figures: Figures { state.withLock { $0.figures } }

    /// Per second, over the last seconds.
    var rates: RateWindow.Rates { state.withLock { $0.rates.rates } }

    func recordSubmission(promptTokens: Int) {
        state.withLock { state in
            state.figures.requests += 1
            state.figures.prompt.observe(Double(promptTokens))
        }
    }

    func recordFirstToken(_ times: GenerationTimes, promptTokens: Int) {
        state.withLock { state in
            state.figures.promptTokens += UInt64(promptTokens)
            guard let first = times.firstTokenAt else { return }
            state.figures.firstToken.observe(Clock.seconds(from: times.admittedAt, to: first))
            guard let scheduled = times.scheduledAt else { return }
            state.figures.queue.observe(Clock.seconds(from: times.admittedAt, to: scheduled))
            state.figures.prefill.observe(Clock.seconds(from: scheduled, to: first))
        }
    }

    /// - intervalSeconds: since the choice's previous tokens; `nil` for its first ones.
    func recordTokens(_ count: Int, intervalSeconds: Double?) {
        state.withLock { state in
            state.figures.generatedTokens += UInt64(count)
            guard let intervalSeconds, count > 0 else { return }
            state.figures.betweenTokens.observe(intervalSeconds / Double(count), times: UInt64(count))
        }
    }

    func recordFinish(_ reason: FinishedReason) {
        state.withLock { $0.figures.finished[reason, default: 0] += 1 }
    }

    /// A generation (one prompt with all its choices) is over, whole or not.
    func recordEnd(_ times: GenerationTimes, generatedTokens: Int, at end: UInt64) {
        state.withLock { state in
            state.figures.completed += 1
            state.figures.generation.observe(Double(generatedTokens))
            state.figures.whole.observe(Clock.seconds(from: times.admittedAt, to: end))
            guard let first = times.firstTokenAt, let last = times.lastTokenAt else { return }
            state.figures.decode.observe(Clock.seconds(from: first, to: last))
        }
    }

    /// Remembers the load of this moment; called about once a second.
    func sample(
        _ endpoint: Endpoint, counts: Admission.Counts, sequencesMax: Int, cacheUsage: Double, at time: UInt64
    ) {
        state.withLock { state in
            if state.policy != endpoint.scaling {
                state.policy = endpoint.scaling
                state.history = LoadHistory(policy: endpoint.scaling)
            }
            var sample = LoadSample(time: Double(time) / 1e9)
            sample.replicas = endpoint.replicas
            sample.observed = 1
            sample.running = counts.runningChoices
            sample.waiting = counts.waitingChoices
            sample.sequencesMax = sequencesMax
            sample.cacheUsage = cacheUsage
            sample.requestsTotal = state.figures.requests
            sample.promptTokensTotal = state.figures.promptTokens
            sample.generatedTokensTotal = state.figures.generatedTokens
            state.history.append(sample)
            state.rates.append(
                .init(
                    time: sample.time, requests: state.figures.requests, completed: state.figures.completed,
                    promptTokens: state.figures.promptTokens, generatedTokens: state.figures.generatedTokens))
        }
    }

    func hint(for policy: ScalingPolicy) -> ScalingHint {
        let history = state.withLock { state in
            state.policy == policy ? state.history : LoadHistory(policy: policy)
        }
        return ScalingHint(policy: policy, history: history)
    }

    /// How long a caller should stay away: as long as those before it take at the present rate; 1 to 60.
    func retryAfterSeconds(ahead requests: Int) -> Int {
        let rate = rates.completedPerSecond
        guard rate > 0 else { return requests == 0 ? 1 : 5 }
        return Int(min(max((Double(requests) / rate).rounded(.up), 1), 60))
    }
}

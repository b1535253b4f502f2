// RateWindow.swift: how fast totals have grown lately. Pure; time is handed in.

/// The last samples of an endpoint's totals, `samplesMax` at most.
struct RateWindow: Sendable {
    struct Sample: Sendable {
        /// Monotonic seconds.
        var time: Double
        var requests: UInt64
        var completed: UInt64
        var promptTokens: UInt64
        var generatedTokens: UInt64
    }

    struct Rates: Sendable, Hashable {
        var requestsPerSecond = 0.0
        var completedPerSecond = 0.0
        var promptTokensPerSecond = 0.0
        var generatedTokensPerSecond = 0.0
    }

    static let samplesMax = 11

    private var samples: [Sample] = []

    mutating func append(_ sample: Sample) {
        if samples.count == Self.samplesMax { samples.removeFirst() }
        samples.append(sample)
    }

    var rates: Rates {
        guard let first = samples.first, let last = samples.last, last.time > first.time else { return Rates() }
        let seconds = last.time - first.time
        return Rates(
            requestsPerSecond: Double(last.requests - first.requests) / seconds,
            completedPerSecond: Double(last.completed - first.completed) / seconds,
            promptTokensPerSecond: Double(last.promptTokens - first.promptTokens) / seconds,
            generatedTokensPerSecond: Double(last.generatedTokens - first.generatedTokens) / seconds)
    }
}

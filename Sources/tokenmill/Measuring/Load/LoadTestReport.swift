// LoadTestReport.swift: what a load found: rates, times and their tails, goodput, failures; as a table
// for people and as JSON for scripts.
import JSON

/// What a request must keep to count as good.
struct LatencyTargets: Sendable, Hashable {
    var firstTokenSeconds: Double?
    /// The mean time of each token after the first.
    var tokenSeconds: Double?

    func areMet(by record: RequestRecord) -> Bool {
        (record.firstTokenSeconds ?? .infinity) <= firstTokenSeconds ?? .infinity
            && (record.tokenSeconds ?? 0) <= tokenSeconds ?? .infinity
    }
}

struct LoadTestReport: Sendable {
    struct Failures: Sendable, Hashable {
        let reason: LoadFailure
        let count: Int
        /// Of the first of them.
        let body: String
    }

    let target: LoadTarget
    let model: String
    let api: LoadAPI
    let arrivals: Arrivals
    let targets: LatencyTargets
    /// From the first request's beginning to the last one's end.
    let seconds: Double
    let requests: Int
    let answered: Int
    let good: Int
    let promptTokens: Int
    let outputTokens: Int
    let firstToken: Distribution?
    let betweenTokens: Distribution?
    let perToken: Distribution?
    let request: Distribution?
    /// Most frequent first.
    let failures: [Failures]

    init(
        target: LoadTarget, model: String, api: LoadAPI, arrivals: Arrivals,
        targets: LatencyTargets, records: [RequestRecord]
    ) {
        self.target = target
        self.model = model
        self.api = api
        self.arrivals = arrivals
        self.targets = targets
        let answers = records.filter { $0.failure == nil }
        let begin = records.map(\.startedAt).min() ?? 0
        seconds = Double((records.map(\.endedAt).max() ?? begin) - begin) * 1e-9
        requests = records.count
        answered = answers.count
        good = answers.count { targets.areMet(by: $0) }
        promptTokens = answers.reduce(0) { $0 + ($1.promptTokens ?? $1.planned.promptTokens) }
        outputTokens = answers.reduce(0) { $0 + $1.tokens }
        firstToken = Distribution(answers.compactMap(\.firstTokenSeconds))
        betweenTokens = Distribution(answers.lazy.flatMap { $0.gapSeconds })
        perToken = Distribution(answers.compactMap(\.tokenSeconds))
        request = Distribution(answers.map(\.requestSeconds))
        failures = Self.failures(records)
    }

    func perSecond(_ count: Int) -> Double { seconds > 0 ? Double(count) / seconds : 0 }

    private static func failures(_ records: [RequestRecord]) -> [Failures] {
        var counts: [LoadFailure: (count: Int, body: String)] = [:]
        for record in records {
            guard let failure = record.failure else { continue }
            counts[failure, default: (0, record.errorBody)].count += 1
        }
        return counts.map { Failures(reason: $0, count: $1.count, body: $1.body) }
            .sorted { ($1.count, "\($0.reason)") < ($0.count, "\($1.reason)") }
    }
}

// MARK: words

extension LoadTestReport {
    var text: String {
        var lines = [
            "\(target), \(model), \(api.rawValue), \(arrivals)",
            "\(requests) requests in \(seconds.text(decimals: 2)) s, \(requests - answered) failed", "",
        ]
        lines += TextTable.lines([
            ["per second", ""], ["output tokens", perSecond(outputTokens).text(decimals: 1)],
            ["prompt tokens", perSecond(promptTokens).text(decimals: 1)],
            ["requests", perSecond(answered).text(decimals: 2)],
        ])
        lines.append("")
        lines += TextTable.lines(
            [["milliseconds", "mean", "p50", "p95", "p99", "max"]] + times.map { Self.row($0.name, $0.times) })
        if targets != LatencyTargets() {
            let share = Double(good) / Double(max(requests, 1))
            lines += [
                "",
                "good: \(good) of \(requests) (\(share.percent(decimals: 1))), "
                    + "\(perSecond(good).text(decimals: 2)) requests/s",
            ]
        }
        for failure in failures {
            let body = failure.body.isEmpty ? "" : "; the first said: \(failure.body)"
            lines += ["", "failed \(failure.count): \(failure.reason)\(body)"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var times: [(name: String, key: String, times: Distribution?)] {
        [
            ("first token", "first_token", firstToken), ("between tokens", "between_tokens", betweenTokens),
            ("mean per token", "per_token", perToken), ("request", "request", request),
        ]
    }

    private static func row(_ name: String, _ times: Distribution?) -> [String] {
        guard let times else { return [name, "-", "-", "-", "-", "-"] }
        return [name]
            + [times.mean, times.median, times.percentile95, times.percentile99, times.largest]
            .map { ($0 * 1000).text(decimals: 1) }
    }
}

extension Arrivals: CustomStringConvertible {
    var description: String {
        switch self {
        case .closed(let clients): "\(clients) clients"
        case .poisson(let rate, let seed): "Poisson, \(rate) requests/s, seed \(seed)"
        case .trace(let requests): "trace of \(requests.count) requests"
        }
    }
}

// MARK: JSON

extension LoadTestReport {
    var json: JSONValue {
        var object = JSONObject()
        object["target"] = .string("\(target)")
        object["model"] = .string(model)
        object["api"] = .string(api.rawValue)
        object["arrivals"] = .string("\(arrivals)")
        object["seconds"] = .double(seconds)
        object["requests"] = .integer(requests)
        object["answered"] = .integer(answered)
        object["prompt_tokens"] = .integer(promptTokens)
        object["output_tokens"] = .integer(outputTokens)
        object["output_tokens_per_second"] = .double(perSecond(outputTokens))
        object["prompt_tokens_per_second"] = .double(perSecond(promptTokens))
        object["requests_per_second"] = .double(perSecond(answered))
        for entry in times { object["\(entry.key)_seconds"] = entry.times?.json ?? .null }
        object["first_token_target_seconds"] = targets.firstTokenSeconds.map { .double($0) } ?? .null
        object["per_token_target_seconds"] = targets.tokenSeconds.map { .double($0) } ?? .null
        object["good"] = .integer(good)
        object["good_per_second"] = .double(perSecond(good))
        object["failures"] = .array(
            failures.map {
                [
                    "reason": .string("\($0.reason)"), "count": .integer($0.count),
                    "body": .string($0.body),
                ]
            })
        return .object(object)
    }
}

// RequestPlan.swift: which requests a load is made of, and when each is due.
// Pure: the same seed gives the same plan, and nothing here looks at a clock.
import Glibc

struct PlannedRequest: Sendable, Hashable {
    /// Seconds after the beginning; `nil` is due when one of the clients is free.
    var due: Double?
    var promptTokens: Int
    var outputTokens: Int
}

/// How requests arrive.
enum Arrivals: Sendable, Hashable {
    /// So many clients, each with its next request when it has its answer.
    case closed(clients: Int)
    /// So many a second on average, each independent of all others.
    case poisson(perSecond: Double, seed: UInt64)
    /// As recorded.
    case trace([PlannedRequest])

    var isClosed: Bool {
        if case .closed = self { return true }
        return false
    }
}

struct RequestPlan: Sequence, IteratorProtocol, Sendable {
    let arrivals: Arrivals
    let promptTokens: Int
    let outputTokens: Int
    let requestsMax: Int
    /// No request is due later than this, in seconds; a closed load is cut by its generator.
    let secondsMax: Double
    private var made = 0
    private var time = 0.0
    private var random: SeededRandom

    init(
        arrivals: Arrivals, promptTokens: Int, outputTokens: Int, requestsMax: Int,
        secondsMax: Double = .infinity
    ) {
        self.arrivals = arrivals
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
        self.requestsMax = requestsMax
        self.secondsMax = secondsMax
        if case .poisson(_, let seed) = arrivals {
            random = SeededRandom(seed: seed)
        } else {
            random = SeededRandom(seed: 0)
        }
    }

    mutating func next() -> PlannedRequest? {
        guard made < requestsMax, let request = upcoming(), request.due ?? 0 <= secondsMax else {
            return nil
        }
        made += 1
        return request
    }

    private mutating func upcoming() -> PlannedRequest? {
        switch arrivals {
        case .closed:
            return PlannedRequest(promptTokens: promptTokens, outputTokens: outputTokens)
        case .poisson(let rate, _):
            // Gaps between independent arrivals are exponential.
            time -= log(1 - Double.random(in: 0..<1, using: &random)) / rate
            return PlannedRequest(
                due: time, promptTokens: promptTokens, outputTokens: outputTokens)
        case .trace(let requests):
            return made < requests.count ? requests[made] : nil
        }
    }
}

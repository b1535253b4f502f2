// HTTPMeter.swift: how many HTTP exchanges there were, and how long they took.
// Labels come from the route table, never from the request's own text, so their number is bounded.
import Synchronization

/// Counts finished HTTP exchanges.
public final class HTTPMeter: Sendable {
    struct Key: Hashable, Comparable {
        let handler: String
        let method: String
        let status: Int

        static func < (left: Key, right: Key) -> Bool {
            (left.handler, left.method, left.status) < (right.handler, right.method, right.status)
        }
    }

    struct State {
        var counts: [Key: UInt64] = [:]
        /// Per handler and method; the keys' status is 0.
        var durations: [Key: Histogram] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// - handler: the route's pattern.  method: one of the known methods, or `OTHER`.
    public func record(handler: String, method: String, status: Int, seconds: Double) {
        state.withLock { state in
            state.counts[Key(handler: handler, method: method, status: status), default: 0] += 1
            state.durations[Key(handler: handler, method: method, status: 0), default: .exchange].observe(seconds)
        }
    }

    func write(to text: inout PrometheusText) {
        let state = state.withLock { $0 }
        text.family("http_requests_total", .counter, "HTTP requests answered.")
        for (key, count) in state.counts.sorted(by: { $0.key < $1.key }) {
            let labels = [("handler", key.handler), ("method", key.method), ("status", "\(key.status)")]
            text.sample("http_requests_total", labels.map { (name: $0.0, value: $0.1) }, count)
        }
        let name = "http_request_duration_seconds"
        text.family(name, .histogram, "Seconds from a request's last byte to its answer's end.")
        for (key, histogram) in state.durations.sorted(by: { $0.key < $1.key }) {
            text.histogram(name, [("handler", key.handler), ("method", key.method)], histogram)
        }
    }
}

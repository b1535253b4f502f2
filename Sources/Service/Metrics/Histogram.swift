// Histogram.swift: how often a value fell into each range, as Prometheus counts.

/// Counts per bucket and their sum.
public struct Histogram: Sendable, Hashable {
    /// Upper bounds, ascending; above the last one there is one more bucket.
    public let bounds: [Double]
    /// `[bounds + 1]`, not cumulative.
    public private(set) var counts: [UInt64]
    public private(set) var sum = 0.0

    public init(bounds: [Double]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds must ascend")
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Counts filled elsewhere: `counts` has one more element than `bounds`.
    public init(bounds: [Double], counts: [UInt64], sum: Double) {
        precondition(counts.count == bounds.count + 1, "\(counts.count) counts for \(bounds.count) bounds")
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
    }

    public var count: UInt64 { counts.reduce(0, +) }

    public mutating func observe(_ value: Double, times: UInt64 = 1) {
        var (low, high) = (0, bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < value { low = middle + 1 } else { high = middle }
        }
        counts[low] += times
        sum += value * Double(times)
    }
}

extension Histogram {
    /// Seconds to the first token.
    public static let firstToken = Histogram(bounds: [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
        640, 2560,
    ])
    /// Seconds between tokens.
    public static let betweenTokens = Histogram(bounds: [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
        20, 40, 80,
    ])
    /// Seconds of a request and of its phases.
    public static let request = Histogram(bounds: [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ])
    /// Seconds of an HTTP exchange.
    public static let exchange = Histogram(bounds: [
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600,
    ])

    /// Tokens of a prompt or an answer: 1, 2, 5, 10, 20, 50 ... up to the context.
    public static func tokens(upTo contextMax: Int) -> Histogram {
        var bounds: [Double] = []
        var decade = 1
        while decade <= contextMax, decade < 1 << 40 {
            for step in [1, 2, 5] where step * decade <= contextMax { bounds.append(Double(step * decade)) }
            decade *= 10
        }
        return Histogram(bounds: bounds)
    }
}

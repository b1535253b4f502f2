// Statistics.swift: what many measurements come to.
import JSON

/// The mean and the tail of some measurements, of which there is at least one.
struct Distribution: Sendable, Hashable {
    let count: Int
    let mean: Double
    let median: Double
    let percentile95: Double
    let percentile99: Double
    let largest: Double

    /// `nil` without values.
    init?(_ values: some Sequence<Double>) {
        let sorted = values.sorted()
        guard let last = sorted.last else { return nil }
        count = sorted.count
        mean = sorted.reduce(0, +) / Double(sorted.count)
        median = Self.percentile(50, of: sorted)
        percentile95 = Self.percentile(95, of: sorted)
        percentile99 = Self.percentile(99, of: sorted)
        largest = last
    }

    /// The value below which `percent` of the values lie, linear between neighbours (NumPy's default).
    /// - sorted: ascending, not empty.
    static func percentile(_ percent: Double, of sorted: [Double]) -> Double {
        let position = percent / 100 * Double(sorted.count - 1)
        let below = Int(position)
        guard below + 1 < sorted.count else { return sorted[sorted.count - 1] }
        return sorted[below] + (sorted[below + 1] - sorted[below]) * (position - Double(below))
    }

    var json: JSONValue {
        [
            "count": .integer(count), "mean": .double(mean), "p50": .double(median),
            "p95": .double(percentile95), "p99": .double(percentile99), "max": .double(largest),
        ]
    }
}

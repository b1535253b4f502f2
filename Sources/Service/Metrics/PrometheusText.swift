// PrometheusText.swift: samples as Prometheus' text format, version 0.0.4. Knows no metric by name.
// Source: the exposition format's description; a family's samples stand together under one TYPE line.

/// Writes metric families, one after the other.
public struct PrometheusText {
    public enum Kind: String, Sendable { case counter, gauge, histogram, summary }
    public typealias Labels = [(name: String, value: String)]

    public private(set) var bytes: [UInt8] = []

    public init() { bytes.reserveCapacity(16 << 10) }

    /// Starts a family.
    public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        append("# HELP \(name) ")
        append(escaping: help, quotes: false)
        append("\n# TYPE \(name) \(kind.rawValue)\n")
    }

    public mutating func sample(_ name: String, _ labels: Labels, _ value: Double) {
        append(name)
        append(labels)
        append(" \(Self.text(value))\n")
    }

    public mutating func sample(_ name: String, _ labels: Labels, _ value: UInt64) {
        append(name)
        append(labels)
        append(" \(value)\n")
    }

    /// Buckets (cumulative), sum and count of one histogram.
    public mutating func histogram(_ name: String, _ labels: Labels, _ histogram: Histogram) {
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            total += count
            sample(name + "_bucket", labels + [("le", Self.text(bound))], total)
        }
        sample(name + "_bucket", labels + [("le", "+Inf")], histogram.count)
        sample(name + "_sum", labels, histogram.sum)
        sample(name + "_count", labels, histogram.count)
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func append(_ labels: Labels) {
        guard !labels.isEmpty else { return }
        for (index, label) in labels.enumerated() {
            append(index == 0 ? "{" : ",")
            append("\(label.name)=\"")
            append(escaping: label.value, quotes: true)
            append("\"")
        }
        append("}")
    }

    private mutating func append(escaping text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where quotes: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    /// The number as Go's parser reads it; whole numbers carry `.0`, as the Python client writes bounds.
    private static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.description
    }
}

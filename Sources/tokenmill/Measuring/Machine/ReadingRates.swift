// ReadingRates.swift: how fast a machine reads memory, by how much it reads over and over: caches hold some of it.
import Foundation
import JSON
import Kernels

struct ReadingRates: Sendable, Hashable {
    struct Rate: Sendable, Hashable {
        let bytes: Int
        let bytesPerSecond: Double
    }

    /// By ascending bytes; at least one.
    let rates: [Rate]

    /// The last is far larger than most caches.
    static let sizes = [32, 64, 128, 256, 512].map { $0 << 20 }

    init(_ rates: [Rate]) { self.rates = rates }

    /// The same for everything.
    init(bytesPerSecond: Double) { self.init([Rate(bytes: 0, bytesPerSecond: bytesPerSecond)]) }

    /// Of memory itself.
    var bytesPerSecond: Double { rates[rates.count - 1].bytesPerSecond }

    /// What lies between two measured sizes has a rate between theirs, by the logarithm of the size.
    func bytesPerSecond(of bytes: Int) -> Double {
        guard let above = rates.firstIndex(where: { $0.bytes >= bytes }) else { return bytesPerSecond }
        guard above > 0 else { return rates[0].bytesPerSecond }
        let low = rates[above - 1], high = rates[above]
        let part = log(Double(bytes) / Double(low.bytes)) / log(Double(high.bytes) / Double(low.bytes))
        return low.bytesPerSecond + part * (high.bytesPerSecond - low.bytesPerSecond)
    }

    /// - seconds: for all sizes; nil where the system refuses the threads or the memory.
    static func measure(threads: Int, seconds: Double) -> ReadingRates? {
        var rates: [Rate] = []
        for size in sizes {
            let rate = machine_read_rate(Int64(size), Int32(threads), seconds / Double(sizes.count))
            guard rate >= 0 else { return nil }
            rates.append(Rate(bytes: size, bytesPerSecond: rate))
        }
        return ReadingRates(rates)
    }

    /// The better of two of the same sizes, one by one.
    func better(than other: ReadingRates) -> ReadingRates {
        ReadingRates(zip(rates, other.rates).map { $0.bytesPerSecond > $1.bytesPerSecond ? $0 : $1 })
    }

    var json: JSONValue {
        .array(rates.map { ["bytes": .integer($0.bytes), "bytes_per_second": .double($0.bytesPerSecond)] })
    }

    /// As `json` gives them.
    init?(_ json: JSONValue?) {
        let rates = (json?.arrayValue ?? []).compactMap { entry -> Rate? in
            guard let bytes = entry["bytes"]?.intValue, let rate = entry["bytes_per_second"]?.doubleValue else {
                return nil
            }
            return Rate(bytes: bytes, bytesPerSecond: rate)
        }
        guard !rates.isEmpty else { return nil }
        self.init(rates.sorted { $0.bytes < $1.bytes })
    }
}

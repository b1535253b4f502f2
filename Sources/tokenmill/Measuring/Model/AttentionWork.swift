// AttentionWork.swift: what attention asks of a machine, by the positions that rows see.
import Compute
import Models

struct AttentionWork: Sendable, Hashable {
    /// Over all query heads of a layer, for one row and one position that it sees.
    var multiplyAdds: Int
    /// Keys and values of one position in one layer.
    var positionBytes: Int
    /// Per layer, the positions seen; nil sees all.
    var windows: [Int?]
    /// Products are of 8-bit integers.
    var isInteger = false

    /// Positions seen by a row with `positions` before it and itself, over all layers.
    private func seen(_ positions: Double) -> Double {
        windows.reduce(0) { $0 + min(positions, $1.map(Double.init) ?? positions) }
    }

    /// The same for all rows of a prompt: a window of w hides the row at n > w from n - w of them.
    private func seen(byPromptOf tokens: Double) -> Double {
        windows.reduce(0) { sum, window in
            let hidden = max(0, tokens - (window.map(Double.init) ?? tokens))
            return sum + (tokens * (tokens + 1) - hidden * (hidden + 1)) / 2
        }
    }

    /// All rows of a prompt, which share what they read.
    func promptSeconds(tokens: Int, on limits: MachineLimits) -> Double {
        2 * seen(byPromptOf: Double(tokens)) * Double(multiplyAdds) / operationsPerSecond(of: limits)
    }

    private func operationsPerSecond(of limits: MachineLimits) -> Double {
        isInteger ? limits.int8OperationsPerSecond : limits.f32OperationsPerSecond
    }

    /// Keys and values that one row reads, which no other row does.
    func rowBytes(positions: Double) -> Double { seen(positions) * Double(positionBytes) }

    /// Such a row.
    func rowSeconds(positions: Double, on limits: MachineLimits, bytesPerSecond: Double) -> Double {
        max(
            2 * seen(positions) * Double(multiplyAdds) / operationsPerSecond(of: limits),
            rowBytes(positions: positions) / bytesPerSecond)
    }
}

extension AttentionWork {
    init(_ configuration: DecoderConfiguration, element: CacheElement) {
        self.init(
            // A query times a key, a weight times a value.
            multiplyAdds: 2 * configuration.heads * configuration.headSize,
            positionBytes: 2 * element.partBytes(
                kvHeads: configuration.kvHeads, headSize: configuration.headSize, tokens: 1),
            windows: configuration.windows, isInteger: element == .int8)
    }
}

// CandidateSelection.swift: the best few of many, without sorting the many.
// Order is total (greater value first, then lower id), so every method gives the same set.
import Core

/// A token and its logit or weight.
struct Candidate: Equatable {
    var value: Float
    var token: TokenID

    @inline(__always)
    func precedes(_ other: Self) -> Bool {
        value > other.value || value == other.value && token < other.token
    }
}

enum CandidateSelection {
    /// Moves the `count` best to the front, in no order. Expected cost is linear.
    static func selectBest(_ count: Int, of candidates: inout [Candidate]) {
        guard count > 0, count < candidates.count else { return }
        candidates.withUnsafeMutableBufferPointer { items in
            var (low, high) = (0, items.count)
            while high - low > 1 {
                let middle = partition(items, low, high)
                if middle == count { return }
                if middle < count { low = middle } else { high = middle }
            }
        }
    }

    /// Moves the shortest best-first prefix whose values sum to at least `mass` to the front, in no
    /// order, and returns its length. Values must not be negative.
    static func selectMass(_ mass: Double, of candidates: inout [Candidate]) -> Int {
        candidates.withUnsafeMutableBufferPointer { items in
            // The prefix ends within [low, high); everything before low belongs to it.
            var (low, high) = (0, items.count)
            var missing = mass
            while high - low > 1 {
                let middle = partition(items, low, high)
                var sum = 0.0
                for index in low..<middle { sum += Double(items[index].value) }
                if sum >= missing {
                    high = middle
                } else {
                    missing -= sum
                    low = middle
                }
            }
            return high
        }
    }

    /// Splits [low, high), which has at least two items, into a better and a worse part, neither empty.
    /// Returns where the worse part begins.
    private static func partition(
        _ items: UnsafeMutableBufferPointer<Candidate>, _ low: Int, _ high: Int
    ) -> Int {
        let pivot = median(items[low], items[low + (high - low) / 2], items[high - 1])
        var (left, right) = (low - 1, high)
        while true {
            repeat { left += 1 } while items[left].precedes(pivot)
            repeat { right -= 1 } while pivot.precedes(items[right])
            if left >= right { break }
            items.swapAt(left, right)
        }
        // Hoare: [low, right] is not worse than the pivot; when the pivot ended last, it is left out.
        return right + 1 == high ? right : right + 1
    }

    private static func median(_ a: Candidate, _ b: Candidate, _ c: Candidate) -> Candidate {
        if a.precedes(b) {
            if b.precedes(c) { return b }
            return a.precedes(c) ? c : a
        }
        if a.precedes(c) { return a }
        return b.precedes(c) ? c : b
    }
}

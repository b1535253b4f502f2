// MergeBuffers.swift: the arrays in which one word is merged, grown on demand and kept.
import Core

/// Parallel arrays over the symbols of a word, and the heap of candidate merges.
final class MergeBuffers {
    private(set) var capacity = 0
    private(set) var starts = UnsafeMutablePointer<Int32>.allocate(capacity: 1)     // byte offset; [count] is the end
    private(set) var ids = UnsafeMutablePointer<TokenID>.allocate(capacity: 1)
    private(set) var ranks = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)     // of the pair with the next symbol
    private(set) var merged = UnsafeMutablePointer<TokenID>.allocate(capacity: 1)   // what that pair becomes
    private(set) var next = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    private(set) var previous = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    /// Candidate merges: rank << 32 | symbol, smallest first, so that ties go to the left.
    var heap: [UInt64] = []

    deinit { release() }

    private func release() {
        starts.deallocate()
        ids.deallocate()
        ranks.deallocate()
        merged.deallocate()
        next.deallocate()
        previous.deallocate()
    }

    /// Makes room for `count` symbols. What was in the buffers is lost.
    func reserve(_ count: Int) {
        if count + 1 <= capacity { return }
        allocate(max(64, (count + 1) * 3 / 2))
    }

    private func allocate(_ count: Int) {
        release()
        capacity = count
        starts = .allocate(capacity: count)
        ids = .allocate(capacity: count)
        ranks = .allocate(capacity: count)
        merged = .allocate(capacity: count)
        next = .allocate(capacity: count)
        previous = .allocate(capacity: count)
    }

    func trim(_ bytesMax: Int) {
        if capacity * 24 > bytesMax { allocate(64) }
        if heap.capacity * 8 > bytesMax { heap = [] }
    }

    func push(_ candidate: UInt64) {
        heap.append(candidate)
        heap.withUnsafeMutableBufferPointer { items in
            var child = items.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                if items[parent] <= candidate { break }
                items[child] = items[parent]
                child = parent
            }
            items[child] = candidate
        }
    }

    /// Puts `heap`, filled in any order, into heap order.
    func heapify() {
        heap.withUnsafeMutableBufferPointer { items in
            var root = items.count / 2 - 1
            while root >= 0 {
                Self.sift(items, items[root], from: root, count: items.count)
                root -= 1
            }
        }
    }

    func pop() -> UInt64? {
        guard let last = heap.popLast() else { return nil }
        if heap.isEmpty { return last }
        return heap.withUnsafeMutableBufferPointer { items in
            let top = items[0]
            Self.sift(items, last, from: 0, count: items.count)
            return top
        }
    }

    @inline(__always)
    private static func sift(_ items: UnsafeMutableBufferPointer<UInt64>, _ item: UInt64, from root: Int, count: Int) {
        var hole = root
        while true {
            var child = hole * 2 + 1
            if child >= count { break }
            if child + 1 < count, items[child + 1] < items[child] { child += 1 }
            if item <= items[child] { break }
            items[hole] = items[child]
            hole = child
        }
        items[hole] = item
    }
}

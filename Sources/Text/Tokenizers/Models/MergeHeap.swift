// MergeHeap.swift: candidate merges, smallest first: rank << 32 | symbol, so that ties go to the
// left.

struct MergeHeap {
    private var items: [UInt64] = []

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    /// Adds without order; `order()` must follow before `pop()`.
    mutating func collect(_ candidate: UInt64) { items.append(candidate) }

    /// Puts the collected candidates into heap order.
    mutating func order() {
        items.withUnsafeMutableBufferPointer { items in
            var root = items.count / 2 - 1
            while root >= 0 {
                Self.sift(items, items[root], from: root)
                root -= 1
            }
        }
    }

    mutating func push(_ candidate: UInt64) {
        items.append(candidate)
        items.withUnsafeMutableBufferPointer { items in
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

    mutating func pop() -> UInt64? {
        guard let last = items.popLast() else { return nil }
        if items.isEmpty { return last }
        return items.withUnsafeMutableBufferPointer { items in
            let top = items[0]
            Self.sift(items, last, from: 0)
            return top
        }
    }

    @inline(__always)
    private static func sift(
        _ items: UnsafeMutableBufferPointer<UInt64>, _ item: UInt64, from root: Int
    ) {
        var hole = root
        while true {
            var child = hole * 2 + 1
            if child >= items.count { break }
            if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
            if item <= items[child] { break }
            items[hole] = items[child]
            hole = child
        }
        items[hole] = item
    }

    mutating func trim(_ bytesMax: Int) {
        if items.capacity * 8 > bytesMax { items = [] }
    }
}

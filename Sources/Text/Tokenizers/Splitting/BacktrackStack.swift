// BacktrackStack.swift: what an expression may still try, kept between matches to save allocation.

struct BacktrackStack {
    struct Frame {
        var counter: Int
        var offset: Int
        /// For a greedy run, how far back it may shrink; for a lazy one, how many more it may take.
        var floor: Int
        /// The set of a lazy run, else -1.
        var set: Int
    }

    private var frames: [Frame] = []

    var count: Int { frames.count }

    mutating func push(_ frame: Frame) { frames.append(frame) }

    mutating func pop() -> Frame? { frames.popLast() }

    mutating func cut(to count: Int) {
        if frames.count > count { frames.removeSubrange(count...) }
    }

    mutating func trim(_ bytesMax: Int) {
        if frames.capacity * MemoryLayout<Frame>.stride > bytesMax { frames = [] }
    }
}

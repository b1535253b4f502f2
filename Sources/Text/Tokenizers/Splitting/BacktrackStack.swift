// BacktrackStack.swift: what an expression may still try, and how much work the whole text may
// still cost: a pattern that looks far ahead at every match would else take the square of a text.

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
    /// Instructions left for this text; at 0 it is split no further.
    var stepsLeft: Int

    /// Work allowed per byte of text and stage, and for any text: numbers of some thousand digits
    /// are split to their end even where each match looks ahead over all of them.
    private static let stepsPerByteMax = 64
    private static let stepsLeast = 16 << 20

    init(textBytes: Int, stages: Int) {
        stepsLeft = textBytes * Self.stepsPerByteMax * stages + Self.stepsLeast
    }

    var count: Int { frames.count }

    mutating func push(_ frame: Frame) { frames.append(frame) }

    mutating func pop() -> Frame? { frames.popLast() }

    mutating func cut(to count: Int) {
        if frames.count > count { frames.removeSubrange(count...) }
    }
}

// EncodeScratch.swift: the memory one call of `encode` works in, kept for the next call.
// Owned by exactly one call at a time (the tokenizer lends it out under its lock), which is why
// it may cross threads although nothing in it is synchronized.
import Core

final class EncodeScratch: @unchecked Sendable {
    var output: [TokenID] = []
    var words = WordCache()
    let merging = MergeBuffers()
    var backtracking = BacktrackStack()
    var viterbi = ViterbiBuffers()

    /// Bytes above which the buffers are not kept after a call.
    static let retainedBytesMax = 8 << 20

    /// Forgets what grew for an unusually long text.
    func trim() {
        output.removeAll(keepingCapacity: output.capacity <= Self.retainedBytesMax / 4)
        merging.trim(Self.retainedBytesMax)
        backtracking.trim(Self.retainedBytesMax)
        viterbi.trim(Self.retainedBytesMax)
    }
}

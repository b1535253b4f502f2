// Sampler+TopK.swift: the greatest logits of a row. Of as many blocks as there are logits wanted, each has one
// that is at least as great as the least of their greatest: what is wanted lies above that, in few blocks.
import Core
import Kernels

extension Sampler {
    /// Blocks for each logit wanted: with more, fewer logits are left to select from.
    private static let blocksPerLogit = 4
    /// Elements of the smallest blocks.
    private static let fewestElements = 16

    /// `candidates` become the `count` greatest logits, in no order; masked ones never count.
    /// Returns the greatest of the row, NaN if any is, when any are wanted.
    @discardableResult
    mutating func selectBest(_ count: Int, _ row: UnsafeBufferPointer<Float>) -> Float {
        candidates.removeAll(keepingCapacity: true)
        let wanted = min(count, row.count)
        guard wanted > 0 else { return .nan }
        let elements = row.count / (Self.blocksPerLogit * wanted) / Self.fewestElements * Self.fewestElements
        let block = min(max(elements, Self.fewestElements), Self.blockElements)
        let greatest = greatest(row, block), best = kernels.pointee.max_f32(greatest, Int32(greatest.count))
        guard !best.isNaN else { return best }
        collect(row, block, greatest, atLeast: Self.threshold(of: wanted, greatest))
        CandidateSelection.selectBest(wanted, of: &candidates)
        if candidates.count > wanted { candidates.removeLast(candidates.count - wanted) }
        return best
    }

    /// The greatest logit of each block of so many.
    private func greatest(_ row: UnsafeBufferPointer<Float>, _ block: Int) -> [Float] {
        stride(from: 0, to: row.count, by: block).map { begin in
            kernels.pointee.max_f32(row.baseAddress! + begin, Int32(min(block, row.count - begin)))
        }
    }

    /// A logit that at least so many reach, unless too many are masked.
    private static func threshold(of wanted: Int, _ greatest: [Float]) -> Float {
        guard wanted <= greatest.count else { return -.greatestFiniteMagnitude }
        var blocks = greatest.enumerated().map { Candidate(value: $0.element, token: TokenID($0.offset)) }
        CandidateSelection.selectBest(wanted, of: &blocks)
        return blocks.prefix(wanted).reduce(.infinity) { min($0, max($1.value, -.greatestFiniteMagnitude)) }
    }

    /// `candidates` become the logits from a threshold on; only blocks that have any are read.
    mutating func collect(
        _ row: UnsafeBufferPointer<Float>, _ block: Int, _ greatest: [Float], atLeast threshold: Float
    ) {
        candidates.removeAll(keepingCapacity: true)
        for (number, value) in greatest.enumerated() where value >= threshold {
            let range = number * block..<min((number + 1) * block, row.count)
            collectCandidates(row.baseAddress!, range, atLeast: threshold)
        }
    }
}

// MemoryNeed.swift: what a model will take, known from its numbers before anything is packed.
import Compute

/// Bytes by what they are for. Cache pages count in full, though they are resident only where used.
public struct MemoryNeed: Sendable, Hashable {
    /// Packed matrices, and the embedding once more as a table.
    public let weights: Int
    public let cache: Int
    /// Activations of a step, and rotation tables.
    public let workspace: Int

    /// What threads, allocator and tokenizer take beside, roughly.
    private static let overhead = 64 << 20

    public var total: Int { [weights, cache, workspace].reduce(Self.overhead) { $0 + $1 } }

    init(
        _ configuration: DecoderConfiguration, _ options: DecoderOptions, _ plan: CachePlan,
        matrices: [WeightSource], contextMax: Int
    ) {
        weights = Self.weightBytes(matrices, configuration, options.compute)
        cache = plan.bytes
        let attention = 2 * configuration.heads + 2 * configuration.kvHeads
        let rowWidth = 3 * configuration.width + attention * configuration.headSize + 3 * configuration.feedForward
        let queries = configuration.heads * configuration.headSize
        let outputWidth = 2 * configuration.width + queries + configuration.vocabularySize
        let rotations = Set([configuration.rotation, configuration.localRotation])
        workspace = 4 * (options.rowsMax * rowWidth + options.outputRowsMax * outputWidth)
            + rotations.reduce(0) {
                $0 + $1.tableBytes(positions: plan.positionsMax(contextMax: contextMax))
            }
    }

    /// Without a matrix of its own the head packs the embedding, which is the table too; else the
    /// embedding is a table alone.
    static func weightBytes(
        _ matrices: [WeightSource], _ configuration: DecoderConfiguration, _ compute: ComputeMode
    ) -> Int {
        let packed = matrices.reduce(0) { $0 + compute.packedBytes(of: $1) }
        let embedding = matrices[0]
        let isTied = matrices.count == 1 + 7 * configuration.layers
        return packed + (isTied ? 0 : embedding.bytes.count - compute.packedBytes(of: embedding))
    }
}

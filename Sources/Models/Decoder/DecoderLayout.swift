// DecoderLayout.swift: a checkpoint's numbers, checked against its tensors, and what they will take.
// Everything that can be refused without taking memory is refused here.
import Checkpoints
import Compute

struct DecoderLayout {
    let configuration: DecoderConfiguration
    let weights: DecoderWeights
    let contextMax: Int
    let element: CacheElement
    let cache: CachePlan
    let need: MemoryNeed

    /// Bytes of rotation tables, which grow with the context.
    private static let rotationBytesMax = 1 << 30

    init(_ checkpoint: Checkpoint, _ options: DecoderOptions) throws(ModelError) {
        configuration = try DecoderConfiguration(checkpoint)
        weights = DecoderWeights(configuration, checkpoint)
        let matrices = try weights.checked()
        contextMax = min(options.contextMax ?? configuration.contextLength, configuration.contextLength)
        element = options.cacheElement ?? options.compute.cacheElement(headSize: configuration.headSize)
        cache = try CachePlan(configuration, options, contextMax: contextMax, element: element)
        try Self.checkRotations(
            configuration.rotation, positions: cache.positionsMax(contextMax: contextMax))
        need = MemoryNeed(configuration, options, cache, matrices: matrices, contextMax: contextMax)
    }

    static func checkRotations(_ rotation: Rotation, positions: Int) throws(ModelError) {
        let positionsMax = rotationBytesMax / rotation.tableBytes(positions: 1)
        guard positions <= positionsMax else {
            throw .settingInvalid(
                key: "context", value: "\(positions) positions",
                expected: "at most \(positionsMax), whose rotations take \(rotationBytesMax) bytes")
        }
    }
}

extension DecoderModel {
    /// Bytes of a checkpoint's weights once they are packed.
    public static func weightBytes(
        of checkpoint: Checkpoint, compute: ComputeMode
    ) throws(ModelError) -> Int {
        let weights = DecoderWeights(try DecoderConfiguration(checkpoint), checkpoint)
        return MemoryNeed.weightBytes(try weights.checked(), weights.configuration, compute)
    }
}

// DecoderWeights.swift: the tensors of a decoder by their part, checked against the configuration.
import Checkpoints
import Compute
import Core
import Kernels

struct DecoderWeights {
    let configuration: DecoderConfiguration
    let checkpoint: Checkpoint
    let names: TensorNames

    init(_ configuration: DecoderConfiguration, _ checkpoint: Checkpoint) {
        self.configuration = configuration
        self.checkpoint = checkpoint
        names = TensorNames(checkpoint)
    }

    func name(_ part: LayerPart, _ layer: Int) -> String {
        names.part(part, of: layer, placement: configuration.family.norms)
    }

    /// `[rows, cols]` of a part's matrix.
    private func shape(of part: LayerPart) -> (rows: Int, cols: Int) {
        let width = configuration.width, wide = configuration.feedForward
        let queries = configuration.heads * configuration.headSize
        let keys = configuration.kvHeads * configuration.headSize
        return switch part {
        case .query: (queries, width)
        case .key, .value: (keys, width)
        case .output: (width, queries)
        case .gate, .up: (wide, width)
        case .down: (width, wide)
        case .attentionNorm, .attentionPostNorm, .queryNorm, .keyNorm, .feedForwardNorm, .feedForwardPostNorm:
            preconditionFailure("\(part) is no matrix")
        }
    }

    /// Every matrix of the model, the head last where it is not the embedding. Throws for the first
    /// tensor that is missing or lies, before memory is taken for anything.
    func checked() throws(ModelError) -> [WeightSource] {
        var matrices = [try embedding()]
        let family = configuration.family
        for layer in 0..<configuration.layers {
            for part in [LayerPart.query, .key, .value, .output, .gate, .up, .down] {
                matrices.append(try matrix(part, layer))
                _ = try biasTensor(part, layer)
            }
            var norms = [LayerPart.attentionNorm, .feedForwardNorm]
            if family.norms == .around { norms += [.attentionPostNorm, .feedForwardPostNorm] }
            for part in norms {
                _ = try vectorTensor(named: name(part, layer) + ".weight", count: configuration.width)
            }
            for part in family.headNorm == .perHead ? [LayerPart.queryNorm, .keyNorm] : [] {
                _ = try vectorTensor(named: name(part, layer) + ".weight", count: configuration.headSize)
            }
        }
        _ = try vectorTensor(named: names.finalNorm, count: configuration.width)
        if let head = try head() { matrices.append(head) }
        return matrices
    }

    func embedding() throws(ModelError) -> WeightSource {
        try matrix(named: names.embedding, rows: configuration.vocabularySize, cols: configuration.width)
    }

    /// The head's own matrix, or nil where it is the embedding.
    func head() throws(ModelError) -> WeightSource? {
        if configuration.tiesHead ?? (checkpoint.tensor(names.head) == nil) { return nil }
        return try matrix(named: names.head, rows: configuration.vocabularySize, cols: configuration.width)
    }

    /// The matrix of a part.
    func matrix(_ part: LayerPart, _ layer: Int) throws(ModelError) -> WeightSource {
        let shape = shape(of: part)
        return try matrix(named: name(part, layer) + ".weight", rows: shape.rows, cols: shape.cols)
    }

    func matrix(named name: String, rows: Int, cols: Int) throws(ModelError) -> WeightSource {
        guard let tensor = checkpoint.tensor(name) else { throw .tensorMissing(name: name) }
        guard tensor.shape == [rows, cols] else {
            throw .tensorShape(name: name, shape: tensor.shape, expected: [rows, cols])
        }
        guard Self.isWeight(tensor.format), cols % tensor.format.blockElements == 0 else {
            throw .tensorFormat(name: name, format: tensor.format)
        }
        return WeightSource(
            name: name, format: tensor.format, rows: rows, cols: cols, bytes: tensor.bytes, owner: tensor.owner)
    }

    /// The norm weights of a part with the family's offset added, `[width]`.
    func norm(_ part: LayerPart, _ layer: Int, width: Int) throws(ModelError) -> [Float] {
        try norm(named: name(part, layer) + ".weight", width: width)
    }

    func norm(named name: String, width: Int) throws(ModelError) -> [Float] {
        let values = Self.values(of: try vectorTensor(named: name, count: width))
        let offset = checkpoint.container == .gguf ? 0 : configuration.family.normWeightOffset
        return offset == 0 ? values : values.map { $0 + offset }
    }

    /// The bias of a part, or nil when the checkpoint has none.
    func bias(_ part: LayerPart, _ layer: Int) throws(ModelError) -> [Float]? {
        try biasTensor(part, layer).map(Self.values)
    }

    private func biasTensor(_ part: LayerPart, _ layer: Int) throws(ModelError) -> TensorSlice? {
        let name = name(part, layer) + ".bias"
        return checkpoint.tensor(name) == nil
            ? nil : try vectorTensor(named: name, count: shape(of: part).rows)
    }

    private func vectorTensor(named name: String, count: Int) throws(ModelError) -> TensorSlice {
        guard let tensor = checkpoint.tensor(name) else { throw .tensorMissing(name: name) }
        guard tensor.shape == [count] else {
            throw .tensorShape(name: name, shape: tensor.shape, expected: [count])
        }
        guard Self.isWeight(tensor.format), count % tensor.format.blockElements == 0 else {
            throw .tensorFormat(name: name, format: tensor.format)
        }
        return tensor
    }

    private static func values(of tensor: TensorSlice) -> [Float] {
        let count = tensor.elementCount
        return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            dequantize_row(tensor.format.rawValue, tensor.bytes.baseAddress!, buffer.baseAddress!, Int64(count))
            filled = count
        }
    }

    private static func isWeight(_ format: ElementFormat) -> Bool {
        [.f32, .f16, .bf16].contains(format) || integer_view_shape(format.rawValue).block_elements > 0
    }
}

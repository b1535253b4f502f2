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

    /// The matrix of a part, `[rows, cols]`.
    func matrix(_ part: LayerPart, _ layer: Int, rows: Int, cols: Int) throws(ModelError) -> WeightSource {
        try matrix(named: name(part, layer) + ".weight", rows: rows, cols: cols)
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
            format: tensor.format, rows: rows, cols: cols, bytes: tensor.bytes, owner: tensor.owner)
    }

    /// The norm weights of a part with the family's offset added, `[width]`.
    func norm(_ part: LayerPart, _ layer: Int, width: Int) throws(ModelError) -> [Float] {
        try norm(named: name(part, layer) + ".weight", width: width)
    }

    func norm(named name: String, width: Int) throws(ModelError) -> [Float] {
        let values = try vector(named: name, count: width)
        let offset = checkpoint.container == .gguf ? 0 : configuration.family.normWeightOffset
        return offset == 0 ? values : values.map { $0 + offset }
    }

    /// The bias of a part, or nil when the checkpoint has none.
    func bias(_ part: LayerPart, _ layer: Int, count: Int) throws(ModelError) -> [Float]? {
        let name = name(part, layer) + ".bias"
        return checkpoint.tensor(name) == nil ? nil : try vector(named: name, count: count)
    }

    private func vector(named name: String, count: Int) throws(ModelError) -> [Float] {
        guard let tensor = checkpoint.tensor(name) else { throw .tensorMissing(name: name) }
        guard tensor.shape == [count] else {
            throw .tensorShape(name: name, shape: tensor.shape, expected: [count])
        }
        guard Self.isWeight(tensor.format), count % tensor.format.blockElements == 0 else {
            throw .tensorFormat(name: name, format: tensor.format)
        }
        return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            dequantize_row(tensor.format.rawValue, tensor.bytes.baseAddress!, buffer.baseAddress!, Int64(count))
            filled = count
        }
    }

    private static func isWeight(_ format: ElementFormat) -> Bool {
        [.f32, .f16, .bf16].contains(format) || integer_view_shape(format.rawValue).block_elements > 0
    }
}

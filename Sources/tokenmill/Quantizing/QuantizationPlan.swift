// QuantizationPlan.swift: which tensor of a file becomes what, decided before a byte is written.
// Pure. Matrices are converted; vectors, and matrices that choose or scale rather than multiply, stay.
import Checkpoints
import Core
import Kernels

struct QuantizationPlan {
    struct Step {
        let source: TensorSlice
        let target: ElementFormat
        /// What was wanted, where the rows do not fill its blocks.
        let instead: WeightFormat?

        var isConverted: Bool { source.format != target }
    }

    /// In the order of the new file: that of the old one.
    let steps: [Step]
    let header: GGUFHeader

    /// - head: of the token embedding and the output matrix.
    init(
        _ checkpoint: Checkpoint, format: WeightFormat, head: WeightFormat
    ) throws(QuantizationError) {
        guard checkpoint.container == .gguf else { throw .notGGUF(path: checkpoint.path) }
        var steps: [Step] = []
        for source in Self.ordered(checkpoint) {
            let wanted = Self.isHead(source.name) ? head : format
            guard Self.isMatrix(source) else {
                steps.append(Step(source: source, target: source.format, instead: nil))
                continue
            }
            guard Self.canRead(source.format) else {
                throw .unreadable(tensor: source.name, format: source.format)
            }
            let target = wanted.fitting(rowElements: source.rowElements)
            steps.append(Step(source: source, target: target.element, instead: target == wanted ? nil : wanted))
        }
        self.steps = steps
        header = GGUFHeader(
            keys: Self.keys(of: checkpoint, format),
            tensors: steps.map { .init(name: $0.source.name, shape: $0.source.shape, format: $0.target) })
    }

    private static func ordered(_ checkpoint: Checkpoint) -> [TensorSlice] {
        checkpoint.mappings.flatMap { mapping in
            checkpoint.tensors.values.filter { $0.owner === mapping }.sorted { $0.fileOffset < $1.fileOffset }
        }
    }

    private static func isHead(_ name: String) -> Bool {
        name == "token_embd.weight" || name == "output.weight"
    }

    /// The router of a mixture of experts is small and decides much; norms of two dimensions scale.
    private static func isMatrix(_ tensor: TensorSlice) -> Bool {
        tensor.shape.count >= 2 && tensor.name.hasSuffix(".weight") && !tensor.name.contains("_norm.")
            && !tensor.name.hasSuffix("ffn_gate_inp.weight")
    }

    private static func canRead(_ format: ElementFormat) -> Bool {
        [.f32, .f16, .bf16].contains(format) || integer_view_shape(format.rawValue).block_elements > 0
    }

    /// All keys as they were, but what the file says of its own format; one file is not a shard.
    private static func keys(
        of checkpoint: Checkpoint, _ format: WeightFormat
    ) -> [(name: String, value: GGUFValue)] {
        let stated: [(name: String, value: GGUFValue)] = [
            ("general.file_type", .uint32(format.fileType)), ("general.quantization_version", .uint32(2)),
        ]
        let kept = checkpoint.metadataOrder.filter { !$0.hasPrefix("split.") }
        return kept.map { name in
            (name, stated.first { $0.name == name }?.value ?? checkpoint.metadata[name]!)
        } + stated.filter { !kept.contains($0.name) }
    }
}

extension TensorSlice {
    /// Elements of one row: of the innermost dimension.
    var rowElements: Int { shape.last ?? 1 }
}

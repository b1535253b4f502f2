// ModelWork.swift: what a model asks of a machine: multiply-adds per token, bytes per step; and from
// these the speed that no program could pass.
import Checkpoints
import Core
import Kernels

struct ModelWork: Sendable, Hashable {
    /// Weights that each row is multiplied by, by the arithmetic that their format allows.
    struct Elements: Sendable, Hashable {
        var integer = 0
        /// Integers whose quants take 8 bits.
        var wide = 0
        var bfloat = 0
        var single = 0
        /// Float multiply-adds that the scales of integers cost beside the products.
        var scaling = 0

        mutating func add(_ count: Int, stored format: ElementFormat) {
            let shape = integer_view_shape(format.rawValue)
            if shape.group_elements > 0 {
                // Two scales multiplied, a sum converted, and it is added; an offset is one more.
                scaling += count / Int(shape.group_elements) * (3 + Int(shape.has_offset))
            }
            switch format {
            case .f32, .f16: single += count
            case .bf16: bfloat += count
            case _ where shape.quant_max > Int8.max: wide += count
            default: integer += count
            }
        }

        /// - isExact: everything in f32, whatever the format.
        func seconds(on limits: MachineLimits, isExact: Bool, counting: Counting) -> Double {
            let f32 = limits.f32OperationsPerSecond
            let scales = counting == .everything && !isExact ? 2 * Double(scaling) / f32 : 0
            return scales + productSeconds(on: limits, isExact: isExact)
        }

        private func productSeconds(on limits: MachineLimits, isExact: Bool) -> Double {
            let f32 = limits.f32OperationsPerSecond
            guard !isExact else { return 2 * Double(integer + wide + bfloat + single) / f32 }
            let int8 = limits.int8OperationsPerSecond
            return 2 * Double(integer) / int8 + 2 * Double(wide) / (limits.int8WideOperationsPerSecond ?? int8)
                + 2 * Double(bfloat) / max(f32, limits.bf16OperationsPerSecond ?? 0)
                + 2 * Double(single) / f32
        }
    }

    /// Which operations a limit is made of.
    enum Counting: Sendable {
        /// What no program could pass.
        case products
        /// Also the scales of integers, if activations are integers in blocks, too, and attention, which
        /// costs every format the same: for comparing formats.
        case everything
    }

    var layers = Elements()
    /// The head, and the last layer from its attention on: only for rows whose next token is wanted.
    var outputs = Elements()
    var attention: AttentionWork?
    /// Read by every step: the packed weights.
    let stepBytes: Int
    let isExact: Bool

    /// Prompt tokens per second of prompts that are computed together.
    func promptLimit(
        _ probe: ThroughputCase, on limits: MachineLimits, counting: Counting = .products
    ) -> Double {
        let tokens = Double(probe.streams * probe.promptTokens)
        let arithmetic = tokens * layers.seconds(on: limits, isExact: isExact, counting: counting)
            + Double(probe.streams) * outputs.seconds(on: limits, isExact: isExact, counting: counting)
        let products = max(arithmetic, readSeconds(on: limits))
        guard counting == .everything, let attention else { return tokens / products }
        let attending = Double(probe.streams) * attention.promptSeconds(tokens: probe.promptTokens, on: limits)
        return tokens / (products + attending)
    }

    /// Tokens per second of all streams together.
    func generationLimit(
        _ probe: ThroughputCase, on limits: MachineLimits, counting: Counting = .products
    ) -> Double {
        let row = layers.seconds(on: limits, isExact: isExact, counting: counting)
            + outputs.seconds(on: limits, isExact: isExact, counting: counting)
        let streams = Double(probe.streams), middle = Double(probe.promptTokens) + Double(probe.generateTokens) / 2
        let cacheBytes = streams * (attention?.rowBytes(positions: middle) ?? 0)
        let rate = limits.reading.bytesPerSecond(of: stepBytes + Int(cacheBytes))
        let products = max(streams * row, Double(stepBytes) / rate)
        guard counting == .everything, let attention else { return streams / products }
        return streams
            / (products + streams * attention.rowSeconds(positions: middle, on: limits, bytesPerSecond: rate))
    }

    private func readSeconds(on limits: MachineLimits) -> Double {
        Double(stepBytes) / limits.reading.bytesPerSecond(of: stepBytes)
    }
}

extension ModelWork {
    /// - packedBytes: of the weights as they lie in memory.
    init(_ checkpoint: Checkpoint, attention: AttentionWork, packedBytes: Int, isExact: Bool) {
        self.init(attention: attention, stepBytes: packedBytes, isExact: isExact)
        let headName = checkpoint.tensors.keys.first(where: Self.isHead)
        let lastLayer = checkpoint.tensors.keys.compactMap(Self.layer).max()
        func isOfOutputs(_ name: String) -> Bool {
            if name == headName || (headName == nil && Self.isEmbedding(name)) { return true }
            guard let layer = Self.layer(of: name) else { return false }
            return layer == lastLayer && !Self.isBeforeAttention(name)
        }
        for (name, tensor) in checkpoint.tensors where tensor.shape.count == 2 {
            if isOfOutputs(name) {
                outputs.add(tensor.elementCount, stored: tensor.format)
            } else if !Self.isEmbedding(name) {
                layers.add(tensor.elementCount, stored: tensor.format)
            }
        }
    }

    private static func isEmbedding(_ name: String) -> Bool {
        name == "token_embd.weight" || name.hasSuffix("embed_tokens.weight")
    }

    private static func layer(of name: String) -> Int? {
        let parts = name.split(separator: ".")
        guard let place = parts.firstIndex(where: { $0 == "blk" || $0 == "layers" }) else { return nil }
        return parts.dropFirst(place + 1).first.flatMap { Int($0) }
    }

    private static func isBeforeAttention(_ name: String) -> Bool {
        ["attn_q.", "attn_k.", "attn_v.", "q_proj.", "k_proj.", "v_proj."].contains { name.contains($0) }
    }

    private static func isHead(_ name: String) -> Bool {
        name == "output.weight" || name.hasSuffix("lm_head.weight")
    }
}

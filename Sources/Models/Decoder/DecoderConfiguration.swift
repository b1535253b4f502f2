// DecoderConfiguration.swift: the numbers of one decoder, read from its checkpoint and checked.
import Checkpoints
import JSON

/// Bounds on what a checkpoint may claim, so that products of two of them never overflow.
enum DecoderLimits {
    static let widthMax = 1 << 17
    static let layersMax = 1 << 10
    static let headsMax = 1 << 12
    static let vocabularyMax = 1 << 22
    static let contextMax = 1 << 22
}

public struct DecoderConfiguration: Sendable, Hashable {
    public let family: DecoderFamily
    public let width: Int
    public let layers: Int
    public let heads: Int
    public let kvHeads: Int
    public let headSize: Int
    public let feedForward: Int
    public let vocabularySize: Int
    /// Positions the model was made for.
    public let contextLength: Int
    public let normEpsilon: Float
    /// Softmax scale of query-key products.
    public let attentionScale: Float
    /// 0: none.
    public let attentionSoftCap: Float
    public let logitsSoftCap: Float
    public let rotation: Rotation
    /// Of windowed layers; equals `rotation` where the family has no own base for them.
    public let localRotation: Rotation
    /// Per layer, the positions seen; nil sees all.
    public let windows: [Int?]
    public let rotatesInterleaved: Bool

    public init(_ checkpoint: Checkpoint) throws(ModelError) {
        let facts = try ModelFacts(checkpoint)
        let family = try Self.family(of: facts)
        self.family = family
        width = try facts.required("hidden_size", gguf: "embedding_length", in: 1...DecoderLimits.widthMax)
        layers = try facts.required("num_hidden_layers", gguf: "block_count", in: 1...DecoderLimits.layersMax)
        heads = try facts.required(
            "num_attention_heads", gguf: "attention.head_count", in: 1...DecoderLimits.headsMax)
        kvHeads = try facts.integer("num_key_value_heads", gguf: "attention.head_count_kv") ?? heads
        headSize = try facts.integer("head_dim", gguf: "attention.key_length") ?? width / heads
        feedForward = try facts.required(
            "intermediate_size", gguf: "feed_forward_length", in: 1...DecoderLimits.widthMax)
        vocabularySize = try Self.vocabulary(of: checkpoint)
        contextLength = try facts.required(
            "max_position_embeddings", gguf: "context_length", in: 1...DecoderLimits.contextMax)
        normEpsilon = Float(
            try facts.number("rms_norm_eps", gguf: "attention.layer_norm_rms_epsilon") ?? 1e-6)
        guard (1...heads).contains(kvHeads), heads % kvHeads == 0 else {
            throw .settingInvalid(key: "key-value heads", value: "\(kvHeads)", expected: "a divisor of \(heads)")
        }
        guard (1...DecoderLimits.headsMax).contains(headSize), headSize % 2 == 0 else {
            throw .settingInvalid(key: "head size", value: "\(headSize)", expected: "an even positive number")
        }
        let scalar = try facts.number("query_pre_attn_scalar", gguf: "attention.query_pre_attn_scalar")
        attentionScale = Float(1 / (scalar ?? Double(headSize)).squareRoot())
        attentionSoftCap = Float(try facts.number("attn_logit_softcapping", gguf: "attn_logit_softcapping") ?? 0)
        logitsSoftCap = Float(try facts.number("final_logit_softcapping", gguf: "final_logit_softcapping") ?? 0)
        let rotation = try Rotation(facts, headSize: headSize)
        self.rotation = rotation
        if let base = family.localRotationBase {
            let stated = try facts.number("rope_local_base_freq", gguf: "rope.local.freq_base")
            localRotation = Rotation(base: stated ?? base, rotary: rotation.rotary, scaling: .none)
        } else {
            localRotation = rotation
        }
        windows = try Self.windows(family, facts, layers: layers)
        rotatesInterleaved = facts.isGGUF && family.ggufRotatesInterleaved
    }

    private static func family(of facts: ModelFacts) throws(ModelError) -> DecoderFamily {
        let names = { (family: DecoderFamily) in
            facts.isGGUF ? family.ggufNames : family.huggingFaceNames
        }
        guard let family = DecoderFamily.all.first(where: { names($0).contains(facts.architecture) }) else {
            throw .architectureUnknown(name: facts.architecture, known: DecoderFamily.all.flatMap(names))
        }
        return family
    }

    /// The embedding's rows decide: metadata often disagrees with padded vocabularies.
    private static func vocabulary(of checkpoint: Checkpoint) throws(ModelError) -> Int {
        let names = TensorNames(checkpoint)
        guard let embedding = checkpoint.tensor(names.embedding) else {
            throw .tensorMissing(name: names.embedding)
        }
        guard embedding.shape.count == 2, (1...DecoderLimits.vocabularyMax).contains(embedding.shape[0]) else {
            throw .tensorShape(name: names.embedding, shape: embedding.shape, expected: [0, 0])
        }
        return embedding.shape[0]
    }

    private static func windows(
        _ family: DecoderFamily, _ facts: ModelFacts, layers: Int
    ) throws(ModelError) -> [Int?] {
        guard family.windows != .none else { return Array(repeating: nil, count: layers) }
        let stated = try facts.integer("sliding_window", gguf: "attention.sliding_window") ?? family.windowDefault
        guard let window = stated else { return Array(repeating: nil, count: layers) }
        guard (1...DecoderLimits.contextMax).contains(window) else {
            throw .settingInvalid(key: "sliding_window", value: "\(window)", expected: "a positive number")
        }
        guard case .allButEvery(let usual) = family.windows else { return Array(repeating: window, count: layers) }
        if let types = facts.json("layer_types")?.arrayValue, types.count == layers {
            return types.map { $0.stringValue == "sliding_attention" ? window : nil }
        }
        let period = try facts.integer(
            "sliding_window_pattern", gguf: "attention.sliding_window_pattern") ?? usual
        guard period > 0 else {
            throw .settingInvalid(key: "sliding_window_pattern", value: "\(period)", expected: "a positive number")
        }
        return (0..<layers).map { ($0 + 1) % period == 0 ? nil : window }
    }
}

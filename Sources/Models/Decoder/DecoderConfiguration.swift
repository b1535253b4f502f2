// DecoderConfiguration.swift: the numbers of one decoder, read from its checkpoint and checked.
import Checkpoints
import Compute
import JSON
import Kernels

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
    /// Of windowed layers; equals `rotation` where they have no own one.
    public let localRotation: Rotation
    /// Per layer, the positions seen; nil sees all.
    public let windows: [Int?]
    public let rotatesInterleaved: Bool
    /// Whether the head is the embedding; nil where the checkpoint does not say: then what it holds decides.
    public let tiesHead: Bool?

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
        try Self.checkHeads(heads, kvHeads: kvHeads, headSize: headSize)
        feedForward = try facts.required(
            "intermediate_size", gguf: "feed_forward_length", in: 1...DecoderLimits.widthMax)
        vocabularySize = try Self.vocabulary(of: checkpoint)
        contextLength = try facts.required(
            "max_position_embeddings", gguf: "context_length", in: 1...DecoderLimits.contextMax)
        normEpsilon = Float(
            try facts.positive("rms_norm_eps", gguf: "attention.layer_norm_rms_epsilon") ?? 1e-6)
        try Self.checkActivation(family, facts)
        let scalar = try facts.positive("query_pre_attn_scalar", gguf: "attention.query_pre_attn_scalar")
        let usual = family.scalesByWidth(facts, layers: layers) ? width / heads : headSize
        attentionScale = Float(1 / (scalar ?? Double(usual)).squareRoot())
        attentionSoftCap = try Self.softCap("attn_logit_softcapping", facts)
        logitsSoftCap = try Self.softCap("final_logit_softcapping", facts)
        rotation = try Rotation(facts, headSize: headSize)
        localRotation = try Rotation(
            facts, headSize: headSize, layers: .windowed, localBase: family.localRotationBase)
        windows = try LayerWindows.read(family, facts, layers: layers)
        rotatesInterleaved = facts.isGGUF && family.ggufRotatesInterleaved
        tiesHead = facts.flag("tie_word_embeddings")
    }

    private static func softCap(_ key: String, _ facts: ModelFacts) throws(ModelError) -> Float {
        let cap = try facts.number(key, gguf: key) ?? 0
        guard cap >= 0 else {
            throw .settingInvalid(key: key, value: "\(cap)", expected: "a positive number, or 0 for none")
        }
        return Float(cap)
    }

    private static func checkHeads(_ heads: Int, kvHeads: Int, headSize: Int) throws(ModelError) {
        guard (1...heads).contains(kvHeads), heads % kvHeads == 0 else {
            throw .settingInvalid(key: "key-value heads", value: "\(kvHeads)", expected: "a divisor of \(heads)")
        }
        let shareMax = Int(attention_group_max)
        guard heads / kvHeads <= shareMax else {
            throw .settingInvalid(
                key: "key-value heads", value: "\(kvHeads)",
                expected: "one for at most \(shareMax) of \(heads) query heads")
        }
        let sizeMax = Int(attention_head_size_max)
        guard (8...sizeMax).contains(headSize), headSize % 8 == 0 else {
            throw .settingInvalid(
                key: "head size", value: "\(headSize)", expected: "a multiple of 8 up to \(sizeMax)")
        }
    }

    /// config.json may name another activation than the family's; GGUF files name none.
    private static func checkActivation(_ family: DecoderFamily, _ facts: ModelFacts) throws(ModelError) {
        let key = facts.json("hidden_activation") == nil ? "hidden_act" : "hidden_activation"
        guard let value = facts.json(key) else { return }
        let names =
            switch family.activation {
            case .silu: ["silu", "swish"]
            // Gemma 1 says "gelu" and means the approximation, as transformers takes it.
            case .geluTanh: ["gelu_pytorch_tanh", "gelu_tanh", "gelu_fast", "gelu_new", "gelu"]
            }
        guard let name = value.stringValue, names.contains(name) else {
            throw .settingInvalid(key: key, value: "\(value)", expected: names.joined(separator: " or "))
        }
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
}

// DecoderFamily.swift: the facts in which dense decoders differ. A family is a value of this type.
// Numbers come from the checkpoint (DecoderConfiguration); how a step runs is in Decoder/.
import Compute

/// Where a layer's norms stand.
public enum NormPlacement: Sendable, Hashable {
    /// `x += f(norm(x))`
    case before
    /// `x += norm(f(norm(x)))`, as in Gemma 2 and 3.
    case around
}

/// Norms of query and key heads before rotation.
public enum HeadNorm: Sendable, Hashable { case none, perHead }

/// Which layers see only a window of positions.
public enum WindowPattern: Sendable, Hashable {
    case none
    /// All of them, when the checkpoint states a window.
    case every
    /// All but each `period`-th layer, counted from 1. The checkpoint's own period wins.
    case allButEvery(period: Int)
    /// Those from `max_window_layers` on, when `use_sliding_window` says so.
    case fromLayerStated
}

public struct DecoderFamily: Sendable, Hashable {
    /// The name in listings.
    public let name: String
    /// `architectures` of config.json.
    public let huggingFaceNames: [String]
    /// `general.architecture` of GGUF files.
    public let ggufNames: [String]
    public var norms: NormPlacement = .before
    /// Added to stored norm weights. GGUF files have it added already.
    public var normWeightOffset: Float = 0
    public var headNorm: HeadNorm = .none
    public var activation: Activation = .silu
    /// Embeddings are multiplied by the square root of the width.
    public var scalesEmbeddings = false
    public var windows: WindowPattern = .none
    /// The window of a GGUF file or config.json that does not state one.
    public var windowDefault: Int?
    /// Rotation base of windowed layers, where it differs from the others'.
    public var localRotationBase: Double?
    /// GGUF converters reorder query and key rows of this family for interleaved rotation.
    public var ggufRotatesInterleaved = false
    /// Layers of the release whose scores are scaled by width / heads; GGUF files do not say so.
    public var ggufWidthScaledLayers: Int?

    init(_ name: String, huggingFace: [String], gguf: [String]) {
        self.name = name
        huggingFaceNames = huggingFace
        ggufNames = gguf
    }

    /// Every family this build knows.
    public static let all: [DecoderFamily] = [.llama, .mistral, .qwen2, .qwen3, .gemma, .gemma2, .gemma3]

    /// Whether scores are scaled by width / heads instead of the head size.
    func scalesByWidth(_ facts: ModelFacts, layers: Int) -> Bool {
        facts.isGGUF && layers == ggufWidthScaledLayers
    }
}

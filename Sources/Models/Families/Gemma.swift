// Gemma.swift: Gemma 1, 2 and 3: scaled embeddings, norms that store their weight minus one, GeGLU.
// Source: technical reports; config.json of the releases. The 27B of both generations, known by its
// layers, scales scores by width / heads.
import Compute

extension DecoderFamily {
    public static let gemma = {
        var family = DecoderFamily("gemma", huggingFace: ["GemmaForCausalLM"], gguf: ["gemma"])
        family.normWeightOffset = 1
        family.activation = .geluTanh
        family.scalesEmbeddings = true
        return family
    }()

    /// Unlike Gemma 1: norms around each part, soft caps, every other layer sees a window.
    public static let gemma2 = {
        var family = DecoderFamily("gemma2", huggingFace: ["Gemma2ForCausalLM"], gguf: ["gemma2"])
        family.norms = .around
        family.normWeightOffset = 1
        family.activation = .geluTanh
        family.scalesEmbeddings = true
        family.windows = .allButEvery(period: 2)
        family.windowDefault = 4096
        family.ggufWidthScaledLayers = 46
        return family
    }()

    /// Unlike Gemma 2: norms on query and key heads, no caps, five windowed layers to a full one,
    /// windowed layers rotate with their own base.
    public static let gemma3 = {
        var family = DecoderFamily(
            "gemma3", huggingFace: ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"], gguf: ["gemma3"])
        family.norms = .around
        family.normWeightOffset = 1
        family.headNorm = .perHead
        family.activation = .geluTanh
        family.scalesEmbeddings = true
        family.windows = .allButEvery(period: 6)
        family.windowDefault = 4096
        family.localRotationBase = 10_000
        family.ggufWidthScaledLayers = 62
        return family
    }()
}

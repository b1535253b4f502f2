// Qwen.swift: dense Qwen 2 (Llama with biases on queries, keys and values, found by their tensors)
// and Qwen 3 (an RMS norm on each query and key head). Source: technical reports; config.json.

extension DecoderFamily {
    public static let qwen2 = {
        var family = DecoderFamily("qwen2", huggingFace: ["Qwen2ForCausalLM"], gguf: ["qwen2"])
        family.windows = .fromLayerStated
        return family
    }()

    public static let qwen3 = {
        var family = DecoderFamily("qwen3", huggingFace: ["Qwen3ForCausalLM"], gguf: ["qwen3"])
        family.headNorm = .perHead
        family.windows = .fromLayerStated
        return family
    }()
}

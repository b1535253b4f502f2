// Llama.swift: Llama 2 and 3, SmolLM and their kin, and Mistral: norm before, SwiGLU, grouped queries.
// Source: config.json of the releases; convert_hf_to_gguf permutes query and key rows.

extension DecoderFamily {
    public static let llama = {
        var family = DecoderFamily("llama", huggingFace: ["LlamaForCausalLM"], gguf: ["llama"])
        family.windows = .none
        family.ggufRotatesInterleaved = true
        return family
    }()

    /// Unlike Llama: every layer sees a window, where the checkpoint states one.
    public static let mistral = {
        var family = DecoderFamily("mistral", huggingFace: ["MistralForCausalLM"], gguf: ["mistral"])
        family.windows = .every
        family.ggufRotatesInterleaved = true
        return family
    }()
}

// TensorNames.swift: what the two containers call the parts of a decoder.
import Checkpoints

struct TensorNames {
    private let isGGUF: Bool
    private let prefix: String

    init(_ checkpoint: Checkpoint) {
        isGGUF = checkpoint.container == .gguf
        // Multimodal releases put the text model under another name.
        let prefixes = ["model.", "language_model.model.", "model.language_model."]
        prefix = prefixes.first { checkpoint.tensor($0 + "embed_tokens.weight") != nil } ?? "model."
    }

    var embedding: String { isGGUF ? "token_embd.weight" : prefix + "embed_tokens.weight" }
    var finalNorm: String { isGGUF ? "output_norm.weight" : prefix + "norm.weight" }
    /// Absent when the head shares the embedding.
    var head: String { isGGUF ? "output.weight" : headPrefix + "lm_head.weight" }

    private var headPrefix: String { prefix == "language_model.model." ? "language_model." : "" }

    /// A part of layer `index`, without ".weight" or ".bias".
    func part(_ part: LayerPart, of layer: Int, placement: NormPlacement) -> String {
        if isGGUF { return "blk.\(layer).\(part.ggufName)" }
        return "\(prefix)layers.\(layer).\(part.huggingFaceName(placement))"
    }
}

enum LayerPart {
    case attentionNorm, attentionPostNorm, query, key, value, output, queryNorm, keyNorm
    case feedForwardNorm, feedForwardPostNorm, gate, up, down

    fileprivate var ggufName: String {
        switch self {
        case .attentionNorm: "attn_norm"
        case .attentionPostNorm: "post_attention_norm"
        case .query: "attn_q"
        case .key: "attn_k"
        case .value: "attn_v"
        case .output: "attn_output"
        case .queryNorm: "attn_q_norm"
        case .keyNorm: "attn_k_norm"
        case .feedForwardNorm: "ffn_norm"
        case .feedForwardPostNorm: "post_ffw_norm"
        case .gate: "ffn_gate"
        case .up: "ffn_up"
        case .down: "ffn_down"
        }
    }

    fileprivate func huggingFaceName(_ placement: NormPlacement) -> String {
        switch self {
        case .attentionNorm: "input_layernorm"
        case .attentionPostNorm: "post_attention_layernorm"
        case .query: "self_attn.q_proj"
        case .key: "self_attn.k_proj"
        case .value: "self_attn.v_proj"
        case .output: "self_attn.o_proj"
        case .queryNorm: "self_attn.q_norm"
        case .keyNorm: "self_attn.k_norm"
        // With norms on one side only, the one after attention is the feed-forward's.
        case .feedForwardNorm: placement == .around ? "pre_feedforward_layernorm" : "post_attention_layernorm"
        case .feedForwardPostNorm: "post_feedforward_layernorm"
        case .gate: "mlp.gate_proj"
        case .up: "mlp.up_proj"
        case .down: "mlp.down_proj"
        }
    }
}

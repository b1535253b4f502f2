// GGUFTokenizerFacts.swift: what a GGUF file says about its tokenizer, as plain values.
// The caller reads the file; nothing here knows about mappings or metadata types.

/// The `tokenizer.ggml.*` metadata of one file.
public struct GGUFTokenizerFacts: Sendable {
    /// `tokenizer.ggml.model`: gpt2, llama, t5, bert, gemma4.
    public var model: String
    /// `tokenizer.ggml.pre`: the name of the splitter of byte-level vocabularies.
    public var pre: String?
    public var tokens: [[UInt8]]
    public var scores: [Float]?
    /// 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    public var types: [Int32]?
    public var merges: [String]?
    public var bos: Int?
    public var eos: Int?
    public var eot: Int?
    public var unk: Int?
    public var sep: Int?
    public var pad: Int?
    public var eom: Int?
    public var addBOS: Bool?
    public var addEOS: Bool?
    public var addSpacePrefix: Bool?
    public var removeExtraSpaces: Bool?
    /// `tokenizer.ggml.precompiled_charsmap`: SentencePiece's compiled normalization rules.
    public var characterMap: [UInt8]?
    public var chatTemplate: String?

    public init(model: String, tokens: [[UInt8]]) {
        self.model = model
        self.tokens = tokens
    }
}

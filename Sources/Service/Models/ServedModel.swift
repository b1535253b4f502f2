// ServedModel.swift: a loaded model as the service sees it: names, text, an engine. A value, made once at load.
import Core
import Engine
import Text

/// Everything needed to answer for one model.
public struct ServedModel: Sendable {
    public let id: String
    /// Other names that callers may pass as `model`.
    public var aliases: [String] = []
    public let tokenizer: Tokenizer
    /// `nil` if the checkpoint has none; chat requests must then bring their own.
    public var template: ConversationTemplate?
    public let engine: any GenerationEngine
    public var defaults = GenerationDefaults()
    /// Unix seconds; when the model was loaded.
    public let createdAt: Int
    public var owner = "tokenmill"
    /// What templates know as `bos_token` and `eos_token`.
    public var beginText: String
    public var endText: String

    /// - endToken: the one that templates know as `eos_token`; there may be several end tokens.
    public init(
        id: String, tokenizer: Tokenizer, template: ConversationTemplate?, engine: any GenerationEngine,
        createdAt: Int = Clock.unixSeconds, endToken: TokenID? = nil
    ) {
        self.id = id
        self.tokenizer = tokenizer
        self.template = template
        self.engine = engine
        self.createdAt = createdAt
        beginText = tokenizer.beginOfSequence.map { tokenizer.text(of: $0) } ?? ""
        endText = (endToken ?? tokenizer.endTokens.min()).map { tokenizer.text(of: $0) } ?? ""
    }

    /// Most tokens of prompt and answer together.
    public var contextMax: Int { engine.facts.contextMax }
}

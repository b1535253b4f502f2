// TextLoader.swift: the parts of a checkpoint that speak text: tokenizer, chat template, defaults.
import Checkpoints
import Service
import Text

enum TextLoader {
    static func tokenizer(of checkpoint: Checkpoint) throws(CommandFailure) -> Tokenizer {
        do throws(TokenizerError) {
            return try Tokenizer(try description(of: checkpoint))
        } catch {
            throw CommandFailure(error, path: checkpoint.path)
        }
    }

    /// `nil` where the checkpoint has no template, as base models do not.
    static func template(of checkpoint: Checkpoint) throws(TemplateError) -> ConversationTemplate? {
        guard let source = checkpoint.chatTemplate else { return nil }
        return try ConversationTemplate(source)
    }

    static func defaults(of checkpoint: Checkpoint) -> GenerationDefaults {
        switch checkpoint.container {
        case .gguf: GenerationDefaults { checkpoint.metadata[$0]?.doubleValue }
        case .huggingFace:
            GenerationDefaults(generationConfiguration: checkpoint.generationConfiguration)
        }
    }

    private static func description(
        of checkpoint: Checkpoint
    ) throws(TokenizerError) -> TokenizerDescription {
        switch checkpoint.container {
        case .gguf:
            guard let facts = GGUFTokenizerFacts(checkpoint) else {
                throw .missing(field: "tokenizer.ggml.tokens")
            }
            return try .fromGGUF(facts)
        case .huggingFace:
            guard let tokenizer = checkpoint.tokenizer else {
                throw .missing(field: "tokenizer.json")
            }
            return try .fromHuggingFace(
                tokenizer: tokenizer, configuration: checkpoint.tokenizerConfiguration,
                endTokens: checkpoint.endTokens)
        }
    }
}

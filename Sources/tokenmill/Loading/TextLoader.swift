// TextLoader.swift: the parts of a checkpoint that speak text: tokenizer, chat template, defaults.
import Checkpoints
import Service
import Text

/// What of a checkpoint speaks text.
struct LoadedText: Sendable {
    let tokenizer: Tokenizer
    /// `nil` where the checkpoint has none, as base models do not, or one that is not understood.
    let template: ConversationTemplate?
    let defaults: GenerationDefaults
    /// What was left out, in words; for the log.
    let warnings: [String]
}

enum TextLoader {
    static func text(of checkpoint: Checkpoint) -> Result<LoadedText, CommandFailure> {
        Result { () throws(CommandFailure) in
            let tokenizer = try tokenizer(of: checkpoint)
            var warnings: [String] = []
            var template: ConversationTemplate?
            do throws(TemplateError) {
                template = try self.template(of: checkpoint)
            } catch {
                warnings.append("the chat template is not understood, chat is off: \(error)")
            }
            return LoadedText(
                tokenizer: tokenizer, template: template, defaults: defaults(of: checkpoint), warnings: warnings)
        }
    }

    static func tokenizer(of checkpoint: Checkpoint) throws(CommandFailure) -> Tokenizer {
        do throws(TokenizerError) {
            return try Tokenizer(try description(of: checkpoint))
        } catch {
            throw CommandFailure(error, path: checkpoint.path)
        }
    }

    private static func template(of checkpoint: Checkpoint) throws(TemplateError) -> ConversationTemplate? {
        guard let source = checkpoint.chatTemplate else { return nil }
        return try ConversationTemplate(source)
    }

    private static func defaults(of checkpoint: Checkpoint) -> GenerationDefaults {
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

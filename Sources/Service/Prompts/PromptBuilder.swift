// PromptBuilder.swift: text, messages or ids to the ids that the model reads. Pure but for the clock of templates.
// It never shortens a prompt unless asked for; whether a prompt fits is decided when it is submitted.
import Core
import Engine
import JSON
import Text

/// Makes prompts for one model.
public struct PromptBuilder: Sendable {
    let model: ServedModel

    public init(_ model: ServedModel) { self.model = model }

    /// - addsSpecial: BOS and EOS as the model wants them.  tokensMax: keeps the last that many; `nil` keeps all.
    public func prompt(
        from source: PromptSource, addsSpecial: Bool, tokensMax: Int? = nil
    ) throws(PromptError) -> Prompt {
        var prompt: Prompt
        switch source {
        case .text(let text):
            prompt = Prompt(
                tokens: model.tokenizer.encode(text, addSpecial: addsSpecial, parseSpecial: true), text: text)
        case .tokens(let tokens):
            let size = min(model.tokenizer.vocabularySize, model.engine.facts.vocabularySize)
            if let token = tokens.first(where: { $0 < 0 || Int($0) >= size }) {
                throw .tokenOutOfRange(token: token, vocabularySize: size)
            }
            prompt = Prompt(tokens: tokens, text: nil)
        case .conversation(let conversation):
            let text = try render(conversation)
            prompt = Prompt(
                tokens: model.tokenizer.encode(text, addSpecial: addsSpecial, parseSpecial: true), text: text)
        }
        if let tokensMax, prompt.tokens.count > tokensMax {
            prompt = Prompt(tokens: Array(prompt.tokens.suffix(tokensMax)), text: nil)
        }
        return prompt
    }

    private func render(_ conversation: Conversation) throws(PromptError) -> String {
        let template = try template(for: conversation)
        let messages = conversation.messages.map {
            TemplateMessage.prepared($0, takesParts: template.takesParts)
        }
        var context = JSONObject()
        context["messages"] = .array(messages.map { .object($0) })
        context["add_generation_prompt"] = .bool(conversation.addsGenerationPrompt)
        context["bos_token"] = .string(model.beginText)
        context["eos_token"] = .string(model.endText)
        for (key, value) in conversation.variables { context[key] = value }
        let text: String
        do {
            text = try template.template.render(context, now: .system())
        } catch {
            throw .template("\(error)", isRequests: conversation.template != nil)
        }
        guard conversation.continuesFinalMessage else { return text }
        guard let open = TemplateMessage.reopened(text, after: messages.last) else { throw .finalMessageNotFound }
        return open
    }

    private func template(for conversation: Conversation) throws(PromptError) -> ConversationTemplate {
        guard let source = conversation.template else {
            guard let template = model.template else { throw .noTemplate(model: model.id) }
            return template
        }
        do {
            return try ConversationTemplate(source, limits: ConversationTemplate.requestLimits)
        } catch {
            throw .template("\(error)", isRequests: true)
        }
    }
}

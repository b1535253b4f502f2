// CompletionHandler.swift: POST /v1/completions: text or token ids in, their continuations out.
import Core
import Engine
import JSON
import Service
import Text

enum CompletionHandler {
    /// OpenAI's default.
    private static let tokensMax = 16

    static func answer(_ call: Call) throws(APIError) {
        var fields = try call.fields()
        let (endpoint, model) = try call.resolve(&fields)
        var generation = try GenerationFields(&fields, endpoint: endpoint, model: model)
        let echoes = try fields.boolean("echo") ?? false
        try generation.readTokensMax(
            &fields, names: ["max_tokens"], least: echoes ? 0 : 1, otherwise: tokensMax, endpoint: endpoint,
            model: model)
        let logprobs = try fields.integer("logprobs", in: 0...FieldLimits.logprobsMax)
        let candidates = try candidates(&fields, generation, endpoint, model)
        let sources = try prompts(&fields, model)
        try fields.refuseUnread()
        generation.sampling.logprobs = logprobs ?? (candidates > generation.choices ? 0 : nil)
        let promptLogprobs = generation.sampling.promptLogprobs
        if echoes, let logprobs { generation.sampling.promptLogprobs = max(promptLogprobs ?? 0, logprobs) }
        let shape = CompletionShape(
            logprobs: logprobs.map { LogprobWriter(tokenizer: model.tokenizer, count: $0) },
            promptLogprobs: promptLogprobs.map { LogprobWriter(tokenizer: model.tokenizer, count: $0) },
            returnsTokenIDs: generation.returnsTokenIDs,
            echoes: echoes, tokenizer: model.tokenizer, skipsSpecial: generation.text.skipsSpecial,
            modelEnds: model.tokenizer.endTokens)
        let request = Answer.Request(
            endpoint: endpoint, model: model, fields: generation, sources: sources, promptField: "prompt",
            addsSpecial: generation.addsSpecial ?? true, candidates: candidates, shape: shape,
            header: AnswerHeader(
                id: "cmpl-" + Identifier.random(bytes: 12), createdAt: Clock.unixSeconds,
                model: fields.object["model"]?.stringValue ?? endpoint.name))
        try Answer.start(request, call)
    }

    private static func candidates(
        _ fields: inout RequestFields, _ generation: GenerationFields, _ endpoint: Endpoint, _ model: ServedModel
    ) throws(APIError) -> Int {
        let limit = min(endpoint.limits.choicesMax, model.engine.facts.choicesMax)
        guard let best = try fields.integer("best_of", in: 0...limit), best > 0 else { return generation.choices }
        guard best >= generation.choices else {
            throw .outOfRange("best_of", "\(best)", limit: "at least n, which is \(generation.choices)")
        }
        guard best == generation.choices || !generation.isStreamed else {
            throw .invalid("best_of", "'best_of' above 'n' is not allowed when 'stream' is true.")
        }
        return best
    }

    /// A string, an array of strings, an array of token ids, or an array of such arrays.
    private static func prompts(
        _ fields: inout RequestFields, _ model: ServedModel
    ) throws(APIError) -> [PromptSource] {
        guard let value = fields.value("prompt") else {
            throw .invalid("prompt", "Missing required parameter: 'prompt'.", code: "missing_required_parameter")
        }
        if let text = value.stringValue { return [.text(text)] }
        let expected = "a string, an array of strings, an array of token ids, or an array of those"
        guard let elements = value.arrayValue else { throw .wrongType("prompt", expected: expected, got: value) }
        guard let first = elements.first else { throw .outOfRange("prompt", "an empty array", limit: "allowed") }
        let size = model.engine.facts.vocabularySize
        if case .integer = first {
            return [.tokens(try RequestFields.tokens(elements, field: "prompt", vocabularySize: size))]
        }
        guard elements.count <= FieldLimits.promptsMax else {
            throw .outOfRange(
                "prompt", "an array of \(elements.count)", limit: "at most \(FieldLimits.promptsMax) prompts")
        }
        var sources: [PromptSource] = []
        for (index, element) in elements.enumerated() {
            let field = "prompt[\(index)]"
            switch (first, element) {
            case (.string, .string(let text)): sources.append(.text(text))
            case (.array, .array(let tokens)):
                guard !tokens.isEmpty else { throw .outOfRange(field, "an empty array", limit: "allowed") }
                sources.append(.tokens(try RequestFields.tokens(tokens, field: field, vocabularySize: size)))
            default: throw .wrongType(field, expected: "the same type as prompt[0]", got: element)
            }
        }
        return sources
    }
}

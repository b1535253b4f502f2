// ChatHandler.swift: POST /v1/chat/completions: messages in, a message out.
import Core
import JSON
import Service
import Text

enum ChatHandler {
    static func answer(_ call: Call) throws(APIError) {
        var fields = try call.fields()
        let (endpoint, model) = try call.resolve(&fields)
        var generation = try GenerationFields(&fields, endpoint: endpoint, model: model)
        try generation.readTokensMax(
            &fields, names: ["max_completion_tokens", "max_tokens"], least: 1, otherwise: nil,
            endpoint: endpoint, model: model)
        let logprobs = try logprobs(&fields)
        generation.sampling.logprobs = logprobs
        try refuseEcho(&fields)
        let conversation = try ConversationFields.conversation(&fields)
        try fields.refuseUnread()
        let shape = ChatShape(
            logprobs: logprobs.map { LogprobWriter(tokenizer: model.tokenizer, count: $0) },
            promptLogprobs: generation.sampling.promptLogprobs.map {
                LogprobWriter(tokenizer: model.tokenizer, count: $0)
            },
            returnsTokenIDs: generation.returnsTokenIDs,
            modelEnds: model.tokenizer.endTokens)
        let request = Answer.Request(
            endpoint: endpoint, model: model, fields: generation, sources: [.conversation(conversation)],
            promptField: "messages", addsSpecial: generation.addsSpecial ?? false,
            candidates: generation.choices, shape: shape,
            header: AnswerHeader(
                id: "chatcmpl-" + Identifier.random(bytes: 12), createdAt: Clock.unixSeconds,
                model: fields.object["model"]?.stringValue ?? endpoint.name))
        try Answer.start(request, call)
    }

    /// Alternatives per token, if log-probabilities are asked for.
    private static func logprobs(_ fields: inout RequestFields) throws(APIError) -> Int? {
        let wants = try fields.boolean("logprobs") ?? false
        let top = try fields.integer("top_logprobs", in: 0...FieldLimits.logprobsMax)
        if let top, top > 0, !wants {
            throw .invalid("top_logprobs", "'top_logprobs' is only allowed when 'logprobs' is true.")
        }
        return wants ? top ?? 0 : nil
    }

    /// vLLM repeats the last message on request; here `continue_final_message` is the way to go on with it.
    private static func refuseEcho(_ fields: inout RequestFields) throws(APIError) {
        if try fields.boolean("echo") == true { throw .unsupported("echo", "is not supported for chat") }
    }
}

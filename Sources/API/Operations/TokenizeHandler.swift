// TokenizeHandler.swift: POST /tokenize and /detokenize, in vLLM's shapes.
import Core
import Engine
import JSON
import Service
import Text

enum TokenizeHandler {
    static func tokenize(_ call: Call) throws(APIError) {
        var fields = try call.fields()
        let (endpoint, model) = try call.resolve(&fields)
        try check(call, endpoint)
        let source: PromptSource
        let isConversation: Bool
        if fields.object["messages"].map({ !$0.isNull }) ?? false {
            source = .conversation(try ConversationFields.conversation(&fields))
            isConversation = true
        } else {
            guard let text = try fields.string("prompt", bytesMax: .max) else {
                throw .invalid(
                    "prompt", "Missing required parameter: 'prompt' or 'messages'.",
                    code: "missing_required_parameter")
            }
            source = .text(text)
            isConversation = false
        }
        let addsSpecial = try fields.boolean("add_special_tokens") ?? !isConversation
        let showsTexts = try fields.boolean("return_token_strs") ?? false
        try UnsupportedFields.check(&fields)
        try fields.refuseUnread()
        let builder = PromptBuilder(model)
        let interest = Interest()
        call.reply.onDisconnect {
            interest.lose()
            call.reply.abandon(generation: nil)
        }
        do {
            try call.service.prepare(
                [source], for: interest, on: call.reply.queue,
                work: {
                    Result { () throws(PromptError) in
                        try builder.prompt(from: source, addsSpecial: addsSpecial)
                    }
                },
                reply: { outcome in
                    answer(outcome, call, model, field: isConversation ? "messages" : "prompt", showsTexts)
                })
        } catch {
            throw APIError(error)
        }
    }

    static func detokenize(_ call: Call) throws(APIError) {
        var fields = try call.fields()
        let (endpoint, model) = try call.resolve(&fields)
        try check(call, endpoint)
        let size = min(model.tokenizer.vocabularySize, model.engine.facts.vocabularySize)
        guard let tokens = try fields.tokens("tokens", vocabularySize: size, countMax: 4 << 20) else {
            throw .invalid("tokens", "Missing required parameter: 'tokens'.", code: "missing_required_parameter")
        }
        try fields.refuseUnread()
        let answer: JSONValue = ["prompt": .string(model.tokenizer.decode(tokens, skipSpecial: false))]
        call.reply.respond(200, body: answer.serialized())
    }

    private static func check(_ call: Call, _ endpoint: Endpoint) throws(APIError) {
        guard call.principal.mayUse(endpoint) else {
            throw APIError(AdmissionError.notAllowed(endpoint: endpoint.name))
        }
    }

    private static func answer(
        _ outcome: Result<Prompt, PromptError>, _ call: Call, _ model: ServedModel, field: String,
        _ showsTexts: Bool
    ) {
        let tokens: [TokenID]
        switch outcome {
        case .success(let prompt): tokens = prompt.tokens
        case .failure(let error): return call.reply.refuse(APIError(error, field: field))
        }
        var writer = JSONWriter(capacity: 64 + 8 * tokens.count)
        writer.beginObject()
        writer.key("count")
        writer.value(tokens.count)
        writer.key("max_model_len")
        writer.value(model.contextMax)
        writer.key("tokens")
        writer.beginArray()
        for token in tokens { writer.value(Int(token)) }
        writer.endArray()
        writer.key("token_strs")
        if showsTexts {
            writer.beginArray()
            for token in tokens { writer.value(model.tokenizer.text(of: token)) }
            writer.endArray()
        } else {
            writer.null()
        }
        writer.endObject()
        call.reply.respond(200, body: writer.bytes)
    }
}

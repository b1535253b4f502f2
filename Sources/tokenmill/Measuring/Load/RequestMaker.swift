// RequestMaker.swift: the bytes of each request under load: streamed, greedy, of a fixed length.
import JSON

enum LoadAPI: String, Sendable, CaseIterable {
    /// Prompts of token ids: exactly as long as asked, and no server's tokenizer at work.
    case completions
    /// Prompts of words, as many as make about as many tokens.
    case chat

    var path: String { self == .chat ? "/v1/chat/completions" : "/v1/completions" }
}

struct RequestMaker: Sendable {
    let target: LoadTarget
    let api: LoadAPI
    let model: String
    let key: String?
    /// What the server's tokenizer makes of the words of `PromptMaker`; for chat only.
    let tokensPerWord: Double
    var prompts: PromptMaker

    mutating func bytes(for planned: PlannedRequest) -> [UInt8] {
        var writer = JSONWriter(capacity: 256 + 8 * planned.promptTokens)
        writer.beginObject()
        writer.key("model")
        writer.value(model)
        writePrompt(tokens: planned.promptTokens, to: &writer)
        writer.key("max_tokens")
        writer.value(planned.outputTokens)
        writer.key("temperature")
        writer.value(0)
        writer.key("ignore_eos")
        writer.value(true)
        writer.key("stream")
        writer.value(true)
        writer.key("stream_options")
        writer.beginObject()
        writer.key("include_usage")
        writer.value(true)
        writer.endObject()
        writer.endObject()
        return target.request(api.path, key: key, body: writer.bytes)
    }

    private mutating func writePrompt(tokens: Int, to writer: inout JSONWriter) {
        switch api {
        case .completions:
            writer.key("prompt")
            writer.beginArray()
            for token in prompts.tokens(tokens) { writer.value(token) }
            writer.endArray()
        case .chat:
            writer.key("messages")
            writer.beginArray()
            writer.beginObject()
            writer.key("role")
            writer.value("user")
            writer.key("content")
            writer.value(prompts.words(max(1, Int(Double(tokens) / tokensPerWord))))
            writer.endObject()
            writer.endArray()
        }
    }
}

// AnswerShape.swift: how an endpoint's answers look, streamed and whole. Pure writers of JSON.
import Core
import Engine
import JSON
import Service

/// What every object of one answer repeats.
struct AnswerHeader: Sendable {
    let id: String
    let createdAt: Int
    /// The name that the caller used.
    let model: String

    func write(object: String, to writer: inout JSONWriter) {
        writer.key("id")
        writer.value(id)
        writer.key("object")
        writer.value(object)
        writer.key("created")
        writer.value(createdAt)
        writer.key("model")
        writer.value(model)
    }
}

/// One prompt of an answer, with what was reported about its tokens.
struct PromptRecord: Sendable {
    let prompt: Prompt
    var logprobs: [SampledToken] = []
}

protocol AnswerShape: Sendable {
    /// Whether the writer looks at tokens, not only at text.
    var needsTokens: Bool { get }
    /// Whether every choice begins with its prompt's log-probabilities.
    var needsPromptLogprobs: Bool { get }

    /// Writes the chunks' objects for one piece, each through `emit`. `record` has not taken the piece yet.
    func writeChunks(
        _ piece: ChoicePiece, of record: inout ChoiceRecord, prompt: PromptRecord, header: AnswerHeader,
        emit: ((inout JSONWriter) -> Void) -> Void)

    /// Writes the chunk that carries the usage alone.
    func writeUsageChunk(_ usage: TokenUsage, header: AnswerHeader, to writer: inout JSONWriter)

    /// Writes the whole answer. - choices: by index.  prompts: as many as were asked for.
    func writeWhole(
        _ choices: [ChoiceRecord], prompts: [PromptRecord], usage: TokenUsage, header: AnswerHeader,
        to writer: inout JSONWriter)
}

extension AnswerShape {
    static func write(_ usage: TokenUsage, to writer: inout JSONWriter) {
        writer.key("usage")
        writer.beginObject()
        writer.key("prompt_tokens")
        writer.value(usage.promptTokens)
        writer.key("completion_tokens")
        writer.value(usage.generatedTokens)
        writer.key("total_tokens")
        writer.value(usage.totalTokens)
        writer.key("prompt_tokens_details")
        writer.beginObject()
        writer.key("cached_tokens")
        writer.value(usage.cachedTokens)
        writer.endObject()
        writer.endObject()
    }

    static func writeIDs(_ name: String, _ tokens: some Sequence<TokenID>, to writer: inout JSONWriter) {
        writer.key(name)
        writer.beginArray()
        for token in tokens { writer.value(Int(token)) }
        writer.endArray()
    }

    /// `finish_reason` and `stop_reason`. - ends: tokens that end an answer by the model's own nature.
    static func write(
        _ finish: FinishReason?, modelEnds ends: Set<TokenID>, to writer: inout JSONWriter
    ) {
        writer.key("finish_reason")
        switch finish {
        case .stopToken, .stopString: writer.value("stop")
        case .length: writer.value("length")
        case .cancelled, .failed, nil: writer.null()
        }
        writer.key("stop_reason")
        switch finish {
        case .stopString(let text): writer.value(text)
        case .stopToken(let token) where !ends.contains(token): writer.value(Int(token))
        default: writer.null()
        }
    }
}

// ChatShape.swift: the answers of /v1/chat/completions.
import Core
import Engine
import JSON
import Service
import Text

struct ChatShape: AnswerShape {
    /// `nil` if the request asks for none.
    let logprobs: LogprobWriter?
    let promptLogprobs: LogprobWriter?
    let returnsTokenIDs: Bool
    let modelEnds: Set<TokenID>

    var needsTokens: Bool { logprobs != nil || returnsTokenIDs }
    var needsPromptLogprobs: Bool { false }

    func writeChunks(
        _ piece: ChoicePiece, of record: inout ChoiceRecord, prompt: PromptRecord, header: AnswerHeader,
        emit: ((inout JSONWriter) -> Void) -> Void
    ) {
        if !record.hasBegun {
            record.hasBegun = true
            emit { writer in
                begin(header, to: &writer)
                if piece.choice == 0 { writePromptFacts(prompt, to: &writer) }
                beginChoice(record.index, to: &writer)
                writer.key("role")
                writer.value("assistant")
                writer.key("content")
                writer.value("")
                writer.endObject()
                writer.key("logprobs")
                writer.null()
                writer.key("finish_reason")
                writer.null()
                end(to: &writer)
            }
        }
        guard !piece.text.isEmpty || piece.finish != nil || (needsTokens && !piece.tokens.isEmpty) else { return }
        emit { writer in
            begin(header, to: &writer)
            beginChoice(record.index, to: &writer)
            if !piece.text.isEmpty || piece.finish == nil {
                writer.key("content")
                writer.value(piece.text)
            }
            writer.endObject()
            writeTokens(piece.tokens, to: &writer)
            Self.write(piece.finish, modelEnds: modelEnds, to: &writer)
            end(to: &writer)
        }
    }

    func writeUsageChunk(_ usage: TokenUsage, header: AnswerHeader, to writer: inout JSONWriter) {
        writer.beginObject()
        header.write(object: "chat.completion.chunk", to: &writer)
        writer.key("choices")
        writer.beginArray()
        writer.endArray()
        Self.write(usage, to: &writer)
        writer.endObject()
    }

    func writeWhole(
        _ choices: [ChoiceRecord], prompts: [PromptRecord], usage: TokenUsage, header: AnswerHeader,
        to writer: inout JSONWriter
    ) {
        writer.beginObject()
        header.write(object: "chat.completion", to: &writer)
        writer.key("choices")
        writer.beginArray()
        for choice in choices {
            writer.beginObject()
            writer.key("index")
            writer.value(choice.index)
            writer.key("message")
            writer.beginObject()
            writer.key("role")
            writer.value("assistant")
            writer.key("content")
            writer.value(choice.text)
            writer.key("refusal")
            writer.null()
            writer.endObject()
            writeTokens(choice.tokens[...], to: &writer)
            Self.write(choice.finish, modelEnds: modelEnds, to: &writer)
            writer.endObject()
        }
        writer.endArray()
        Self.write(usage, to: &writer)
        if let prompt = prompts.first { writePromptFacts(prompt, to: &writer) }
        writer.endObject()
    }

    private func begin(_ header: AnswerHeader, to writer: inout JSONWriter) {
        writer.beginObject()
        header.write(object: "chat.completion.chunk", to: &writer)
    }

    private func beginChoice(_ index: Int, to writer: inout JSONWriter) {
        writer.key("choices")
        writer.beginArray()
        writer.beginObject()
        writer.key("index")
        writer.value(index)
        writer.key("delta")
        writer.beginObject()
    }

    private func end(to writer: inout JSONWriter) {
        writer.endObject()
        writer.endArray()
        writer.endObject()
    }

    private func writeTokens(_ tokens: ArraySlice<SampledToken>, to writer: inout JSONWriter) {
        writer.key("logprobs")
        if let logprobs { logprobs.writeChat(tokens, to: &writer) } else { writer.null() }
        if returnsTokenIDs { Self.writeIDs("token_ids", tokens.lazy.map(\.token), to: &writer) }
    }

    /// What was asked about the prompt stands beside the choices, once.
    private func writePromptFacts(_ prompt: PromptRecord, to writer: inout JSONWriter) {
        if let promptLogprobs {
            writer.key("prompt_logprobs")
            promptLogprobs.writePrompt(prompt.logprobs, to: &writer)
        }
        if returnsTokenIDs { Self.writeIDs("prompt_token_ids", prompt.prompt.tokens, to: &writer) }
    }
}

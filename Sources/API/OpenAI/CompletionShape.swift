// CompletionShape.swift: the answers of /v1/completions; streamed chunks and whole answers look alike.
import Core
import Engine
import JSON
import Service
import Text

struct CompletionShape: AnswerShape {
    let logprobs: LogprobWriter?
    let promptLogprobs: LogprobWriter?
    let returnsTokenIDs: Bool
    /// Puts the prompt before every choice.
    let echoes: Bool
    let tokenizer: Tokenizer
    let skipsSpecial: Bool
    let modelEnds: Set<TokenID>

    var needsTokens: Bool { logprobs != nil || returnsTokenIDs }
    var needsPromptLogprobs: Bool { promptLogprobs != nil || (echoes && logprobs != nil) }

    func writeChunks(
        _ piece: ChoicePiece, of record: inout ChoiceRecord, prompt: PromptRecord, header: AnswerHeader,
        emit: ((inout JSONWriter) -> Void) -> Void
    ) {
        let isFirst = !record.hasBegun
        record.hasBegun = true
        let text = (isFirst ? echo(of: prompt) : "") + piece.text
        let saysPrompt = isFirst && (returnsTokenIDs || promptLogprobs != nil)
        guard !text.isEmpty || piece.finish != nil || saysPrompt || (needsTokens && !piece.tokens.isEmpty)
        else { return }
        emit { writer in
            writer.beginObject()
            header.write(object: "text_completion", to: &writer)
            writer.key("choices")
            writer.beginArray()
            write(
                &record, text: text, tokens: Array(piece.tokens), finish: piece.finish,
                prompt: isFirst ? prompt : nil, to: &writer)
            writer.endArray()
            writer.endObject()
        }
    }

    func writeUsageChunk(_ usage: TokenUsage, header: AnswerHeader, to writer: inout JSONWriter) {
        writer.beginObject()
        header.write(object: "text_completion", to: &writer)
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
        let perPrompt = max(choices.count / max(prompts.count, 1), 1)
        writer.beginObject()
        header.write(object: "text_completion", to: &writer)
        writer.key("choices")
        writer.beginArray()
        for choice in choices {
            let prompt = prompts[choice.index / perPrompt]
            var record = choice
            write(
                &record, text: echo(of: prompt) + choice.text, tokens: choice.tokens, finish: choice.finish,
                prompt: prompt, to: &writer)
        }
        writer.endArray()
        Self.write(usage, to: &writer)
        writer.endObject()
    }

    private func echo(of prompt: PromptRecord) -> String {
        guard echoes else { return "" }
        return prompt.prompt.text ?? tokenizer.decode(prompt.prompt.tokens, skipSpecial: skipsSpecial)
    }

    /// - prompt: with the choice's first, or only, object.
    private func write(
        _ record: inout ChoiceRecord, text: String, tokens: [SampledToken], finish: FinishReason?,
        prompt: PromptRecord?, to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.key("index")
        writer.value(record.index)
        writer.key("text")
        writer.value(text)
        writer.key("logprobs")
        if let logprobs {
            let echoed = echoes ? prompt?.logprobs ?? [] : []
            logprobs.writeCompletion(echoed + tokens, offset: &record.textOffset, to: &writer)
        } else {
            writer.null()
        }
        Self.write(finish, modelEnds: modelEnds, to: &writer)
        if let prompt, let promptLogprobs {
            writer.key("prompt_logprobs")
            promptLogprobs.writePrompt(prompt.logprobs, to: &writer)
        }
        if returnsTokenIDs {
            if let prompt { Self.writeIDs("prompt_token_ids", prompt.prompt.tokens, to: &writer) }
            Self.writeIDs("token_ids", tokens.lazy.map(\.token), to: &writer)
        }
        writer.endObject()
    }
}

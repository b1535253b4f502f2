// LogprobWriter.swift: log-probabilities in the three forms that clients know.
// JSON has no infinity: what is impossible is written as -9999, as OpenAI does.
import Core
import Engine
import JSON
import Service
import Text

struct LogprobWriter: Sendable {
    static let least: Float = -9999
    let tokenizer: Tokenizer
    /// Alternatives to show; the engine may report more when someone else needs them.
    let count: Int

    /// Chat: `{"content": [...], "refusal": null}`.
    func writeChat(_ tokens: some Sequence<SampledToken>, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("content")
        writer.beginArray()
        for token in tokens {
            writer.beginObject()
            write(token.token, logprob: token.logprob?.logprob, to: &writer)
            writer.key("top_logprobs")
            writer.beginArray()
            for alternative in token.alternatives.prefix(count) {
                writer.beginObject()
                write(alternative.token, logprob: alternative.logprob, to: &writer)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.key("refusal")
        writer.null()
        writer.endObject()
    }

    /// Completions: four parallel arrays. - offset: of the first token's text, in Unicode scalars; moved on.
    func writeCompletion(_ tokens: [SampledToken], offset: inout Int, to writer: inout JSONWriter) {
        let texts = tokens.map { text(of: $0.token) }
        writer.beginObject()
        writer.key("text_offset")
        writer.beginArray()
        for text in texts {
            writer.value(offset)
            offset += text.unicodeScalars.count
        }
        writer.endArray()
        writer.key("token_logprobs")
        writer.beginArray()
        for token in tokens { write(token.logprob?.logprob, to: &writer) }
        writer.endArray()
        writer.key("tokens")
        writer.beginArray()
        for text in texts { writer.value(text) }
        writer.endArray()
        writer.key("top_logprobs")
        writer.beginArray()
        for token in tokens { writeTop(token, to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    /// vLLM's `prompt_logprobs`: per token, null or an object keyed by token id.
    func writePrompt(_ tokens: [SampledToken], to writer: inout JSONWriter) {
        writer.beginArray()
        for token in tokens {
            guard let own = token.logprob else {
                writer.null()
                continue
            }
            writer.beginObject()
            writePromptEntry(own, to: &writer)
            for alternative in token.alternatives.prefix(count) where alternative.token != own.token {
                writePromptEntry(alternative, to: &writer)
            }
            writer.endObject()
        }
        writer.endArray()
    }

    private func text(of token: TokenID) -> String { tokenizer.covers(token) ? tokenizer.text(of: token) : "" }

    private func writePromptEntry(_ entry: TokenLogprob, to writer: inout JSONWriter) {
        writer.key("\(entry.token)")
        writer.beginObject()
        writer.key("logprob")
        writer.value(max(entry.logprob, Self.least))
        writer.key("rank")
        writer.value(entry.rank)
        writer.key("decoded_token")
        writer.value(text(of: entry.token))
        writer.endObject()
    }

    private func write(_ token: TokenID, logprob: Float?, to writer: inout JSONWriter) {
        writer.key("token")
        writer.value(text(of: token))
        writer.key("logprob")
        writer.value(max(logprob ?? Self.least, Self.least))
        writer.key("bytes")
        writer.beginArray()
        for byte in tokenizer.covers(token) ? tokenizer.bytes(of: token) : [] { writer.value(Int(byte)) }
        writer.endArray()
    }

    /// By text; where two tokens read alike the likelier one is shown.
    private func writeTop(_ token: SampledToken, to writer: inout JSONWriter) {
        guard let own = token.logprob else { return writer.null() }
        var shown: Set<String> = []
        writer.beginObject()
        for entry in token.alternatives.prefix(count) + [own] {
            let text = text(of: entry.token)
            guard shown.insert(text).inserted else { continue }
            writer.key(text)
            writer.value(max(entry.logprob, Self.least))
        }
        writer.endObject()
    }

    private func write(_ logprob: Float?, to writer: inout JSONWriter) {
        guard let logprob else { return writer.null() }
        writer.value(max(logprob, Self.least))
    }
}

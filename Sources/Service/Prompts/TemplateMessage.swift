// TemplateMessage.swift: a caller's message as chat templates expect it.
// Keys keep their order; only what the published templates cannot read is rewritten:
// parts where the template wants a string, arguments that are JSON in a string, the two names of reasoning.
import JSON

enum TemplateMessage {
    static func prepared(_ message: JSONObject, takesParts: Bool) -> JSONObject {
        var prepared = message
        if !takesParts, let parts = message["content"]?.arrayValue {
            prepared["content"] = .string(text(of: parts))
        }
        if let calls = message["tool_calls"]?.arrayValue {
            prepared["tool_calls"] = .array(calls.map(withParsedArguments))
        }
        if let reasoning = message["reasoning"], message["reasoning_content"] == nil {
            prepared["reasoning_content"] = reasoning
        } else if let reasoning = message["reasoning_content"], message["reasoning"] == nil {
            prepared["reasoning"] = reasoning
        }
        return prepared
    }

    /// The rendered text up to the end of the last message's own text; `nil` if it is not in there.
    /// White space around the message's text is dropped where the template dropped it.
    static func reopened(_ text: String, after message: JSONObject?) -> String? {
        let content: String? = message?["content"].flatMap { content in
            content.stringValue ?? content.arrayValue.flatMap { $0.last?["text"]?.stringValue }
        }
        guard let content else { return nil }
        let rendered = Array(text.utf8)
        let whole = Array(content.utf8)
        let trimmedStart = whole.drop(while: isSpace)
        var trimmed = trimmedStart
        while let last = trimmed.last, isSpace(last) { trimmed.removeLast() }
        guard !trimmed.isEmpty, let start = rendered.lastStart(of: Array(trimmed)) else { return nil }
        let withTail = start + trimmedStart.count
        let keepsTail = withTail <= rendered.count && rendered[start..<withTail].elementsEqual(trimmedStart)
        return String(decoding: rendered[..<(keepsTail ? withTail : start + trimmed.count)], as: UTF8.self)
    }

    private static func text(of parts: [JSONValue]) -> String {
        parts.compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
    }

    private static func withParsedArguments(_ call: JSONValue) -> JSONValue {
        guard var object = call.objectValue, var function = object["function"]?.objectValue,
            let text = function["arguments"]?.stringValue,
            let arguments = try? JSONReader.parse(text), arguments.objectValue != nil
        else { return call }
        function["arguments"] = arguments
        object["function"] = .object(function)
        return .object(object)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

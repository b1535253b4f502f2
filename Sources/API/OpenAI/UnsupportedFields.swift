// UnsupportedFields.swift: fields that clients send with a value that asks for nothing.
// With that value they are taken; with any other they would change the output, and are refused by name.
import JSON

enum UnsupportedFields {
    private static let harmless: [(name: String, isHarmless: @Sendable (JSONValue) -> Bool)] = [
        ("response_format", { $0["type"]?.stringValue == "text" }),
        ("tools", { $0.arrayValue?.isEmpty == true }),
        ("tool_choice", { $0.stringValue == "none" }),
        ("functions", { $0.arrayValue?.isEmpty == true }),
        ("function_call", { $0.stringValue == "none" }),
        ("structured_outputs", { _ in false }),
        ("suffix", { $0.stringValue == "" }),
        ("modalities", { $0 == ["text"] }),
        ("use_beam_search", { $0.boolValue == false }),
        ("length_penalty", { $0.doubleValue == 1 }),
        ("spaces_between_special_tokens", { $0.boolValue == true }),
        ("return_tokens_as_token_ids", { $0.boolValue == false }),
    ]

    static func check(_ fields: inout RequestFields) throws(APIError) {
        for (name, isHarmless) in harmless {
            guard let value = fields.value(name), !isHarmless(value) else { continue }
            throw .unsupported(name, "is not supported by this server with this value")
        }
    }
}

// ConversationFields.swift: messages and template options, read and checked.
// Messages keep their keys and order; only their role and content are looked at here.
import JSON
import Service

enum ConversationFields {
    private static let roles = ["system", "developer", "user", "assistant", "tool", "function"]
    private static let efforts = ["none", "minimal", "low", "medium", "high", "xhigh"]
    /// Variables that are ours to set.
    private static let reserved = ["messages", "tools", "chat_template", "tokenize"]

    static func conversation(_ fields: inout RequestFields) throws(APIError) -> Conversation {
        guard let values = try fields.array("messages", countMax: FieldLimits.messagesMax) else {
            throw .invalid("messages", "Missing required parameter: 'messages'.", code: "missing_required_parameter")
        }
        guard !values.isEmpty else { throw .outOfRange("messages", "an empty array", limit: "allowed") }
        var messages: [JSONObject] = []
        for (index, value) in values.enumerated() {
            messages.append(try message(value, field: "messages[\(index)]"))
        }
        var conversation = Conversation(messages: messages)
        conversation.continuesFinalMessage = try fields.boolean("continue_final_message") ?? false
        let adds = try fields.boolean("add_generation_prompt")
        if conversation.continuesFinalMessage, adds == true {
            throw .invalid(
                "continue_final_message",
                "'continue_final_message' and 'add_generation_prompt' cannot both be true.")
        }
        conversation.addsGenerationPrompt = adds ?? !conversation.continuesFinalMessage
        conversation.template = try fields.string(
            "chat_template", bytesMax: FieldLimits.templateBytesMax, mayBeEmpty: false)
        conversation.variables = try fields.object("chat_template_kwargs") ?? JSONObject()
        for name in reserved where conversation.variables[name] != nil {
            throw .invalid("chat_template_kwargs", "'chat_template_kwargs' may not set '\(name)'.")
        }
        if let effort = try fields.string("reasoning_effort", bytesMax: 16) {
            guard efforts.contains(effort) else {
                throw .outOfRange("reasoning_effort", "'\(effort)'", limit: "one of \(list(efforts))")
            }
            if conversation.variables["reasoning_effort"] == nil {
                conversation.variables["reasoning_effort"] = .string(effort)
            }
        }
        return conversation
    }

    private static func message(_ value: JSONValue, field: String) throws(APIError) -> JSONObject {
        guard let message = value.objectValue else { throw .wrongType(field, expected: "an object", got: value) }
        guard let roleValue = message["role"] else {
            throw .invalid(
                "\(field).role", "Missing required parameter: '\(field).role'.",
                code: "missing_required_parameter")
        }
        guard let role = roleValue.stringValue else {
            throw .wrongType("\(field).role", expected: "a string", got: roleValue)
        }
        guard roles.contains(role) else {
            throw .outOfRange("\(field).role", "'\(role.prefix(64))'", limit: "one of \(list(roles))")
        }
        try checkContent(message["content"] ?? .null, role: role, message, field: "\(field).content")
        if let calls = message["tool_calls"], !calls.isNull, calls.arrayValue == nil {
            throw .wrongType("\(field).tool_calls", expected: "an array", got: calls)
        }
        return message
    }

    private static func checkContent(
        _ content: JSONValue, role: String, _ message: JSONObject, field: String
    ) throws(APIError) {
        switch content {
        case .string: return
        case .null:
            let hasCalls = ["tool_calls", "function_call"].contains { message[$0].map { !$0.isNull } ?? false }
            guard role == "assistant", hasCalls else {
                throw .wrongType(field, expected: "a string or an array of text parts", got: content)
            }
        case .array(let parts):
            guard parts.count <= FieldLimits.partsMax else {
                throw .outOfRange(
                    field, "an array of \(parts.count)", limit: "at most \(FieldLimits.partsMax) parts")
            }
            for (index, part) in parts.enumerated() { try checkPart(part, field: "\(field)[\(index)]") }
        default: throw .wrongType(field, expected: "a string or an array of text parts", got: content)
        }
    }

    private static func checkPart(_ part: JSONValue, field: String) throws(APIError) {
        guard let object = part.objectValue else { throw .wrongType(field, expected: "an object", got: part) }
        guard let type = object["type"]?.stringValue else {
            throw .wrongType("\(field).type", expected: "a string", got: object["type"] ?? .null)
        }
        guard type == "text" else {
            throw .outOfRange("\(field).type", "'\(type.prefix(64))'", limit: "'text', all that this model reads")
        }
        guard object["text"]?.stringValue != nil else {
            throw .wrongType("\(field).text", expected: "a string", got: object["text"] ?? .null)
        }
    }

    private static func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }
}

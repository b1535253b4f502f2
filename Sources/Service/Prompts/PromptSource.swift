// PromptSource.swift: the forms in which callers give a prompt.
import Core
import JSON

public enum PromptSource: Sendable {
    case text(String)
    case tokens([TokenID])
    case conversation(Conversation)

    /// About how much text there is to tokenize, in bytes.
    public var textBytes: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .tokens: 0
        case .conversation(let conversation):
            conversation.messages.reduce(0) { $0 + Self.bytes(of: .object($1)) }
        }
    }

    private static func bytes(of value: JSONValue) -> Int {
        switch value {
        case .string(let text): text.utf8.count
        case .array(let elements): elements.reduce(0) { $0 + bytes(of: $1) }
        case .object(let members): members.reduce(0) { $0 + bytes(of: $1.value) }
        default: 8
        }
    }
}

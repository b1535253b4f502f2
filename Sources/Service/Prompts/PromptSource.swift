// PromptSource.swift: the forms in which callers give a prompt.
import Core
import JSON

public enum PromptSource: Sendable {
    case text(String)
    case tokens([TokenID])
    case conversation(Conversation)

    /// About how much text there is to tokenize, in bytes.
    var textBytes: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .tokens: 0
        case .conversation(let conversation):
            conversation.messages.reduce(Self.bytes(of: .object(conversation.variables))) {
                $0 + Self.bytes(of: .object($1))
            }
        }
    }

    /// Whether a template of the caller's own renders it, whose work its size says nothing about.
    var bringsTemplate: Bool {
        if case .conversation(let conversation) = self { conversation.template != nil } else { false }
    }

    private static func bytes(of value: JSONValue) -> Int {
        switch value {
        case .string(let text): text.utf8.count
        case .array(let elements): elements.reduce(0) { $0 + bytes(of: $1) }
        case .object(let members): members.reduce(0) { $0 + $1.key.utf8.count + bytes(of: $1.value) }
        default: 8
        }
    }
}

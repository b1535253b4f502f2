// Conversation.swift: messages and how a template is to render them. Validated where it is made.
import JSON

public struct Conversation: Sendable {
    /// Objects as the caller sent them, keys in order.
    public var messages: [JSONObject]
    public var addsGenerationPrompt = true
    /// Leaves the last message open, for the model to go on with it.
    public var continuesFinalMessage = false
    /// Used instead of the model's own.
    public var template: String?
    /// Further variables for the template.
    public var variables = JSONObject()

    public init(messages: [JSONObject]) { self.messages = messages }
}

// PromptError.swift: why no prompt could be made.
import Core

public enum PromptError: Error, Sendable, Equatable {
    case noTemplate(model: String)
    /// The template is not valid, or refused the messages; in the words of the interpreter.
    case template(String, isRequests: Bool)
    /// The message to be continued has no text, or the template does not show it.
    case finalMessageNotFound
    case tokenOutOfRange(token: TokenID, vocabularySize: Int)
}

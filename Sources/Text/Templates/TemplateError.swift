// TemplateError.swift: why a chat template was refused or did not render.

/// A refusal; `exception` and `message` are those of Python's Jinja2 where it has the same case.
public struct TemplateError: Error, Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The template is not Jinja.
        case syntax
        /// An operation failed while rendering, as an addition of text and number.
        case runtime
        /// The template itself called `raise_exception`.
        case raised
        /// A limit was reached; its name and value.
        case limit(String, Int)
    }

    public let kind: Kind
    /// The name of the Python class, as `UndefinedError`.
    public let exception: String
    public let message: String
    /// The line in the template, for syntax errors.
    public let line: Int?

    public init(kind: Kind, exception: String, message: String, line: Int? = nil) {
        self.kind = kind
        self.exception = exception
        self.message = message
        self.line = line
    }
}

extension TemplateError: CustomStringConvertible {
    public var description: String {
        guard let line else { return "\(exception): \(message)" }
        return "\(exception): \(message) (line \(line) of the template)"
    }
}

extension TemplateError {
    static func syntax(_ message: String, line: Int) -> TemplateError {
        TemplateError(
            kind: .syntax, exception: "TemplateSyntaxError", message: message, line: line)
    }

    static func limit(_ name: String, _ value: Int) -> TemplateError {
        TemplateError(
            kind: .limit(name, value), exception: "LimitError",
            message: "the template exceeds \(name) = \(value)")
    }

    static func runtime(_ exception: String, _ message: String) -> TemplateError {
        TemplateError(kind: .runtime, exception: exception, message: message)
    }

    static func type(_ message: String) -> TemplateError { .runtime("TypeError", message) }

    static func value(_ message: String) -> TemplateError { .runtime("ValueError", message) }

    static func argument(_ message: String) -> TemplateError {
        .runtime("FilterArgumentError", message)
    }
}

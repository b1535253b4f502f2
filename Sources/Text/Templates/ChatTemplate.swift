// ChatTemplate.swift: turns a conversation into the prompt that a model was trained on.
// Never touches files, clocks or the network, and never runs longer than its limits allow.
// Its one idea: Jinja2 as transformers sets it up, parsed once, then rendered by a tree walk.
import JSON

/// A parsed chat template; immutable, rendered as often as wanted from any thread.
public struct ChatTemplate: Sendable {
    public struct Limits: Sendable {
        public var sourceBytesMax: Int
        /// Deepest nesting of expressions and of blocks in the source.
        public var nestingMax: Int
        /// Most steps of one rendering; a step is a node visited, an element made or 32 bytes.
        public var stepsMax: Int
        /// Deepest evaluation, macros included, and deepest value.
        public var depthMax: Int
        /// Largest output, and largest text or list on the way.
        public var outputBytesMax: Int

        public init(
            sourceBytesMax: Int = 1 << 20, nestingMax: Int = 100, stepsMax: Int = 20_000_000,
            depthMax: Int = 300, outputBytesMax: Int = 16 << 20
        ) {
            self.sourceBytesMax = sourceBytesMax
            self.nestingMax = nestingMax
            self.stepsMax = stepsMax
            self.depthMax = depthMax
            self.outputBytesMax = outputBytesMax
        }
    }

    private let template: Jinja.Template
    private let limits: Limits

    /// Parses the source with `trim_blocks` and `lstrip_blocks`, as transformers does.
    public init(_ source: String, limits: Limits = Limits()) throws(TemplateError) {
        try self.init(source, limits: limits, whitespace: .chat)
    }

    init(
        _ source: String, limits: Limits, whitespace: Jinja.Whitespace
    ) throws(TemplateError) {
        self.limits = limits
        template = try Jinja.Template(source, whitespace: whitespace, limits: limits)
    }

    /// Renders a conversation.
    /// - context: messages, tools, documents, add_generation_prompt, bos_token, eos_token and
    ///   whatever else the template reads.
    /// - now: what `strftime_now` answers.
    public func render(
        _ context: JSONObject, now: TemplateClock = .system()
    ) throws(TemplateError) -> String {
        let renderer = Jinja.Renderer(template, limits: limits, clock: now)
        defer { renderer.release() }
        do {
            return try renderer.render(context)
        } catch let error as TemplateError {
            throw error
        } catch {
            preconditionFailure("a renderer throws only template errors: \(error)")
        }
    }
}

/// The interpreter's own names, apart from those of the tokenizers.
enum Jinja {}

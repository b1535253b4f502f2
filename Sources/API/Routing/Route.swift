// Route.swift: one method on one path, who may call it, and what answers.

struct Route: Sendable {
    enum Access: Sendable {
        /// Anybody, even where keys are set: probes and metrics.
        case open
        /// Any valid key.
        case members
        /// Keys that may manage endpoints.
        case administrators
    }

    let method: String
    /// The path; `{id}` stands for one or more segments, for model names have slashes.
    let pattern: String
    let access: Access
    /// Routine calls are logged at debug level.
    let isRoutine: Bool
    let handler: @Sendable (Call) throws(APIError) -> Void
    let segments: [Substring]

    init(
        _ method: String, _ pattern: String, _ access: Access, isRoutine: Bool = false,
        handler: @escaping @Sendable (Call) throws(APIError) -> Void
    ) {
        self.method = method
        self.pattern = pattern
        self.access = access
        self.isRoutine = isRoutine
        self.handler = handler
        segments = pattern.split(separator: "/")
    }

    var takesBody: Bool { method == "POST" || method == "PATCH" }
}

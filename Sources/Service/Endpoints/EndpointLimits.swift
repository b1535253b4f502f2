// EndpointLimits.swift: what one endpoint lets its callers ask for, each bound with its unit.

/// Bounds that hold for every request to one endpoint.
public struct EndpointLimits: Sendable, Hashable {
    /// Requests admitted at once, running and waiting together.
    public var concurrentMax = 1024
    /// Requests that wait for their first token; one more is refused with a time to come back.
    public var waitingMax = 256
    /// Longest life of a request, from its last byte to the end of its answer.
    public var requestSecondsMax = 600.0
    /// Longest wait for the first token.
    public var queueSecondsMax = 120.0
    /// Most tokens of a prompt; `nil` leaves the model's context as the only bound.
    public var promptTokensMax: Int?
    /// Most tokens that one choice may generate; `nil` leaves the context as the only bound.
    public var outputTokensMax: Int?
    /// Most choices of one request: prompts times `n` (or `best_of`).
    public var choicesMax = 128

    public init() {}

    /// The first bound that makes no sense, in words, or `nil`.
    public var fault: String? {
        let counts = [
            ("concurrent_max", concurrentMax), ("waiting_max", waitingMax),
            ("choices_max", choicesMax), ("prompt_tokens_max", promptTokensMax ?? 1),
            ("output_tokens_max", outputTokensMax ?? 1),
        ]
        for (name, value) in counts where value < 1 { return "\(name) is \(value), and must be at least 1" }
        let times = [("request_seconds_max", requestSecondsMax), ("queue_seconds_max", queueSecondsMax)]
        for (name, value) in times where !(value > 0 && value <= 86_400) {
            return "\(name) is \(value), and must be above 0 and at most 86400"
        }
        return nil
    }
}

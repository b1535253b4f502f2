// RequestRecord.swift: one finished request as one line of the log.
// The fields are the log's whole vocabulary about a request; texts of users never appear in it.
import Logging

/// What is remembered of a request when it ends.
public struct RequestRecord: Sendable {
    public enum Outcome: String, Sendable {
        case completed, refused, cancelled, expired, failed
    }

    public var id: String
    public var method: String
    /// The route's pattern.
    public var route: String
    public var status: Int
    public var outcome: Outcome
    public var peer: String
    /// The caller's name; empty when no keys are set.
    public var principal = ""
    /// Why the request was not even routed, in words of ours.
    public var reason: String?
    public var generation: GenerationRecord?
    public var seconds: Double

    public init(
        id: String, method: String, route: String, status: Int, outcome: Outcome, peer: String, seconds: Double
    ) {
        self.id = id
        self.method = method
        self.route = route
        self.status = status
        self.outcome = outcome
        self.peer = peer
        self.seconds = seconds
    }

    /// Fixed order does not exist in metadata; handlers sort the keys.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "id": "\(id)", "method": "\(method)", "route": "\(route)", "status": .stringConvertible(status),
            "outcome": "\(outcome.rawValue)", "peer": "\(peer)", "seconds": Self.rounded(seconds),
        ]
        if let reason { metadata["reason"] = "\(reason)" }
        if !principal.isEmpty { metadata["key"] = "\(principal)" }
        guard let generation else { return metadata }
        metadata["endpoint"] = "\(generation.endpoint)"
        metadata["model"] = "\(generation.model)"
        metadata["prompt_tokens"] = .stringConvertible(generation.usage.promptTokens)
        metadata["cached_tokens"] = .stringConvertible(generation.usage.cachedTokens)
        metadata["generated_tokens"] = .stringConvertible(generation.usage.generatedTokens)
        metadata["queue_seconds"] = generation.queueSeconds.map(Self.rounded)
        metadata["first_token_seconds"] = generation.firstTokenSeconds.map(Self.rounded)
        return metadata
    }

    /// Six decimals: microseconds. Numbers stay numbers, for logs that are read by programs.
    private static func rounded(_ seconds: Double) -> Logger.Metadata.Value {
        .stringConvertible((seconds * 1_000_000).rounded() / 1_000_000)
    }
}

// GenerationRecord.swift: what a ticket leaves behind in the log.

/// The part of a record that only requests with a ticket have.
public struct GenerationRecord: Sendable {
    public let endpoint: String
    public let model: String
    public let usage: TokenUsage
    public let queueSeconds: Double?
    public let firstTokenSeconds: Double?
}

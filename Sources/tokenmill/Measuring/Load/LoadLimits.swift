// LoadLimits.swift: the bounds of the load generator.

enum LoadLimits {
    /// Requests that run at once; each has a connection.
    static let connectionsMax = 1024
    static let requestsMax = 200_000
    static let promptTokensMax = 1 << 20
    /// Of a head's line, a chunk's line or an event.
    static let lineBytesMax = 1 << 20
    /// Of an answer, streamed or not.
    static let answerBytesMax = 64 << 20
    /// Of an error's body; the rest is dropped.
    static let errorBytesMax = 2000
    /// Of one read.
    static let readBytes = 64 << 10
    /// For questions before the load: which model, how many tokens.
    static let questionSecondsMax = 30
    static let traceBytesMax = 256 << 20
}

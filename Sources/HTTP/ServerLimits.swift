// ServerLimits.swift: the bound of every buffer, queue and wait in the server.
// Values only. A limit is checked before the bytes it speaks of are kept.

/// How much, and for how long, the server bears with one client, and how many clients there may be.
public struct ServerLimits: Sendable, Hashable {
    // One request.
    public var requestLineBytesMax = 16 << 10
    public var headerBytesMax = 64 << 10
    public var headerCountMax = 200
    public var bodyBytesMax = 4 << 20
    /// Empty lines a client may send before a request line (RFC 9112 section 2.2).
    public var leadingLinesMax = 8
    public var chunkLineBytesMax = 32 << 10
    /// All chunk extensions of one body together (RFC 9112 section 7.1.1).
    public var chunkExtensionBytesMax = 64 << 10

    // One connection.
    /// Bytes of later requests that wait while an earlier one is answered; then reading pauses.
    public var pipelinedBytesMax = 64 << 10
    /// Requests answered in one turn of the queue before other connections get theirs.
    public var requestsPerTurnMax = 16
    /// Bytes that a slow reader may leave unsent; above it a stream is cut and no further request is
    /// taken. One write of a stream, or one whole answer, may go beyond it.
    public var outboundBytesMax = 1 << 20
    /// Bytes that must leave within each `stallSecondsMax`, or all that wait.
    public var stallBytesMin = 16 << 10
    /// Bytes discarded after the last answer, so that closing does not destroy it (RFC 9112 section
    /// 9.6).
    public var lingerBytesMax = 32 << 20

    // All connections.
    public var connectionsMax = 8192
    /// Connections beyond `connectionsMax` that are still told 503; above both, they are just
    /// closed.
    public var refusedConnectionsMax = 64
    public var acceptBacklogMax: Int32 = 1024

    // Seconds.
    public var handshakeSecondsMax = 10.0
    public var idleSecondsMax = 75.0
    /// From the first byte of a request to the end of its header section.
    public var headSecondsMax = 15.0
    /// From the end of the header section to the end of the body.
    public var bodySecondsMax = 120.0
    /// Without `stallBytesMin` bytes leaving while bytes wait.
    public var stallSecondsMax = 30.0
    public var lingerSecondsMax = 2.0
    /// How often a half-closed connection is looked at while its answer is still being made.
    public var halfClosedPollSeconds = 0.25

    public init() {}
}

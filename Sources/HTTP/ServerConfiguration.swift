// ServerConfiguration.swift: everything a server is told before it starts.

import HTTPTypes

/// Where, how and within which bounds to serve.
public struct ServerConfiguration: Sendable {
    /// An answer that is not the handler's to give: a refusal, a preflight's, or that to `OPTIONS *`.
    public struct OwnAnswer: Sendable, Hashable {
        public let status: HTTPResponse.Status
        /// Why a request or a connection is refused; nil if it is not.
        public let refusal: String?
        /// Nil where the request could not be understood that far.
        public let method: HTTPRequest.Method?
        public let peer: String

        public init(
            status: HTTPResponse.Status, refusal: String?, method: HTTPRequest.Method?, peer: String
        ) {
            self.status = status
            self.refusal = refusal
            self.method = method
            self.peer = peer
        }
    }

    public var listen: [ListenAddress]
    public var limits = ServerLimits()
    /// Applies to every internet address; Unix sockets stay plain.
    public var tls: TLSConfiguration?
    public var crossOrigin = CrossOriginPolicy()
    /// Serial queues that share the connections.
    public var shardCount = 2
    /// Fields and body of such an answer. Called once for each, on a shard queue, so that it may be
    /// counted and logged there.
    public var ownAnswer: @Sendable (OwnAnswer) -> (fields: HTTPFields, body: [UInt8]) =
        Self.plainAnswer

    public init(listen: [ListenAddress]) {
        self.listen = listen
    }

    /// `{"error":{"message":…}}` for a refusal, and nothing otherwise; messages are ours and need no
    /// escaping beyond quotes and backslashes.
    public static func plainAnswer(_ answer: OwnAnswer) -> (fields: HTTPFields, body: [UInt8]) {
        guard let refusal = answer.refusal else { return ([:], []) }
        var bytes = Array("{\"error\":{\"message\":\"".utf8)
        for byte in refusal.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                bytes.append(UInt8(ascii: "\\"))
            }
            bytes.append(byte < 0x20 ? UInt8(ascii: " ") : byte)
        }
        bytes.append(contentsOf: "\"}}".utf8)
        return ([.contentType: "application/json"], bytes)
    }
}

// ServerConfiguration.swift: everything a server is told before it starts.

import HTTPTypes

/// Where, how and within which bounds to serve.
public struct ServerConfiguration: Sendable {
    /// A refused request or connection, for logs and counters.
    public struct Refusal: Sendable, Hashable {
        public let status: HTTPResponse.Status
        public let message: String
        public let peer: String
    }

    public var listen: [ListenAddress]
    public var limits = ServerLimits()
    /// Applies to every internet address; Unix sockets stay plain.
    public var tls: TLSConfiguration?
    public var crossOrigin = CrossOriginPolicy()
    /// Serial queues that share the connections.
    public var shardCount = 2
    /// The body of an error that the server itself answers, and its media type.
    public var errorBody: @Sendable (HTTPResponse.Status, String) -> [UInt8] = Self.plainErrorBody
    public var errorContentType = "application/json"
    /// Called on a shard queue for each request that the server refuses itself.
    public var onRefusal: @Sendable (Refusal) -> Void = { _ in }

    public init(listen: [ListenAddress]) {
        self.listen = listen
    }

    /// `{"error":{"message":…}}`; messages are ours and need no escaping beyond quotes and backslashes.
    public static func plainErrorBody(_ status: HTTPResponse.Status, _ message: String) -> [UInt8] {
        var bytes = Array("{\"error\":{\"message\":\"".utf8)
        for byte in message.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte < 0x20 ? UInt8(ascii: " ") : byte)
        }
        bytes.append(contentsOf: "\"}}".utf8)
        return bytes
    }
}

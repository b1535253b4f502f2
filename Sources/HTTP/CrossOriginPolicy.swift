// CrossOriginPolicy.swift: which web pages of other origins may call this server from a browser (Fetch, CORS).
// Credentials are never allowed: keys travel in Authorization, cookies mean nothing here.

import HTTPTypes

/// Origins that are let in.
public struct CrossOriginPolicy: Sendable, Hashable {
    public enum Origins: Sendable, Hashable {
        case none, any, listed(Set<String>)
    }

    /// As a browser sends them: `https://example.com`, without a path.
    public var allowedOrigins: Origins
    public var allowedMethods: [String]
    /// How long a browser may remember a preflight's answer.
    public var maxAgeSeconds: Int

    public init(
        allowedOrigins: Origins = .none, allowedMethods: [String] = ["GET", "POST", "PATCH", "DELETE", "HEAD"],
        maxAgeSeconds: Int = 600
    ) {
        self.allowedOrigins = allowedOrigins
        self.allowedMethods = allowedMethods
        self.maxAgeSeconds = maxAgeSeconds
    }

    /// The fields that any response to a request with these fields carries.
    func responseFields(for request: HTTPFields) -> HTTPFields {
        switch allowedOrigins {
        case .none:
            return [:]
        case .any:
            return [.accessControlAllowOrigin: "*"]
        case .listed(let origins):
            guard let origin = request[.origin], origins.contains(origin) else { return [.vary: "Origin"] }
            return [.accessControlAllowOrigin: origin, .vary: "Origin"]
        }
    }

    /// Whether this is a browser asking leave, which is then for the policy, not the handler, to answer.
    func isPreflight(_ head: RequestHead) -> Bool {
        allowedOrigins != .none && head.method == .options && head.fields.contains(.origin)
            && head.fields.contains(.accessControlRequestMethod)
    }

    /// What a preflight's answer carries beyond `responseFields`.
    func preflightFields(for request: HTTPFields) -> HTTPFields {
        var fields: HTTPFields = [
            .accessControlAllowMethods: allowedMethods.joined(separator: ", "),
            .accessControlMaxAge: String(maxAgeSeconds),
        ]
        // Client libraries send telemetry fields of their own, so what is asked for is what is allowed.
        if let requested = request[.accessControlRequestHeaders] {
            fields[.accessControlAllowHeaders] = requested
        }
        return fields
    }
}

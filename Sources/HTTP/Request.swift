// Request.swift: what a handler is given: one whole, valid request.

import HTTPTypes

/// A request that has arrived to its end.
public struct Request: Sendable {
    /// Method, scheme, authority (of the target if it names one, or else Host), target and fields.
    public let head: HTTPRequest
    /// As it was sent: not decoded, not normalized, without the query. `*` for `OPTIONS *`.
    public let path: String
    public let query: String?
    public let body: [UInt8]
    /// The client's numeric address and port, or `unix`.
    public let peer: String
    public let isSecure: Bool

    public init(head: HTTPRequest, path: String, query: String?, body: [UInt8], peer: String, isSecure: Bool) {
        self.head = head
        self.path = path
        self.query = query
        self.body = body
        self.peer = peer
        self.isSecure = isSecure
    }

    init(_ request: ParsedRequest, peer: String, isSecure: Bool) {
        let head = request.head
        let path: String
        var query: String?
        var authority = head.fields[.host]
        switch head.target {
        case .origin(let named, let asked): (path, query) = (named, asked)
        // RFC 9112 section 3.2.2: a target that names its host overrules the Host field.
        case .absolute(let host, let named, let asked): (authority, path, query) = (host, named, asked)
        case .authority(let host): (authority, path) = (host, "")
        case .asterisk: path = "*"
        }
        self.head = HTTPRequest(
            method: head.method, scheme: isSecure ? "https" : "http", authority: authority,
            path: query.map { "\(path)?\($0)" } ?? path, headerFields: head.fields)
        self.path = path
        self.query = query
        body = request.body
        self.peer = peer
        self.isSecure = isSecure
    }
}

// IncomingRequest.swift: a whole HTTP request as handlers read it.
import HTTPTypes

struct IncomingRequest: Sendable {
    var method: String
    /// Without the query, not decoded.
    var path: String
    var query: String?
    var fields = HTTPFields()
    var body: [UInt8] = []
    var peer = ""
}

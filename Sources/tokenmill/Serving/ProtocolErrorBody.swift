// ProtocolErrorBody.swift: what the HTTP server answers on its own, in the shape of the API's errors,
// so that a client needs to know only one.
import HTTPTypes
import JSON

enum ProtocolErrorBody {
    static func bytes(_ status: HTTPResponse.Status, _ message: String) -> [UInt8] {
        let isServers = status.kind == .serverError
        let error: JSONValue = [
            "error": [
                "message": .string(message),
                "type": isServers ? "server_error" : "invalid_request_error",
                "param": nil, "code": nil,
            ]
        ]
        return error.serialized()
    }
}

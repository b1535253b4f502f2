// APIError.swift: what a caller is told when a request is refused: a status, words, and OpenAI's error object.
// Messages name the field, its value and the limit.
import JSON

struct APIError: Error, Equatable {
    enum Kind: String {
        case invalidRequest = "invalid_request_error"
        case authentication = "authentication_error"
        case permission = "permission_error"
        case notFound = "not_found_error"
        case rateLimit = "rate_limit_error"
        case unavailable = "service_unavailable_error"
        case server = "server_error"
    }

    var status: Int
    var kind: Kind
    var message: String
    /// The field at fault.
    var param: String?
    var code: String?
    var retryAfterSeconds: Int?
    /// With 405: the methods there are.
    var allow: [String] = []

    init(
        _ status: Int, _ kind: Kind, _ message: String, param: String? = nil, code: String? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        self.status = status
        self.kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.retryAfterSeconds = retryAfterSeconds
    }

    static func invalid(_ param: String?, _ message: String, code: String? = "invalid_value") -> APIError {
        APIError(400, .invalidRequest, message, param: param, code: code)
    }

    static func wrongType(_ param: String, expected: String, got value: JSONValue) -> APIError {
        invalid(
            param, "Invalid type for '\(param)': expected \(expected), but got \(words(for: value)).",
            code: "invalid_type")
    }

    static func outOfRange(_ param: String, _ value: String, limit: String) -> APIError {
        invalid(param, "Invalid value for '\(param)': \(value) is not \(limit).")
    }

    static func unsupported(_ param: String, _ reason: String) -> APIError {
        invalid(param, "Unsupported parameter: '\(param)' \(reason).", code: "unsupported_parameter")
    }

    /// `{"error": {...}}`
    var body: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        writer.key("message")
        writer.value(message)
        writer.key("type")
        writer.value(kind.rawValue)
        writer.key("param")
        if let param { writer.value(param) } else { writer.null() }
        writer.key("code")
        if let code { writer.value(code) } else { writer.null() }
        writer.endObject()
        writer.endObject()
    }

    private static func words(for value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "a boolean"
        case .integer(let number): "the number \(number)"
        case .double(let number): "the number \(number)"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

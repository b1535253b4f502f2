// Call.swift: one routed and authorized request, with everything its handler may use.
import JSON
import Service

struct Call: Sendable {
    /// Bodies nest no deeper, and hold no more values; their size is bounded where they arrive.
    static let limits = JSONReader.Limits(depthMax: 64, bytesMax: .max, valuesMax: 4 << 20)

    let request: IncomingRequest
    /// What `{id}` stands for in the route's pattern.
    let parameter: String
    let principal: Principal
    let reply: Reply
    let service: Service

    /// The body, which must be one JSON object.
    func fields() throws(APIError) -> RequestFields {
        guard !request.body.isEmpty else {
            throw .invalid(nil, "The request has no body; a JSON object is needed.", code: "invalid_json")
        }
        let value: JSONValue
        do {
            value = try JSONReader.parse(request.body, limits: Self.limits)
        } catch {
            throw .invalid(nil, "The body is not valid JSON: \(error).", code: "invalid_json")
        }
        guard let object = value.objectValue else {
            throw .invalid(nil, "The body must be a JSON object.", code: "invalid_json")
        }
        return RequestFields(object)
    }

    /// The endpoint and model that the field `model` names.
    func resolve(_ fields: inout RequestFields) throws(APIError) -> (endpoint: Endpoint, model: ServedModel) {
        let name = try fields.string("model", bytesMax: 1024)
        do {
            return try service.resolve(name)
        } catch {
            throw APIError(error)
        }
    }
}

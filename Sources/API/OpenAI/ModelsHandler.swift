// ModelsHandler.swift: GET /v1/models: what callers may pass as `model`, with limits and defaults.
import JSON
import Service

enum ModelsHandler {
    static func list(_ call: Call) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("object")
        writer.value("list")
        writer.key("data")
        writer.beginArray()
        for endpoint in call.service.endpoints.all where call.principal.mayUse(endpoint) {
            guard let model = call.service.model(named: endpoint.model) else { continue }
            write(endpoint.name, endpoint, model, to: &writer)
        }
        writer.endArray()
        writer.endObject()
        call.reply.respond(200, body: writer.bytes)
    }

    static func one(_ call: Call) throws(APIError) {
        let found: (endpoint: Endpoint, model: ServedModel)
        do {
            found = try call.service.resolve(call.parameter)
        } catch {
            throw APIError(error)
        }
        guard call.principal.mayUse(found.endpoint) else {
            throw APIError(AdmissionError.notAllowed(endpoint: found.endpoint.name))
        }
        var writer = JSONWriter()
        write(call.parameter, found.endpoint, found.model, to: &writer)
        call.reply.respond(200, body: writer.bytes)
    }

    private static func write(
        _ id: String, _ endpoint: Endpoint, _ model: ServedModel, to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.key("id")
        writer.value(id)
        writer.key("object")
        writer.value("model")
        writer.key("created")
        writer.value(endpoint.createdAt)
        writer.key("owned_by")
        writer.value(model.owner)
        writer.key("root")
        writer.value(model.id)
        writer.key("parent")
        writer.null()
        writer.key("max_model_len")
        writer.value(model.contextMax)
        writer.key("generation_defaults")
        write(model.defaults, to: &writer)
        writer.endObject()
    }

    /// Values that hold when a request leaves a field out.
    private static func write(_ defaults: GenerationDefaults, to writer: inout JSONWriter) {
        writer.beginObject()
        let numbers: [(String, Float)] = [
            ("temperature", defaults.temperature ?? 1), ("top_p", defaults.topP ?? 1),
            ("min_p", defaults.minP ?? 0), ("repetition_penalty", defaults.repetitionPenalty ?? 1),
        ]
        for (name, value) in numbers {
            writer.key(name)
            writer.value(value)
        }
        writer.key("top_k")
        writer.value(defaults.topK ?? 0)
        writer.key("max_tokens")
        if let tokensMax = defaults.tokensMax { writer.value(tokensMax) } else { writer.null() }
        writer.endObject()
    }
}

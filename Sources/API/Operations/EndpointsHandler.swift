// EndpointsHandler.swift: /v0/dedicated_endpoints: endpoints made, seen, changed and removed at run time.
import JSON
import Service

enum EndpointsHandler {
    static func list(_ call: Call) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("object")
        writer.value("list")
        writer.key("data")
        writer.beginArray()
        for endpoint in call.service.endpoints.all where call.principal.mayUse(endpoint) {
            write(endpoint, call, to: &writer)
        }
        writer.endArray()
        writer.endObject()
        call.reply.respond(200, body: writer.bytes)
    }

    static func one(_ call: Call) throws(APIError) {
        respond(200, with: try find(call), call)
    }

    static func create(_ call: Call) throws(APIError) {
        var fields = try call.fields()
        guard let name = try fields.string("name", bytesMax: EndpointRegistry.nameBytesMax, mayBeEmpty: false)
        else {
            throw .invalid("name", "Missing required parameter: 'name'.", code: "missing_required_parameter")
        }
        let model = try EndpointFields.model(&fields, call.service)
        guard let model = model ?? call.service.models.first else { throw APIError(AdmissionError.loading) }
        var changes = EndpointFields(limits: call.service.configuration.limits)
        try changes.read(&fields)
        try fields.refuseUnread()
        let endpoint: Endpoint
        do {
            endpoint = try call.service.endpoints.create(
                name: name, model: model.id, limits: changes.limits, scaling: changes.scaling,
                placement: changes.placement, createdAt: Clock.unixSeconds)
        } catch {
            throw APIError(error)
        }
        respond(201, with: endpoint, call)
    }

    static func update(_ call: Call) throws(APIError) {
        let found = try find(call)
        var fields = try call.fields()
        let name = try fields.string("name", bytesMax: EndpointRegistry.nameBytesMax, mayBeEmpty: false)
        let model = try EndpointFields.model(&fields, call.service)
        var changes = EndpointFields(found)
        try changes.read(&fields)
        try fields.refuseUnread()
        let final = changes
        let endpoint: Endpoint
        do {
            endpoint = try call.service.endpoints.update(found.id) { endpoint in
                if let name { endpoint.name = name }
                if let model { endpoint.model = model.id }
                endpoint.limits = final.limits
                endpoint.scaling = final.scaling
                endpoint.placement = final.placement
                endpoint.replicas = final.replicas
            }
        } catch {
            throw APIError(error)
        }
        respond(200, with: endpoint, call)
    }

    static func remove(_ call: Call) throws(APIError) {
        let found = try find(call)
        do {
            _ = try call.service.removeEndpoint(found.id)
        } catch {
            throw APIError(error)
        }
        let answer: JSONValue = [
            "id": .string(found.id), "object": "dedicated_endpoint", "deleted": true,
        ]
        call.reply.respond(200, body: answer.serialized())
    }

    static func autoscaling(_ call: Call) throws(APIError) {
        let endpoint = try find(call)
        guard let hint = call.service.scalingHint(for: endpoint), let load = call.service.load(of: endpoint)
        else { throw APIError(AdmissionError.loading) }
        var writer = JSONWriter()
        EndpointWriter.write(hint, of: endpoint, load: load, to: &writer)
        call.reply.respond(200, body: writer.bytes)
    }

    /// By id, name or routing key. What a key may not use it does not see either.
    private static func find(_ call: Call) throws(APIError) -> Endpoint {
        guard let endpoint = call.service.endpoints.find(call.parameter), call.principal.mayUse(endpoint) else {
            throw APIError(EndpointError.unknown(id: call.parameter))
        }
        return endpoint
    }

    private static func write(_ endpoint: Endpoint, _ call: Call, to writer: inout JSONWriter) {
        EndpointWriter.write(
            endpoint, load: call.service.load(of: endpoint), hint: call.service.scalingHint(for: endpoint),
            to: &writer)
    }

    private static func respond(_ status: Int, with endpoint: Endpoint, _ call: Call) {
        var writer = JSONWriter()
        write(endpoint, call, to: &writer)
        call.reply.respond(status, body: writer.bytes)
    }
}

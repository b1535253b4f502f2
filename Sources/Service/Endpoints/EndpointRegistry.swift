// EndpointRegistry.swift: which endpoints exist now. Changed at run time, read by every request.
// It decides names and identity; what a request may do with an endpoint is admission's business.
import JSON
import Scheduling
import Synchronization

/// The endpoints, in order of creation.
public final class EndpointRegistry: Sendable {
    public static let endpointsMax = 256
    public static let nameBytesMax = 256

    private struct State {
        var endpoints: [Endpoint] = []
        /// Ids, names and routing keys to positions.
        var positions: [String: Int] = [:]

        mutating func index() {
            positions.removeAll(keepingCapacity: true)
            for (position, endpoint) in endpoints.enumerated() {
                for key in [endpoint.id, endpoint.name, endpoint.routingKey] { positions[key] = position }
            }
        }
    }

    private let state = Mutex(State())

    public init() {}

    public var all: [Endpoint] { state.withLock { $0.endpoints } }

    /// Finds an endpoint by id, name or routing key.
    public func find(_ key: String) -> Endpoint? {
        state.withLock { state in state.positions[key].map { state.endpoints[$0] } }
    }

    /// The model's first endpoint.
    public func first(ofModel model: String) -> Endpoint? {
        state.withLock { $0.endpoints.first { $0.model == model } }
    }

    /// Adds an endpoint under a fresh id and routing key.
    public func create(
        name: String, model: String, limits: EndpointLimits = EndpointLimits(),
        scaling: ScalingPolicy = ScalingPolicy(), placement: JSONObject = JSONObject(), createdAt: Int
    ) throws(EndpointError) -> Endpoint {
        let id = "endpoint-" + Identifier.random(bytes: 8)
        let routingKey = "\(name.utf8.count <= 64 ? name : "endpoint")-" + Identifier.random(bytes: 6)
        var endpoint = Endpoint(id: id, name: name, model: model, routingKey: routingKey, createdAt: createdAt)
        endpoint.limits = limits
        endpoint.scaling = scaling
        endpoint.placement = placement
        let added = endpoint
        return try change { state throws(EndpointError) in
            guard state.endpoints.count < Self.endpointsMax else { throw .tooMany(limit: Self.endpointsMax) }
            try Self.check(added, in: state)
            state.endpoints.append(added)
            return added
        }
    }

    /// Replaces an endpoint's changeable parts; its id, routing key and time of creation stay.
    public func update(
        _ id: String, _ edit: (inout Endpoint) -> Void
    ) throws(EndpointError) -> Endpoint {
        try change { state throws(EndpointError) in
            guard let position = state.endpoints.firstIndex(where: { $0.id == id }) else { throw .unknown(id: id) }
            var endpoint = state.endpoints[position]
            edit(&endpoint)
            try Self.check(endpoint, in: state)
            state.endpoints[position] = endpoint
            return endpoint
        }
    }

    /// Requests already admitted run to their end.
    public func remove(_ id: String) throws(EndpointError) -> Endpoint {
        try change { state throws(EndpointError) in
            guard let position = state.endpoints.firstIndex(where: { $0.id == id }) else { throw .unknown(id: id) }
            return state.endpoints.remove(at: position)
        }
    }

    private func change(
        _ edit: (inout State) throws(EndpointError) -> Endpoint
    ) throws(EndpointError) -> Endpoint {
        let outcome: Result<Endpoint, EndpointError> = state.withLock { state in
            do throws(EndpointError) {
                let endpoint = try edit(&state)
                state.index()
                return .success(endpoint)
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private static func check(_ endpoint: Endpoint, in state: State) throws(EndpointError) {
        let name = endpoint.name
        guard (1...nameBytesMax).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { throw .nameInvalid(name) }
        if let position = state.positions[name], state.endpoints[position].id != endpoint.id {
            throw .nameTaken(name)
        }
        if let fault = endpoint.limits.fault { throw .limits(fault) }
        do {
            try endpoint.scaling.validate()
        } catch {
            throw .scaling(error)
        }
    }
}

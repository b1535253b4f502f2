// Endpoint.swift: what a customer buys: a name, a model, limits and a scaling policy.
// A value; the registry owns the current one, a request keeps the one it was admitted with.
import JSON
import Scheduling

/// One way to reach a model, with its own limits, figures and scaling.
public struct Endpoint: Sendable, Hashable {
    /// Never changes and is never used twice.
    public let id: String
    /// Unique among the endpoints; callers may pass it as `model`.
    public var name: String
    /// The id of the served model behind it.
    public var model: String
    public var limits = EndpointLimits()
    public var scaling = ScalingPolicy()
    /// Replicas that exist now, as far as this process was told; it sees only itself.
    public var replicas = 1
    /// Unique; callers may pass it as `model`, whatever the endpoint's name becomes.
    public let routingKey: String
    /// Unix seconds.
    public let createdAt: Int
    /// What an orchestrator wants remembered about it (region, flavor, kind of machine); not interpreted here.
    public var placement = JSONObject()

    public init(id: String, name: String, model: String, routingKey: String, createdAt: Int) {
        self.id = id
        self.name = name
        self.model = model
        self.routingKey = routingKey
        self.createdAt = createdAt
    }
}

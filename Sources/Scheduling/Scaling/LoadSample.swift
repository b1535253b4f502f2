// LoadSample.swift: one look at an endpoint's load.

/// Gauges and running totals of the observed replicas at one moment.
/// A process that sees only itself passes its own figures with `observed` 1 and the endpoint's
/// `replicas`; the load is then taken to be spread evenly. A gateway passes sums, with `observed`
/// equal to `replicas`.
public struct LoadSample: Sendable, Hashable {
    /// Monotonic seconds.
    public var time: Double
    /// Replicas that the endpoint has now; 0 when it sleeps.
    public var replicas = 1
    /// How many replicas the figures below sum over; 0 when requests wait in front of a sleeping
    /// endpoint.
    public var observed = 1
    public var running = 0
    public var waiting = 0
    /// Most sequences that one replica runs at once.
    public var sequencesMax = 1
    /// Mean over the observed replicas, 0 to 1.
    public var cacheUsage = 0.0
    /// Totals since start; one that shrinks is taken as a restart.
    public var requestsTotal: UInt64 = 0
    public var promptTokensTotal: UInt64 = 0
    public var generatedTokensTotal: UInt64 = 0

    public init(time: Double) { self.time = time }

    /// What one observed replica stands for.
    var share: Double { observed > 0 ? Double(replicas) / Double(observed) : 1 }

    var demand: Int { running + waiting }

    /// The endpoint's concurrent requests, and its demand and cache in units of whole replicas.
    var concurrent: Double { Double(demand) * share }
    var cacheReplicas: Double { cacheUsage * Double(observed) * share }
    var capacityReplicas: Double { max(concurrent / Double(max(sequencesMax, 1)), cacheReplicas) }
}

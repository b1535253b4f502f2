// EndpointLoad.swift: how busy an endpoint is, for people and orchestrators.
import Engine

public struct EndpointLoad: Sendable, Hashable {
    /// Choices being worked on, and choices without a first token yet.
    public var running = 0
    public var waiting = 0
    /// 0 to 1, of the engine behind it.
    public var cacheUsage = 0.0
    /// Over the last ten seconds.
    public var requestsPerSecond = 0.0
    public var promptTokensPerSecond = 0.0
    public var generatedTokensPerSecond = 0.0
}

extension Service {
    /// The load of this moment; `nil` if the endpoint's model is not loaded.
    public func load(of endpoint: Endpoint) -> EndpointLoad? {
        guard let model = models.first(where: { $0.id == endpoint.model }) else { return nil }
        let counts = admission.counts(of: endpoint.id)
        let rates = meter(of: endpoint, model: model).rates
        return EndpointLoad(
            running: counts.runningChoices, waiting: counts.waitingChoices,
            cacheUsage: model.engine.load().cacheUsage, requestsPerSecond: rates.requestsPerSecond,
            promptTokensPerSecond: rates.promptTokensPerSecond,
            generatedTokensPerSecond: rates.generatedTokensPerSecond)
    }
}

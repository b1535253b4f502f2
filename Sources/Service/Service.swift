// Service.swift: the models and endpoints of this process, and the one door to them.
// It decides who may enter; the engine decides what runs when; the API speaks to the outside.
import Core
import Dispatch
import Engine
import Logging
import Scheduling
import Synchronization

/// Everything between the API and the engines.
public final class Service: Sendable {
    private struct State {
        var models: [ServedModel] = []
        /// By endpoint id.
        var meters: [String: EndpointMeter] = [:]
        var isTicking = false
    }

    public let configuration: ServiceConfiguration
    public let endpoints = EndpointRegistry()
    public let httpMeter = HTTPMeter()
    /// Unix seconds.
    public let startedAt: Int
    let admission = Admission()
    private let logger: Logger
    private let state = Mutex(State())
    private let workers: PromptWorkers
    private let ticks = DispatchQueue(label: "tokenmill.ticks")
    private static let tickMilliseconds = 100
    private static let ticksPerSample = 10

    public init(configuration: ServiceConfiguration = ServiceConfiguration(), logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        workers = PromptWorkers(waitingMax: configuration.longPromptsMax)
        startedAt = Clock.unixSeconds
    }

    public var models: [ServedModel] { state.withLock { $0.models } }

    /// Makes a loaded model reachable; it gets an endpoint of its own name if none points to it.
    /// Traps if the id is taken: models are named by the settings.
    public func add(_ model: ServedModel) {
        state.withLock { state in
            precondition(!state.models.contains { $0.id == model.id }, "model \(model.id) is served twice")
            state.models.append(model)
        }
        guard endpoints.first(ofModel: model.id) == nil else { return }
        do {
            _ = try endpoints.create(
                name: model.id, model: model.id, limits: configuration.limits, createdAt: model.createdAt)
        } catch {
            logger.error("no endpoint for the model", metadata: ["model": "\(model.id)", "error": "\(error)"])
        }
    }

    public func model(named name: String) -> ServedModel? {
        models.first { $0.id == name || $0.aliases.contains(name) }
    }

    /// Loaded, and open for new requests.
    public var isReady: Bool { !models.isEmpty && !isDraining }

    /// The endpoint and model for what a request calls `model`; `nil` means the only, or first, endpoint.
    public func resolve(_ name: String?) throws(AdmissionError) -> (endpoint: Endpoint, model: ServedModel) {
        let models = models
        guard let firstModel = models.first else { throw .loading }
        guard let name else {
            guard let endpoint = endpoints.first(ofModel: firstModel.id) else { throw .modelUnknown(name: "") }
            return (endpoint, firstModel)
        }
        if let endpoint = endpoints.find(name), let model = models.first(where: { $0.id == endpoint.model }) {
            return (endpoint, model)
        }
        guard let model = models.first(where: { $0.id == name || $0.aliases.contains(name) }),
            let endpoint = endpoints.first(ofModel: model.id)
        else { throw .modelUnknown(name: name) }
        return (endpoint, model)
    }

    /// Takes a request in. The ticket must be closed when its answer has ended.
    /// - candidates: choices to generate for each of the `prompts`.
    public func admit(
        to endpoint: Endpoint, of model: ServedModel, principal: Principal, prompts: Int, candidates: Int
    ) throws(AdmissionError) -> Ticket {
        guard principal.mayUse(endpoint) else { throw .notAllowed(endpoint: endpoint.name) }
        let (choices, limit) = (prompts * candidates, endpoint.limits.choicesMax)
        guard choices <= limit else {
            throw .choicesTooMany(prompts: prompts, candidates: candidates, limit: limit)
        }
        return try admission.admit(
            endpoint: endpoint, model: model, principal: principal, choices: choices,
            meter: meter(of: endpoint, model: model))
    }

    /// Makes prompts of `sources` with `work`: at once if that is sure to be quick, else on a worker.
    /// - interest: once it is lost, work that waits is dropped and `reply` not called.
    /// - reply: called on `queue`, the caller's own; before this call returns if the work is quick.
    public func prepare<Value: Sendable>(
        _ sources: [PromptSource], for interest: Interest, on queue: DispatchQueue,
        work: @escaping @Sendable () -> Value, reply: @escaping @Sendable (Value) -> Void
    ) throws(AdmissionError) {
        let bytes = sources.reduce(0) { $0 + $1.textBytes }
        guard bytes > configuration.inlineTextBytesMax || sources.contains(where: \.bringsTemplate) else {
            return reply(work())
        }
        try workers.run(for: interest, on: queue, work: work, reply: reply)
    }

    public var isDraining: Bool { admission.isDraining }
    /// Admitted requests whose answers have not ended.
    public var liveRequests: Int { admission.liveCount }

    /// Starts looking at deadlines and load; goes on while the service exists. Called once.
    public func start() {
        let wasTicking = state.withLock { state in
            defer { state.isTicking = true }
            return state.isTicking
        }
        precondition(!wasTicking, "the service is started twice")
        scheduleTick(1)
    }

    private func scheduleTick(_ number: Int) {
        ticks.asyncAfter(deadline: .now() + .milliseconds(Self.tickMilliseconds)) { [weak self] in
            self?.tick(samplesLoad: number % Self.ticksPerSample == 0)
            self?.scheduleTick(number + 1)
        }
    }

    /// Refuses new requests; the engines finish what runs until `deadline`, then cancel the rest.
    public func drain(until deadline: DispatchTime) {
        admission.drain()
        for model in models { model.engine.shutDown(drainUntil: deadline) }
    }

    /// Looks at deadlines once, and at the load if asked to; the ticker calls it, and tests do.
    func tick(samplesLoad: Bool, at time: UInt64 = Clock.nanoseconds) {
        admission.expire(at: time)
        guard samplesLoad else { return }
        let models = models
        for endpoint in endpoints.all {
            guard let model = models.first(where: { $0.id == endpoint.model }) else { continue }
            meter(of: endpoint, model: model).sample(
                endpoint, counts: admission.counts(of: endpoint.id),
                sequencesMax: model.engine.facts.sequencesMax, cacheUsage: model.engine.load().cacheUsage,
                at: time)
        }
    }

    /// The scaling advice of this moment.
    public func scalingHint(for endpoint: Endpoint) -> ScalingHint? {
        guard let model = models.first(where: { $0.id == endpoint.model }) else { return nil }
        return meter(of: endpoint, model: model).hint(for: endpoint.scaling)
    }

    /// Removes an endpoint with its figures.
    public func removeEndpoint(_ id: String) throws(EndpointError) -> Endpoint {
        let endpoint = try endpoints.remove(id)
        state.withLock { _ = $0.meters.removeValue(forKey: id) }
        return endpoint
    }

    /// Writes one line about a finished request.
    /// - isRoutine: health checks and the like, for the debug level.
    public func log(_ record: RequestRecord, isRoutine: Bool) {
        logger.log(level: isRoutine ? .debug : .info, "request", metadata: record.metadata)
    }

    func meter(of endpoint: Endpoint, model: ServedModel) -> EndpointMeter {
        state.withLock { state in
            if let meter = state.meters[endpoint.id] { return meter }
            let meter = EndpointMeter(contextMax: model.contextMax, policy: endpoint.scaling)
            state.meters[endpoint.id] = meter
            return meter
        }
    }
}

// Ticket.swift: the right of one admitted request to be worked on, from admission to its answer's end.
// It counts what the request uses and knows its deadlines; it never touches a connection.
import Dispatch
import Synchronization

/// One admitted request. Must be closed exactly once; further calls do nothing.
public final class Ticket: Sendable {
    struct State {
        var usage = TokenUsage()
        var isStarted = false
        var isClosed = false
        var scheduledAt: UInt64?
        var firstTokenAt: UInt64?
        var expire: (@Sendable (Expiry) -> Void)?
    }

    let number: UInt64
    public let endpoint: Endpoint
    public let model: ServedModel
    public let principal: Principal
    /// Choices that the request asks for, over all its prompts.
    public let choices: Int
    /// Monotonic nanoseconds.
    public let admittedAt: UInt64
    let meter: EndpointMeter
    private let admission: Admission
    private let state = Mutex(State())

    init(
        number: UInt64, endpoint: Endpoint, model: ServedModel, principal: Principal, choices: Int,
        meter: EndpointMeter, admission: Admission
    ) {
        self.number = number
        self.endpoint = endpoint
        self.model = model
        self.principal = principal
        self.choices = choices
        self.meter = meter
        self.admission = admission
        admittedAt = Clock.nanoseconds
    }

    public var usage: TokenUsage { state.withLock { $0.usage } }

    /// What is to happen when a deadline passes; called at most once, on any thread.
    public func onExpiry(_ action: @escaping @Sendable (Expiry) -> Void) {
        state.withLock { if !$0.isClosed { $0.expire = action } }
    }

    /// Gives the place back. - Returns: what the log wants to know; `nil` if it was closed before.
    @discardableResult
    public func close() -> GenerationRecord? {
        let final: State? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.isClosed = true
            state.expire = nil
            return state
        }
        guard let final else { return nil }
        admission.release(self, wasStarted: final.isStarted)
        return GenerationRecord(
            endpoint: endpoint.name, model: model.id, usage: final.usage,
            queueSeconds: final.scheduledAt.map { Clock.seconds(from: admittedAt, to: $0) },
            firstTokenSeconds: final.firstTokenAt.map { Clock.seconds(from: admittedAt, to: $0) })
    }

    func add(promptTokens: Int) { state.withLock { $0.usage.promptTokens += promptTokens } }

    func add(cachedTokens: Int) { state.withLock { $0.usage.cachedTokens += cachedTokens } }

    /// Notes new tokens and when the first ones came.
    func add(generatedTokens: Int, scheduledAt: UInt64, at time: UInt64) {
        let isFirst = state.withLock { state in
            state.usage.generatedTokens += generatedTokens
            if state.scheduledAt == nil, scheduledAt > 0 { state.scheduledAt = max(scheduledAt, admittedAt) }
            if state.firstTokenAt == nil, generatedTokens > 0 { state.firstTokenAt = time }
            let isFirst = !state.isStarted
            state.isStarted = true
            return isFirst && !state.isClosed
        }
        if isFirst { admission.start(self) }
    }

    /// Calls the expiry action if a deadline has passed.
    func expire(at time: UInt64) {
        let seconds = Clock.seconds(from: admittedAt, to: time)
        let limits = endpoint.limits
        let missed: (Expiry, (@Sendable (Expiry) -> Void))? = state.withLock { state in
            guard let action = state.expire else { return nil }
            let expiry: Expiry
            if seconds >= limits.requestSecondsMax {
                expiry = .running(limitSeconds: limits.requestSecondsMax)
            } else if !state.isStarted, seconds >= limits.queueSecondsMax {
                expiry = .waiting(limitSeconds: limits.queueSecondsMax)
            } else {
                return nil
            }
            state.expire = nil
            return (expiry, action)
        }
        if let (expiry, action) = missed { action(expiry) }
    }
}

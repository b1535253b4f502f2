// Admission.swift: whether there is room for one more request, and who is inside.
// It never queues anything itself: a request is either admitted and handed on, or refused at once.
import Synchronization

/// The bounded set of live requests.
final class Admission: Sendable {
    /// Requests inside one endpoint.
    struct Counts: Sendable, Hashable {
        var requests = 0
        var waiting = 0
        var waitingChoices = 0
        var runningChoices = 0
    }

    private struct State {
        var isDraining = false
        var lastNumber: UInt64 = 0
        var live: [UInt64: Ticket] = [:]
        /// By endpoint id.
        var counts: [String: Counts] = [:]
    }

    private let state = Mutex(State())

    var isDraining: Bool { state.withLock { $0.isDraining } }
    var liveCount: Int { state.withLock { $0.live.count } }

    func drain() { state.withLock { $0.isDraining = true } }

    func counts(of endpoint: String) -> Counts { state.withLock { $0.counts[endpoint] ?? Counts() } }

    func admit(
        endpoint: Endpoint, model: ServedModel, principal: Principal, choices: Int, meter: EndpointMeter
    ) throws(AdmissionError) -> Ticket {
        let limits = endpoint.limits
        let outcome: Result<Ticket, AdmissionError> = state.withLock { state in
            let counts = state.counts[endpoint.id] ?? Counts()
            let retryAfter = meter.retryAfterSeconds(ahead: counts.requests)
            if state.isDraining { return .failure(.draining(retryAfterSeconds: retryAfter)) }
            guard counts.requests < limits.concurrentMax else {
                return .failure(
                    .concurrencyFull(
                        admitted: counts.requests, limit: limits.concurrentMax, retryAfterSeconds: retryAfter))
            }
            guard counts.waiting < limits.waitingMax else {
                return .failure(
                    .queueFull(waiting: counts.waiting, limit: limits.waitingMax, retryAfterSeconds: retryAfter))
            }
            state.lastNumber += 1
            let ticket = Ticket(
                number: state.lastNumber, endpoint: endpoint, model: model, principal: principal,
                choices: choices, meter: meter, admission: self)
            state.live[ticket.number] = ticket
            state.counts[endpoint.id, default: Counts()].requests += 1
            state.counts[endpoint.id, default: Counts()].waiting += 1
            state.counts[endpoint.id, default: Counts()].waitingChoices += choices
            return .success(ticket)
        }
        return try outcome.get()
    }

    /// The ticket's first token came.
    func start(_ ticket: Ticket) {
        state.withLock { state in
            guard state.live[ticket.number] != nil, var counts = state.counts[ticket.endpoint.id] else { return }
            counts.waiting -= 1
            counts.waitingChoices -= ticket.choices
            counts.runningChoices += ticket.choices
            state.counts[ticket.endpoint.id] = counts
        }
    }

    func release(_ ticket: Ticket, wasStarted: Bool) {
        state.withLock { state in
            guard state.live.removeValue(forKey: ticket.number) != nil,
                var counts = state.counts[ticket.endpoint.id]
            else { return }
            counts.requests -= 1
            if wasStarted {
                counts.runningChoices -= ticket.choices
            } else {
                counts.waiting -= 1
                counts.waitingChoices -= ticket.choices
            }
            state.counts[ticket.endpoint.id] = counts.requests == 0 ? nil : counts
        }
    }

    /// Lets every ticket look at its deadlines. Cost: one pass over the live requests.
    func expire(at time: UInt64) {
        let live = state.withLock { Array($0.live.values) }
        for ticket in live { ticket.expire(at: time) }
    }
}

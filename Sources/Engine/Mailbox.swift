// Mailbox.swift: the one place where other threads meet the engine thread.
// Submitting and cancelling take a lock for a few instructions and never wait for a step. Every
// list in it is bounded: submissions by `waitingMax`, cancellations by the live requests' choices.
import Core
import Dispatch
import Synchronization

/// A request on its way to the engine thread.
struct Submission: Sendable {
    let id: RequestID
    let request: GenerationRequest
    let queue: DispatchQueue
    let receive: @Sendable (GenerationUpdate) -> Void
}

/// A request, or one choice of it, to be ended.
struct Cancellation: Hashable, Sendable {
    let request: RequestID
    let choice: Int?
}

/// What the engine thread finds when it looks.
struct Mail {
    var submissions: [Submission] = []
    var cancellations: Set<Cancellation> = []
    var isClosed = false
    var deadline: DispatchTime?
}

final class Mailbox: Sendable {
    private struct State {
        var mail = Mail()
        /// Requests that are accepted and not over.
        var live: Set<RequestID> = []
        /// Never-started requests that the engine thread has, as of its last look.
        var waiting = 0
        var isAsleep = false
        var nextID: UInt64 = 1
        var load = EngineLoad()
    }

    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let waitingMax: Int

    init(waitingMax: Int) { self.waitingMax = waitingMax }

    // MARK: any thread

    func submit(
        _ request: GenerationRequest, on queue: DispatchQueue,
        receive: @escaping @Sendable (GenerationUpdate) -> Void
    ) -> Result<RequestID, SubmissionError> {
        let (result, wakes) = state.withLock { state -> (Result<RequestID, SubmissionError>, Bool) in
            guard !state.mail.isClosed else { return (.failure(.shuttingDown), false) }
            let waiting = state.waiting + state.mail.submissions.count
            guard waiting < waitingMax else {
                return (.failure(.queueFull(waiting: waiting, limit: waitingMax)), false)
            }
            let id = RequestID(rawValue: state.nextID)
            state.nextID += 1
            state.live.insert(id)
            state.mail.submissions.append(
                Submission(id: id, request: request, queue: queue, receive: receive))
            return (.success(id), Self.wakes(&state))
        }
        if wakes { wakeUp.signal() }
        return result
    }

    func cancel(_ cancellation: Cancellation) {
        let wakes = state.withLock { state in
            guard state.live.contains(cancellation.request) else { return false }
            state.mail.cancellations.insert(cancellation)
            return Self.wakes(&state)
        }
        if wakes { wakeUp.signal() }
    }

    /// Refuses submissions from now on; the earliest deadline counts.
    func close(deadline: DispatchTime) {
        let wakes = state.withLock { state in
            state.mail.isClosed = true
            state.mail.deadline = min(state.mail.deadline ?? deadline, deadline)
            return Self.wakes(&state)
        }
        if wakes { wakeUp.signal() }
    }

    var load: EngineLoad {
        state.withLock { state in
            var load = state.load
            load.waiting += state.mail.submissions.count
            return load
        }
    }

    private static func wakes(_ state: inout State) -> Bool {
        let wasAsleep = state.isAsleep
        state.isAsleep = false
        return wasAsleep
    }

    // MARK: the engine thread

    /// Takes what has arrived. With `mayWait`, sleeps first when there is nothing and nothing changed.
    func collect(into mail: inout Mail, mayWait: Bool) {
        while true {
            let found = state.withLock { state in
                let news =
                    !state.mail.submissions.isEmpty || !state.mail.cancellations.isEmpty
                    || state.mail.isClosed
                guard news || !mayWait else {
                    state.isAsleep = true
                    return false
                }
                // Until the next `report`, what is taken here counts as waiting.
                state.waiting += state.mail.submissions.count
                mail.submissions.removeAll(keepingCapacity: true)
                mail.cancellations.removeAll(keepingCapacity: true)
                swap(&mail.submissions, &state.mail.submissions)
                swap(&mail.cancellations, &state.mail.cancellations)
                mail.isClosed = state.mail.isClosed
                mail.deadline = state.mail.deadline
                return true
            }
            if found { return }
            wakeUp.wait()
        }
    }

    /// Publishes the state after a step.
    func report(load: EngineLoad, waiting: Int, ended: [RequestID]) {
        state.withLock { state in
            state.load = load
            state.waiting = waiting
            for id in ended { state.live.remove(id) }
        }
    }
}

// ReadinessWatch.swift: one descriptor, watched for being readable or writable, with its two rules
// kept in one place: it is forgotten by the poller before the descriptor can be closed, and after
// `cancel` its action is never called again.
// Not a Dispatch source: those corrupt their own books when descriptors come and go quickly on Linux
// (swift-corelibs-libdispatch issue 949), and cost a hop through a manager thread for each arming.

import Dispatch
import Synchronization

/// Calls an action on a queue while a descriptor is ready for what the watch is armed for.
final class ReadinessWatch: Sendable {
    private struct State {
        var wanted: ReadinessSet = []
        /// What the kernel will report; it forgets all of it with each report.
        var reported: ReadinessSet = []
        var isRegistered = false
        var isCancelled = false
    }

    private let state = Mutex(State())
    private let descriptor: Descriptor
    private let poller: ReadinessPoller
    private let identifier: UInt64
    private let action: QueueBound<(Readiness) -> Void>

    /// Starts disarmed. The watch owns `descriptor` and calls `action` on `queue` only.
    init(
        _ descriptor: Descriptor, queue: DispatchQueue, poller: ReadinessPoller = .shared,
        action: @escaping (Readiness) -> Void
    ) {
        self.descriptor = descriptor
        self.poller = poller
        self.action = QueueBound(action, queue: queue)
        identifier = poller.newIdentifier()
    }

    deinit { cancel() }

    /// Where the action runs.
    var queue: DispatchQueue { action.queue }

    func arm(_ readiness: Readiness) {
        state.withLock { state in
            state.wanted.insert(ReadinessSet(readiness))
            report(&state)
        }
    }

    /// A report that is on its way is dropped when it arrives, which is cheaper than calling it back.
    func disarm(_ readiness: Readiness) {
        state.withLock { _ = $0.wanted.remove(ReadinessSet(readiness)) }
    }

    func cancel() {
        state.withLock { state in
            guard !state.isCancelled else { return }
            state.isCancelled = true
            state.wanted = []
            if state.isRegistered { poller.remove(descriptor, identifier) }
        }
    }

    /// Called on the queue with what the kernel reported, after which it reports no more.
    func deliver(_ ready: ReadinessSet) {
        state.withLock { $0.reported = [] }
        for readiness in [Readiness.readable, .writable] where ready.contains(ReadinessSet(readiness)) {
            let isWanted = state.withLock { $0.wanted.contains(ReadinessSet(readiness)) }
            if isWanted { action.confined(readiness) }
        }
        state.withLock { report(&$0) }
    }

    /// Has the kernel report everything that is wanted.
    private func report(_ state: inout State) {
        guard !state.isCancelled, !state.reported.isSuperset(of: state.wanted) else { return }
        state.reported = state.wanted
        if state.isRegistered {
            poller.rearm(descriptor, identifier, for: state.wanted)
        } else {
            state.isRegistered = true
            poller.add(descriptor, identifier, self, for: state.wanted)
        }
    }
}

/// Readable, writable, both or none.
struct ReadinessSet: OptionSet, Sendable {
    let rawValue: UInt8

    static let readable = ReadinessSet(rawValue: 1)
    static let writable = ReadinessSet(rawValue: 2)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ readiness: Readiness) {
        self = readiness == .readable ? .readable : .writable
    }
}

// Interruption.swift: Ctrl-C and SIGTERM as a fact to look at, so that work can be undone first.
import Dispatch
import Glibc
import Synchronization

final class Interruption {
    /// Written by the signals' queue.
    private final class Request: Sendable {
        let isMade = Atomic<Bool>(false)
    }

    private let request = Request()
    private let sources: SignalSources

    init() {
        sources = SignalSources([SIGINT, SIGTERM], on: DispatchQueue(label: "tokenmill.interruption")) {
            [request] _, _ in request.isMade.store(true, ordering: .relaxed)
        }
    }

    var isRequested: Bool { request.isMade.load(ordering: .relaxed) }
}

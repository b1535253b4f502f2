// Interruption.swift: Ctrl-C and SIGTERM as a fact to look at, so that work can be undone first.
import Dispatch
import Glibc
import Synchronization

final class Interruption {
    /// Written by the signals' queue.
    private final class Request: Sendable {
        let isMade = Atomic<Bool>(false)
    }

    private static let signals = [SIGINT, SIGTERM]

    private let request = Request()
    private let sources: [any DispatchSourceSignal]

    init() {
        let queue = DispatchQueue(label: "tokenmill.interruption")
        sources = Self.signals.map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for source in sources {
            source.setEventHandler { [request] in request.isMade.store(true, ordering: .relaxed) }
            source.resume()
        }
    }

    deinit {
        for number in Self.signals { signal(number, SIG_DFL) }
    }

    var isRequested: Bool { request.isMade.load(ordering: .relaxed) }
}

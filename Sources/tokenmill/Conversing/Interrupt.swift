// Interrupt.swift: Ctrl-C: stops the answer that is being made, or else the program.
import Core
import Dispatch
import Engine
import Glibc
import Synchronization

final class Interrupt {
    /// Read by the signal's queue.
    private final class Running: Sendable {
        let request = Mutex<RequestID?>(nil)
    }

    private let running = Running()
    private let sources: SignalSources

    init(engine: any GenerationEngine) {
        sources = SignalSources([SIGINT], on: DispatchQueue(label: "tokenmill.interrupt")) { [running] _, _ in
            guard let request = running.request.withLock({ $0 }) else { _exit(130) }
            engine.cancel(request, choice: nil)
        }
    }

    func begin(_ request: RequestID) { running.request.withLock { $0 = request } }
    func end() { running.request.withLock { $0 = nil } }
}

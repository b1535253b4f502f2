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
    private let source: any DispatchSourceSignal

    init(engine: any GenerationEngine) {
        signal(SIGINT, SIG_IGN)
        let queue = DispatchQueue(label: "tokenmill.interrupt")
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: queue)
        source.setEventHandler { [running] in
            guard let request = running.request.withLock({ $0 }) else { _exit(130) }
            engine.cancel(request, choice: nil)
        }
        source.resume()
    }

    func begin(_ request: RequestID) { running.request.withLock { $0 = request } }
    func end() { running.request.withLock { $0 = nil } }
}

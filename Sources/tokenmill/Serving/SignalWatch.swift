// SignalWatch.swift: SIGTERM and SIGINT as events: the first asks for a drain, the second ends.
// Before there is anything to drain the first one ends, too.
import Dispatch
import Glibc

/// Holds the signal sources; lives as long as the server.
final class SignalWatch {
    private let queue = DispatchQueue(label: "tokenmill.signals")
    private let first = DispatchSemaphore(value: 0)
    private let sources: [any DispatchSourceSignal]
    private let patience = Patience()

    /// A signal that ends the process does so at once, with the exit code that shells expect.
    init() {
        signal(SIGPIPE, SIG_IGN)
        let (queue, patience, registered) = (queue, patience, DispatchSemaphore(value: 0))
        sources = [SIGTERM, SIGINT].map { number in
            // The default action would end the process before the source hears of it.
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for (source, number) in zip(sources, [SIGTERM, SIGINT]) {
            source.setEventHandler { [first] in
                for _ in 0..<source.data {
                    guard patience.hasWaiter else { _exit(128 + number) }
                    patience.hasWaiter = false
                    first.signal()
                }
            }
            source.setRegistrationHandler { registered.signal() }
            source.resume()
        }
        // Until a source is registered, which happens elsewhere, a signal is ignored and lost.
        for _ in sources { registered.wait() }
    }

    /// From now on the first signal is for `wait`.  To be called before anybody hears that the server is ready,
    /// who may send one at once.
    func beginWaiting() { queue.sync { patience.hasWaiter = true } }

    /// Blocks until the first signal since `beginWaiting`.
    func wait() { first.wait() }
}

/// Only touched on the watch's queue.
private final class Patience: @unchecked Sendable {
    /// Whether somebody waits for a signal, and drains on it.
    var hasWaiter = false
}

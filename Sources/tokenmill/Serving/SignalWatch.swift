// SignalWatch.swift: SIGTERM and SIGINT as events: the first asks for a drain, the second ends.
// Before there is anything to drain the first one ends, too.
import Dispatch
import Glibc

/// Lives as long as the server.
final class SignalWatch {
    private let queue = DispatchQueue(label: "tokenmill.signals")
    private let first = DispatchSemaphore(value: 0)
    private let sources: SignalSources
    private let patience = Patience()

    /// A signal that ends the process does so at once, with the exit code that shells expect.
    init() {
        signal(SIGPIPE, SIG_IGN)
        sources = SignalSources([SIGTERM, SIGINT], on: queue) { [patience, first] number, count in
            for _ in 0..<count {
                guard patience.hasWaiter else { _exit(128 + number) }
                patience.hasWaiter = false
                first.signal()
            }
        }
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

// SignalWatch.swift: SIGTERM and SIGINT as events: the first asks for a drain, the second ends.
import Dispatch
import Glibc

/// Holds the signal sources; lives as long as the server.
final class SignalWatch {
    private let queue = DispatchQueue(label: "tokenmill.signals")
    private let first = DispatchSemaphore(value: 0)
    private let sources: [any DispatchSourceSignal]

    /// The second signal ends the process at once, with the exit code that shells expect.
    init() {
        signal(SIGPIPE, SIG_IGN)
        let count = SignalCount()
        let queue = queue
        sources = [SIGTERM, SIGINT].map { number in
            // The default action would end the process before the source hears of it.
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for (source, number) in zip(sources, [SIGTERM, SIGINT]) {
            source.setEventHandler { [first] in
                for _ in 0..<source.data {
                    count.value += 1
                    if count.value == 1 { first.signal() } else { _exit(128 + number) }
                }
            }
            source.resume()
        }
    }

    /// Blocks until the first signal.
    func wait() { first.wait() }
}

/// Only touched on the watch's queue.
private final class SignalCount: @unchecked Sendable {
    var value = 0
}

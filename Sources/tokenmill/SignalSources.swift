// SignalSources.swift: signals as events on a queue, instead of what they would do by themselves.
import Dispatch
import Glibc

/// From the end of `init` on, every signal is heard; when this goes, they do what they did before.
final class SignalSources {
    private let numbers: [Int32]
    private let sources: [any DispatchSourceSignal]

    /// - heard: called on the queue with a number, and how often it came since the last call.
    init(_ numbers: [Int32], on queue: DispatchQueue, heard: @escaping @Sendable (Int32, UInt) -> Void) {
        self.numbers = numbers
        let registered = DispatchSemaphore(value: 0)
        sources = numbers.map { number in
            // The default action would end the process before the source hears of it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { heard(number, source.data) }
            source.setRegistrationHandler { registered.signal() }
            source.resume()
            return source
        }
        // Until a source is registered, which happens elsewhere, a signal is ignored and lost.
        for _ in sources { registered.wait() }
    }

    deinit {
        // Handlers hold their sources until then.
        for source in sources { source.cancel() }
        for number in numbers { signal(number, SIG_DFL) }
    }
}

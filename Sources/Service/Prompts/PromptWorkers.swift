// PromptWorkers.swift: a few queues beside the connections' for prompts that take long to make.
// Bounded in number and in what waits; work that nobody wants any more is not begun.
import Dispatch
import Synchronization

final class PromptWorkers: Sendable {
    /// Few, for the cores belong to the engine; more than one, so that a long prompt does not hold up all others.
    static let count = 2

    private let waitingMax: Int
    private let queues = (0..<PromptWorkers.count).map { DispatchQueue(label: "tokenmill.prompts.\($0)") }
    /// Work that waits or runs, per queue.
    private let loads = Mutex(Array(repeating: 0, count: PromptWorkers.count))

    init(waitingMax: Int) { self.waitingMax = waitingMax }

    /// Runs `work` soon on the emptiest queue, then `reply` on `queue`; neither if nobody is interested by then.
    func run<Value: Sendable>(
        for interest: Interest, on queue: DispatchQueue, work: @escaping @Sendable () -> Value,
        reply: @escaping @Sendable (Value) -> Void
    ) throws(AdmissionError) {
        let (worker, waiting) = loads.withLock { loads in
            let waiting = loads.reduce(0, +)
            let worker = loads.indices.min { loads[$0] < loads[$1] }!
            if waiting < waitingMax { loads[worker] += 1 }
            return (worker, waiting)
        }
        guard waiting < waitingMax else {
            throw .workersFull(waiting: waiting, limit: waitingMax, retryAfterSeconds: 1)
        }
        queues[worker].async { [self] in
            let value: Value? = interest.isLost ? nil : work()
            loads.withLock { $0[worker] -= 1 }
            if let value { queue.async { reply(value) } }
        }
    }
}

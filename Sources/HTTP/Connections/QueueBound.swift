// QueueBound.swift: carries a value that one serial queue owns through code that may run anywhere.
// This is the room's one unchecked promise, and it is checked as it runs: only on the queue does it open.

import Dispatch

/// A reference to queue-confined state.
struct QueueBound<Value>: @unchecked Sendable {
    let queue: DispatchQueue
    private let value: Value

    init(_ value: Value, queue: DispatchQueue) {
        self.value = value
        self.queue = queue
    }

    /// The value; traps off the queue.
    var confined: Value {
        dispatchPrecondition(condition: .onQueue(queue))
        return value
    }

    /// Runs `body` now if this is the queue, or else soon on it, in the order of the calls.
    func perform(_ body: @escaping @Sendable (Value) -> Void) {
        if isCurrent {
            body(value)
        } else {
            queue.async { body(confined) }
        }
    }

    /// Runs `body` in a later turn of the queue.
    func later(_ body: @escaping @Sendable (Value) -> Void) {
        queue.async { body(confined) }
    }

    var isCurrent: Bool {
        DispatchQueue.getSpecific(key: shardQueueKey) == ObjectIdentifier(queue)
    }
}

/// Which shard queue runs, if any.
let shardQueueKey = DispatchSpecificKey<ObjectIdentifier>()

extension DispatchQueue {
    /// A serial queue that knows itself.
    static func shard(label: String) -> DispatchQueue {
        let queue = DispatchQueue(label: label)
        queue.setSpecific(key: shardQueueKey, value: ObjectIdentifier(queue))
        return queue
    }
}

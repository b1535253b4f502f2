// Shard.swift: one of a few serial queues that share the connections; all state of a connection lives on its shard.
// Writes of one turn are sent together at its end. One timer per shard serves all deadlines, by a rare walk.

import Dispatch
import Glibc

/// A queue's connections. Used on its queue only.
final class Shard {
    private static let scratchBytes = 64 << 10
    /// Walks over the connections are at least this far apart, however many deadlines there are.
    private static let sweepNanosecondsMin: UInt64 = 50_000_000

    let queue: DispatchQueue
    let context: ServerContext
    /// Where every connection of the shard reads into, one at a time.
    let scratch: UnsafeMutableRawBufferPointer
    private var connections: [UInt64: Connection] = [:]
    private var nextIdentifier: UInt64 = 0
    private var unflushed: [Connection] = []
    private var isFlushComing = false
    private var timer: (any DispatchSourceTimer)?
    private var timerDeadline = UInt64.max
    private var date = HTTPDate()

    init(queue: DispatchQueue, context: ServerContext) {
        self.queue = queue
        self.context = context
        scratch = .allocate(byteCount: Self.scratchBytes, alignment: 16)
    }

    deinit {
        timer?.cancel()
        scratch.deallocate()
    }

    var bound: QueueBound<Shard> { QueueBound(self, queue: queue) }

    static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

    /// Takes an accepted connection that the context has counted.
    func adopt(_ descriptor: Descriptor, isOneTooMany: Bool) {
        guard !context.isStopped else { return context.connectionClosed() }
        nextIdentifier += 1
        let connection = Connection(identifier: nextIdentifier, descriptor: descriptor, shard: self)
        connections[nextIdentifier] = connection
        turn { connection.open(isOneTooMany: isOneTooMany) }
    }

    func remove(_ connection: Connection) {
        connections[connection.identifier] = nil
    }

    func drain() {
        turn { for connection in Array(connections.values) { connection.drain() } }
    }

    func stop() {
        for connection in Array(connections.values) { connection.abort() }
        timer?.cancel()
        timer = nil
    }

    /// Runs work of the shard's own events and sends, at its end, what it wrote.
    func turn(_ work: () -> Void) {
        guard !isFlushComing else { return work() }
        isFlushComing = true
        work()
        flush()
    }

    /// Has `connection` send at the end of this turn.
    func setNeedsFlush(_ connection: Connection) {
        guard !connection.isFlushComing else { return }
        connection.isFlushComing = true
        unflushed.append(connection)
        guard !isFlushComing else { return }
        // The turn is somebody else's, such as an engine's batch of tokens: the flush runs right behind it.
        isFlushComing = true
        bound.later { $0.flush() }
    }

    private func flush() {
        // A connection may write while another is flushed, for example when its request is cancelled.
        while let connection = unflushed.popLast() {
            connection.isFlushComing = false
            connection.flush()
        }
        isFlushComing = false
    }

    /// Bytes of a Date field's value, made anew once a second.
    func withDate(_ body: ([UInt8]) -> Void) {
        body(date.bytes(at: time(nil)))
    }
}

// Deadlines.
extension Shard {
    static func deadline(in seconds: Double) -> UInt64 {
        let nanoseconds = min(max(seconds, 0) * 1e9, 1e18)
        return now + UInt64(nanoseconds)
    }

    /// Sees to it that the connections are walked at `deadline` or soon after.
    func wake(at deadline: UInt64) {
        guard deadline < timerDeadline else { return }
        timerDeadline = max(deadline, Self.now + Self.sweepNanosecondsMin)
        if timer == nil {
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.setEventHandler { [weak self] in self?.sweep() }
            timer.activate()
            self.timer = timer
        }
        timer?.schedule(
            deadline: DispatchTime(uptimeNanoseconds: timerDeadline), leeway: .milliseconds(10))
    }

    private func sweep() {
        timerDeadline = .max
        turn {
            let now = Self.now
            var next = UInt64.max
            for connection in Array(connections.values) {
                if connection.deadline <= now { connection.expire(at: now) }
                next = min(next, connection.deadline)
            }
            if next < .max { wake(at: next) }
        }
    }
}

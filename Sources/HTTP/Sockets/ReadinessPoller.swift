// ReadinessPoller.swift: the thread that waits for all descriptors of the process at once (epoll) and
// tells their watches, in one hop per queue and wake-up. It reads and writes no descriptor itself.
// The kernel is given numbers and never pointers: a report that comes too late finds nothing.

import CEpoll
import Dispatch
import Foundation
import Glibc
import Synchronization

final class ReadinessPoller: Sendable {
    /// The one poller of a process; its thread sleeps while nothing happens.
    static let shared = ReadinessPoller()

    private static let eventsPerWaitMax = 256

    private struct WeakWatch {
        weak var watch: ReadinessWatch?
    }

    private let epoll: Int32
    private let watches = Mutex<[UInt64: WeakWatch]>([:])
    private let lastIdentifier = Atomic<UInt64>(0)

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "epoll_create1 failed with error \(errno)")
        let thread = Thread { [epoll] in
            // Only this thread touches its events; the poller lives as long as the process.
            withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventsPerWaitMax) { events in
                while true {
                    let count = epoll_wait(epoll, events.baseAddress!, Int32(events.count), -1)
                    if count > 0 { Self.shared.report(events[..<Int(count)]) }
                }
            }
        }
        thread.name = "readiness"
        thread.start()
    }

    func newIdentifier() -> UInt64 {
        lastIdentifier.add(1, ordering: .relaxed).newValue
    }

    func add(_ descriptor: Descriptor, _ identifier: UInt64, _ watch: ReadinessWatch, for set: ReadinessSet) {
        watches.withLock { $0[identifier] = WeakWatch(watch: watch) }
        control(EPOLL_CTL_ADD, descriptor, identifier, set)
    }

    func rearm(_ descriptor: Descriptor, _ identifier: UInt64, for set: ReadinessSet) {
        control(EPOLL_CTL_MOD, descriptor, identifier, set)
    }

    func remove(_ descriptor: Descriptor, _ identifier: UInt64) {
        control(EPOLL_CTL_DEL, descriptor, identifier, [])
        watches.withLock { _ = $0.removeValue(forKey: identifier) }
    }

    private func control(
        _ operation: Int32, _ descriptor: Descriptor, _ identifier: UInt64, _ set: ReadinessSet
    ) {
        var event = epoll_event()
        event.events = EPOLLONESHOT.rawValue
        if set.contains(.readable) { event.events |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if set.contains(.writable) { event.events |= EPOLLOUT.rawValue }
        event.data.u64 = identifier
        let result = epoll_ctl(epoll, operation, descriptor.raw, &event)
        // Only a full kernel table can refuse an open descriptor that is ours; what it refused to
        // add it cannot find later.
        precondition(
            result == 0 || [ENOSPC, ENOMEM, ENOENT].contains(errno), "epoll_ctl: error \(errno)")
    }

    /// An error or a hang-up makes a descriptor ready for everything: the next transfer tells.
    private func report(_ events: Slice<UnsafeMutableBufferPointer<epoll_event>>) {
        let broken = EPOLLERR.rawValue | EPOLLHUP.rawValue
        var turns: [(queue: DispatchQueue, reports: [(ReadinessWatch, ReadinessSet)])] = []
        watches.withLock { watches in
            for event in events {
                guard let watch = watches[event.data.u64]?.watch else { continue }
                var ready: ReadinessSet = []
                if event.events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | broken) != 0 { ready.insert(.readable) }
                if event.events & (EPOLLOUT.rawValue | broken) != 0 { ready.insert(.writable) }
                let index = turns.firstIndex { $0.queue === watch.queue } ?? turns.count
                if index == turns.count { turns.append((watch.queue, [])) }
                turns[index].reports.append((watch, ready))
            }
        }
        for turn in turns {
            turn.queue.async { [reports = turn.reports] in
                for (watch, ready) in reports { watch.deliver(ready) }
            }
        }
    }
}

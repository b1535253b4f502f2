// Background.swift: one piece of work on a thread of its own, and what came of it.
import Dispatch
import Foundation
import Synchronization

final class Background<Value: Sendable>: Sendable {
    /// A main thread's, so that work which recurses may move here.
    private static var stackBytes: Int { 8 << 20 }

    private let done = DispatchGroup()
    private let result = Mutex<Value?>(nil)

    init(_ work: @escaping @Sendable () -> Value) {
        done.enter()
        let thread = Thread { [self] in
            let value = work()
            result.withLock { $0 = value }
            done.leave()
        }
        thread.stackSize = Self.stackBytes
        thread.start()
    }

    /// Waits for the work to end.
    func value() -> Value {
        done.wait()
        guard let value = result.withLock({ $0 }) else { preconditionFailure("work ended without a result") }
        return value
    }
}

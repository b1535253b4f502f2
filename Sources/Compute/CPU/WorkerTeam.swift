// WorkerTeam.swift: the threads that compute together. See Kernels/include/workers.h.
import Kernels

/// Why a team could not be made.
public enum WorkerTeamError: Error, Equatable, Sendable {
    case countOutOfRange(count: Int, limit: Int)
    case threadsRefused(count: Int)
}

/// A fixed team; the thread that calls `run` is worker 0. One run at a time.
public final class WorkerTeam: @unchecked Sendable {
    // The C team synchronizes itself; the pointer never changes.
    let pointer: OpaquePointer

    public static let countMax = WORKERS_MAX

    public init(count: Int) throws(WorkerTeamError) {
        guard (1...Self.countMax).contains(count) else {
            throw .countOutOfRange(count: count, limit: Self.countMax)
        }
        guard let made = workers_create(Int32(count)) else { throw .threadsRefused(count: count) }
        pointer = made
    }

    deinit { workers_destroy(pointer) }

    public var count: Int { Int(workers_count(pointer)) }

    /// Calls `body` once for every part in `0 ..< parts`, spread over the team, and returns when all are done.
    public func forEach(_ parts: Int, _ body: (_ part: Int) -> Void) { forEach(parts) { part, _ in body(part) } }

    /// The same, with the number of the worker that does the part. A single part is the caller's.
    public func forEach(_ parts: Int, _ body: (_ part: Int, _ worker: Int) -> Void) {
        guard parts > 1 else {
            if parts == 1 { body(0, 0) }
            return
        }
        withoutActuallyEscaping(body) { escaping in
            var context = PartsContext(parts: parts, body: escaping)
            withUnsafeMutablePointer(to: &context) { pointer in
                workers_run(self.pointer, runParts, pointer)
            }
        }
    }
}

private struct PartsContext {
    let parts: Int
    let body: (_ part: Int, _ worker: Int) -> Void
}

private func runParts(context: UnsafeMutableRawPointer?, team: OpaquePointer?, worker: Int32) {
    let shared = context!.assumingMemoryBound(to: PartsContext.self)
    var part = Int(worker)
    while part < shared.pointee.parts {
        shared.pointee.body(part, Int(worker))
        part = Int(workers_claim(team))
    }
}

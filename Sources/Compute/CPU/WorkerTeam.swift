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
    public func forEach(_ parts: Int, _ body: (Int) -> Void) {
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
    let body: (Int) -> Void
}

private func runParts(context: UnsafeMutableRawPointer?, team: OpaquePointer?, worker: Int32) {
    let shared = context!.assumingMemoryBound(to: PartsContext.self)
    var part = Int(worker)
    while part < shared.pointee.parts {
        shared.pointee.body(part)
        part = Int(workers_claim(team))
    }
}

// DeviceMemory.swift: large zeroed allocations that go back to the system as one piece.
import Foundation
import Synchronization

/// The system refused memory.
public struct MemoryError: Error, Equatable, Sendable {
    public let bytes: Int
}

/// Page-aligned zeroed memory, resident only where touched; in huge pages when the system has them.
public final class DeviceMemory: @unchecked Sendable {
    // Who may write which part is decided by the owners of this memory.
    public let base: UnsafeMutableRawPointer
    public let bytes: Int

    private static let hugePageBytes = 2 << 20

    public init(bytes: Int) throws(MemoryError) {
        self.bytes = max(bytes, 1)
        base = try Self.reserve(self.bytes, PROT_READ | PROT_WRITE)
        if self.bytes >= Self.hugePageBytes { madvise(base, self.bytes, MADV_HUGEPAGE) }
    }

    /// The first bytes of a file, to be read only. Whoever shortens the file meanwhile ends the process.
    init(file descriptor: Int32, bytes: Int) throws(MemoryError) {
        self.bytes = bytes
        base = try Self.reserve(bytes, PROT_NONE)
        guard mmap(base, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor, 0) != MAP_FAILED else {
            munmap(base, bytes)
            throw MemoryError(bytes: bytes)
        }
        madvise(base, bytes, MADV_HUGEPAGE)
    }

    /// Addresses at a multiple of huge pages, which fit only there, where there are enough for one.
    private static func reserve(
        _ bytes: Int, _ protection: Int32
    ) throws(MemoryError) -> UnsafeMutableRawPointer {
        // Map one more and give the ends back.
        let slack = bytes >= hugePageBytes ? hugePageBytes : 0
        guard bytes <= Int.max - slack else { throw MemoryError(bytes: bytes) }
        let mapped = mmap(nil, bytes + slack, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { throw MemoryError(bytes: bytes) }
        return slack == 0 ? mapped : trim(mapped, bytes: bytes, slack: slack)
    }

    deinit { munmap(base, bytes) }

    /// Reads all of a file into memory, ahead of whoever needs it. Answers the system's error, or 0.
    func read(_ team: WorkerTeam) -> Int32 { populate(bytes, MADV_POPULATE_READ, team) }

    /// Has the system clear the first bytes now, and not where they are first written. Systems that cannot do
    /// so clear them then.
    func touch(_ bytes: Int, _ team: WorkerTeam) { _ = populate(min(bytes, self.bytes), MADV_POPULATE_WRITE, team) }

    private func populate(_ bytes: Int, _ advice: Int32, _ team: WorkerTeam) -> Int32 {
        let failure = Atomic<Int32>(0), partBytes = 8 * Self.hugePageBytes
        team.forEach((bytes + partBytes - 1) / partBytes) { part in
            let start = part * partBytes
            if madvise(base + start, min(partBytes, bytes - start), advice) != 0 {
                failure.store(errno, ordering: .relaxed)
            }
        }
        return failure.load(ordering: .relaxed)
    }

    /// Unmaps what lies before the first huge page's multiple and after the memory's last small page.
    private static func trim(
        _ mapped: UnsafeMutableRawPointer, bytes: Int, slack: Int
    ) -> UnsafeMutableRawPointer {
        let start = Int(bitPattern: mapped), pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        let head = (start + slack - 1) / slack * slack - start
        let end = (head + bytes + pageBytes - 1) / pageBytes * pageBytes
        let mappedEnd = (bytes + slack + pageBytes - 1) / pageBytes * pageBytes
        if head > 0 { munmap(mapped, head) }
        if mappedEnd > end { munmap(mapped + end, mappedEnd - end) }
        return mapped + head
    }
}

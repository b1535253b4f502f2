// DeviceMemory.swift: large zeroed allocations that go back to the system as one piece.
import Foundation

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
        // Huge pages fit only at their own multiples: map one more and give the ends back.
        let slack = self.bytes >= Self.hugePageBytes ? Self.hugePageBytes : 0
        guard self.bytes <= Int.max - slack else { throw MemoryError(bytes: bytes) }
        let mapped = mmap(
            nil, self.bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { throw MemoryError(bytes: bytes) }
        base = slack == 0 ? mapped : Self.trim(mapped, bytes: self.bytes, slack: slack)
        if slack > 0 { madvise(base, self.bytes, MADV_HUGEPAGE) }
    }

    deinit { munmap(base, bytes) }

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

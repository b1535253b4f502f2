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
        let mapped = mmap(
            nil, self.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { throw MemoryError(bytes: bytes) }
        if self.bytes >= Self.hugePageBytes { madvise(mapped, self.bytes, MADV_HUGEPAGE) }
        base = mapped
    }

    deinit { munmap(base, bytes) }
}

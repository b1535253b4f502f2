// DeviceArena.swift: many pieces of memory that live as long as one another, side by side.
// One idea: matrices of a small model are smaller than a huge page, and read from small pages a
// core gets a quarter less of the memory's bandwidth; together they fill huge pages.

/// Hands out pieces of large allocations; all are freed together with the arena.
final class DeviceArena {
    private static let chunkBytes = 32 << 20
    static let alignment = 64

    private var chunks: [DeviceMemory] = []
    private var used = 0

    /// What a piece of `bytes` takes: the rest up to the next multiple is its own, too.
    static func taken(by bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

    /// Zeroed memory, 64-byte aligned. Small pieces follow each other in the order of the calls.
    func allocate(_ bytes: Int) throws(BackendError) -> UnsafeMutableRawPointer {
        let size = Self.taken(by: bytes)
        if size > (chunks.last?.bytes ?? 0) - used {
            chunks.append(try DeviceMemory.allocate(max(size, Self.chunkBytes)))
            used = 0
        }
        defer { used += size }
        return chunks[chunks.count - 1].base + used
    }
}

// Mapping.swift: one file's bytes, read-only, for as long as anything refers to them.
// It never copies the file and never interprets it. The length is taken once, at opening; every
// later check is against that length. Where another process shortens the file meanwhile, its bytes
// read as zeros (MappingGuard), so whoever has read calls `requireUnchanged` before trusting them.

import Glibc

public final class Mapping: Sendable {
    public let path: String
    /// The whole file. Begins at a page boundary. Valid while this object lives.
    public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    private let descriptor: Int32
    private let guardSlot: Int
    /// When the file was last written, as it was opened; seconds and nanoseconds of the system's clock.
    public let modifiedSeconds: Int
    public let modifiedNanoseconds: Int

    /// Maps a regular file. Refuses an empty one, for which no mapping exists.
    init(path: String) throws(CheckpointError) {
        self.path = path
        // Non-blocking, so that a FIFO is refused below instead of waiting for a writer.
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw CheckpointError(path: path, fault: .system(operation: "open", code: errno))
        }
        do throws(CheckpointError) {
            let status = try Self.status(of: descriptor, path: path)
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw CheckpointError(path: path, fault: .notRegularFile)
            }
            guard status.st_size > 0 else { throw CheckpointError(path: path, fault: .empty) }
            let base = mmap(nil, Int(status.st_size), PROT_READ, MAP_SHARED, descriptor, 0)
            guard let base, base != MAP_FAILED else {
                throw CheckpointError(path: path, fault: .system(operation: "map", code: errno))
            }
            let bytes = UnsafeRawBufferPointer(start: base, count: Int(status.st_size))
            guard let slot = MappingGuard.register(bytes) else {
                munmap(base, bytes.count)
                let limit = MappingGuard.mappingsMax
                let fault = CheckpointError.Fault.overLimit(
                    quantity: "number of mapped files", value: UInt64(limit) + 1, limit: limit)
                throw CheckpointError(path: path, fault: fault)
            }
            self.bytes = bytes
            guardSlot = slot
            modifiedSeconds = status.st_mtim.tv_sec
            modifiedNanoseconds = status.st_mtim.tv_nsec
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        MappingGuard.unregister(guardSlot)
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count)
        close(descriptor)
    }

    /// Throws when the file has been shortened, extended or written since it was opened, or could
    /// not be read. After it returns, all bytes read before it were the file's.
    public func requireUnchanged() throws(CheckpointError) {
        let status = try Self.status(of: descriptor, path: path)
        guard Int(status.st_size) == bytes.count, status.st_mtim.tv_sec == modifiedSeconds,
            status.st_mtim.tv_nsec == modifiedNanoseconds, !MappingGuard.isLost(guardSlot)
        else {
            throw CheckpointError(
                path: path,
                fault: .changedWhileOpen(bytesBefore: bytes.count, bytesNow: Int(status.st_size)))
        }
    }

    /// Asks the system to read the file ahead; returns at once.
    public func prefetch() {
        let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
        madvise(base, bytes.count, Int32(MADV_WILLNEED))
    }

    private static func status(of descriptor: Int32, path: String) throws(CheckpointError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw CheckpointError(path: path, fault: .system(operation: "examine", code: errno))
        }
        return status
    }
}

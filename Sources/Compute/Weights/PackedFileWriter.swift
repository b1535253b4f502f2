// PackedFileWriter.swift: leaves packed pieces in a file for the next start.
import Foundation

enum PackedFileWriter {
    /// One call's most ranges (IOV_MAX).
    private static let rangesMax = 1024
    /// Ends the name of a file while it is written.
    static let partSuffix = ".part"

    /// Replaces the file at `path` by one of these pieces. Large writes let the system keep the file in
    /// huge pages.
    /// - Throws: after a failure there is no new file, and an old one is as it was.
    static func write(_ pieces: [PackedFile.Piece], to path: String) throws(PackedFileError) {
        let part = path + partSuffix
        let descriptor = try claim(part)
        defer { close(descriptor) }
        do throws(PackedFileError) {
            try writeAll(pieces, to: descriptor)
            guard fsync(descriptor) == 0 else { throw .system(operation: "sync", code: errno) }
            guard rename(part, path) == 0 else { throw .system(operation: "rename", code: errno) }
        } catch {
            unlink(part)
            throw error
        }
    }

    /// Removes what a process that ended while it wrote has left, if it is that.
    static func removeAbandoned(_ part: String) {
        if let descriptor = try? claim(part) {
            unlink(part)
            close(descriptor)
        }
    }

    /// An empty file that no other process writes.
    private static func claim(_ part: String) throws(PackedFileError) -> Int32 {
        let descriptor = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system(operation: "create", code: errno) }
        var mine = stat(), named = stat()
        // Whoever had it has renamed it meanwhile, if the name is another file's now.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &mine) == 0, stat(part, &named) == 0,
            mine.st_ino == named.st_ino, mine.st_dev == named.st_dev
        else {
            close(descriptor)
            throw .beingWritten
        }
        guard ftruncate(descriptor, 0) == 0 else {
            close(descriptor)
            throw .system(operation: "truncate", code: errno)
        }
        return descriptor
    }

    private static func writeAll(_ pieces: [PackedFile.Piece], to descriptor: Int32) throws(PackedFileError) {
        let head = head(of: pieces)
        try head.withUnsafeBufferPointer { words throws(PackedFileError) in
            let start = UnsafeMutableRawPointer(mutating: words.baseAddress!)
            var ranges = [iovec(iov_base: start, iov_len: words.count * 8)]
            ranges += pieces.map { iovec(iov_base: $0.base, iov_len: DeviceArena.taken(by: $0.bytes)) }
            try write(ranges, to: descriptor)
        }
    }

    private static func write(_ all: [iovec], to descriptor: Int32) throws(PackedFileError) {
        var ranges = all[...]
        while !ranges.isEmpty {
            let count = min(ranges.count, rangesMax)
            var written = ranges.withUnsafeBufferPointer { writev(descriptor, $0.baseAddress, Int32(count)) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw .system(operation: "write", code: errno) }
            while let range = ranges.first, written >= range.iov_len {
                written -= range.iov_len
                ranges.removeFirst()
            }
            guard written > 0 else { continue }
            ranges[ranges.startIndex].iov_base += written
            ranges[ranges.startIndex].iov_len -= written
        }
    }

    /// Header and directory, up to the page boundary where pieces begin.
    private static func head(of pieces: [PackedFile.Piece]) -> [UInt64] {
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        let headBytes = (PackedFile.directoryEnd(pieces: pieces.count) + pageBytes - 1) / pageBytes * pageBytes
        var directory: [UInt64] = []
        var offset = headBytes
        for piece in pieces {
            directory += [
                piece.key.kind, piece.key.content, UInt64(offset), UInt64(piece.bytes),
                UInt64(piece.outputScale.bitPattern),
            ]
            offset += DeviceArena.taken(by: piece.bytes)
        }
        var hash = StableHash()
        directory.withUnsafeBytes { hash.absorb($0) }
        var head = [
            PackedFile.magic, PackedFile.version, PackedForms.fingerprint, UInt64(offset), UInt64(pieces.count),
            hash.value,
        ]
        head += directory
        return head + [UInt64](repeating: 0, count: headBytes / 8 - head.count)
    }
}

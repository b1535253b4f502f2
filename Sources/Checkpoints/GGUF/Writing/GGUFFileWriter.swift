// GGUFFileWriter.swift: writes one GGUF file: the header at once, then the tensors' bytes as they come.
// Nobody ever sees half a file: it grows under another name beside the target and is renamed at the
// end. A writer that is dropped before that removes what it wrote.

import Glibc

public final class GGUFFileWriter {
    /// What a file of the target's name means.
    public enum Existing: Sendable { case refused, replaced }

    public let path: String
    private let header: GGUFHeader
    private let existing: Existing
    private let partialPath: String
    private let descriptor: Int32
    private var isFinished = false
    /// The tensor that is being written, and its bytes so far.
    private var tensor = 0
    private var tensorBytes = 0

    /// Reserves the file's whole size, so that a full disk is found before any work is done.
    public init(path: String, header: GGUFHeader, existing: Existing) throws(CheckpointError) {
        guard !path.utf8.contains(0) else {
            throw CheckpointError(path: path, fault: .unsafeFileName(path))
        }
        try Self.requireRoom(for: path, existing)
        self.path = path
        self.header = header
        self.existing = existing
        partialPath = "\(path).\(getpid()).partial"
        descriptor = open(partialPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw CheckpointError(path: partialPath, fault: .system(operation: "create", code: errno))
        }
        let start = header.encoded
        let total = start.count + header.dataBytes
        // File systems that cannot reserve tell of a full disk when it is full.
        guard posix_fallocate(descriptor, 0, total) != ENOSPC else {
            throw error(.system(operation: "reserve \(total) bytes", code: ENOSPC))
        }
        try write(start, .header)
    }

    deinit {
        close(descriptor)
        if !isFinished, descriptor >= 0 { unlink(partialPath) }
    }

    /// The next bytes of the tensors, in the header's order; no more than are left of the current one.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        precondition(tensor < header.tensors.count, "bytes behind the last tensor")
        let name = header.tensors[tensor].name
        let size = header.tensors[tensor].byteCount
        precondition(bytes.count <= size - tensorBytes, "too many bytes for tensor \(name)")
        try writeAll(bytes, .tensor(name))
        tensorBytes += bytes.count
        guard tensorBytes == size else { return }
        try write([UInt8](repeating: 0, count: size.roundedUp(to: header.alignment) - size), .tensor(name))
        tensor += 1
        tensorBytes = 0
    }

    /// Gives the file its name, once all of it is on the disk.
    public func finish() throws(CheckpointError) {
        precondition(tensor == header.tensors.count, "\(tensor) of \(header.tensors.count) tensors written")
        guard fsync(descriptor) == 0 else { throw error(.system(operation: "write", code: errno)) }
        try Self.requireRoom(for: path, existing)
        guard rename(partialPath, path) == 0 else {
            throw error(.system(operation: "rename \(partialPath)", code: errno))
        }
        isFinished = true
    }

    private static func requireRoom(for path: String, _ existing: Existing) throws(CheckpointError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard isFolder || existing == .refused else { return }
        throw CheckpointError(path: path, fault: .system(operation: "create", code: isFolder ? EISDIR : EEXIST))
    }

    private func write(_ bytes: [UInt8], _ subject: CheckpointError.Subject) throws(CheckpointError) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(CheckpointError) in
            try writeAll(UnsafeRawBufferPointer(bytes), subject)
        }
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer, _ subject: CheckpointError.Subject) throws(CheckpointError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw error(.system(operation: "write", code: errno), subject) }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    private func error(
        _ fault: CheckpointError.Fault, _ subject: CheckpointError.Subject = .file
    ) -> CheckpointError {
        CheckpointError(path: path, subject: subject, fault: fault)
    }
}

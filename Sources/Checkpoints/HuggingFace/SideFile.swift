// SideFile.swift: reads one small file of a Hugging Face directory, whole and bounded.

import Glibc
import JSON

enum SideFile {
    /// The file's bytes, or nil when it does not exist. Any other failure is thrown.
    static func bytes(at path: String) throws(CheckpointError) -> [UInt8]? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw CheckpointError(path: path, fault: .system(operation: "open", code: errno))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw CheckpointError(path: path, fault: .system(operation: "examine", code: errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CheckpointError(path: path, fault: .notRegularFile)
        }
        let size = Int(status.st_size)
        guard size > 0 else { throw CheckpointError(path: path, fault: .empty) }
        guard size <= CheckpointLimits.sideFileBytesMax else {
            let limit = CheckpointLimits.sideFileBytesMax
            let fault = CheckpointError.Fault.overLimit(
                quantity: "file size", value: UInt64(size), limit: limit)
            throw CheckpointError(path: path, fault: fault)
        }
        return try read(descriptor, count: size, path: path)
    }

    /// The file as JSON, or nil when it does not exist.
    static func json(
        at path: String, allowNaN: Bool = false
    ) throws(CheckpointError) -> JSONValue? {
        guard let bytes = try bytes(at: path) else { return nil }
        let limits = JSONReader.Limits(
            bytesMax: CheckpointLimits.sideFileBytesMax, allowNaN: allowNaN)
        do {
            return try JSONReader.parse(bytes, limits: limits)
        } catch {
            throw CheckpointError(path: path, offset: error.offset, fault: .invalidJSON(error))
        }
    }

    /// The file as text, or nil when it does not exist.
    static func text(at path: String) throws(CheckpointError) -> String? {
        guard let bytes = try bytes(at: path) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CheckpointError(path: path, fault: .invalidUTF8)
        }
        return text
    }

    private static func read(
        _ descriptor: Int32, count: Int, path: String
    ) throws(CheckpointError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let received = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress! + filled, count - filled)
            }
            if received < 0, errno == EINTR { continue }
            guard received >= 0 else {
                throw CheckpointError(path: path, fault: .system(operation: "read", code: errno))
            }
            guard received > 0 else {
                throw CheckpointError(
                    path: path, fault: .changedWhileOpen(bytesBefore: count, bytesNow: filled))
            }
            filled += received
        }
        return bytes
    }
}

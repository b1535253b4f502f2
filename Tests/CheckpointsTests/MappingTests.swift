// MappingTests.swift: what cannot be opened or does not stay as it was is a clear error.

import Checkpoints
import Core
import Foundation
import Testing

@Suite struct MappingTests {
    let folder = TemporaryFolder()

    @Test func `a missing path is refused with the system's reason`() {
        let error = refusal(of: folder.path + "/none.gguf")
        #expect(error?.fault == .system(operation: "open", code: ENOENT))
        #expect(error?.description.contains("No such file or directory") == true)
        #expect(error?.description.contains("none.gguf") == true)
    }

    @Test func `a file without permission is refused with the system's reason`() throws {
        let path = folder.write(GGUFWriter.sample.encoded, as: "model.gguf")
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
        // Nothing is denied to root, so this thread alone opens files as nobody; 65534 is nobody.
        typealias SetFileUser = @convention(c) (UInt32) -> Int32
        let setFileUser = unsafeBitCast(
            try #require(dlsym(nil, "setfsuid")), to: SetFileUser.self)
        let user = geteuid()
        if user == 0 { _ = setFileUser(65534) }
        defer { _ = setFileUser(user) }
        #expect(refusal(of: path)?.fault == .system(operation: "open", code: EACCES))
    }

    @Test(arguments: ["model.gguf", "model.safetensors"])
    func `an empty file is refused`(name: String) {
        #expect(refusal(of: folder.write([], as: name))?.fault == .empty)
    }

    @Test(arguments: ["pipe.gguf", "pipe.safetensors"])
    func `a pipe is refused at once`(name: String) {
        let path = folder.path + "/" + name
        #expect(mkfifo(path, 0o600) == 0)
        #expect(refusal(of: path)?.fault == .notRegularFile)
    }

    @Test func `a device is refused`() {
        #expect(refusal(of: "/dev/zero")?.fault == .notRegularFile)
    }

    @Test func `a file that is shortened while open is noticed`() throws {
        let bytes = GGUFWriter.sample.encoded
        let path = folder.write(bytes, as: "model.gguf")
        let checkpoint = try Checkpoint.open(path)
        try checkpoint.requireUnchanged()
        #expect(truncate(path, 100) == 0)
        do throws(CheckpointError) {
            try checkpoint.requireUnchanged()
            Issue.record("not noticed")
        } catch {
            let fault = CheckpointError.Fault.changedWhileOpen(
                bytesBefore: bytes.count, bytesNow: 100)
            #expect(error.fault == fault)
        }
    }

    @Test func `what a shortened file has lost reads as zeros, and is noticed`() throws {
        var writer = GGUFWriter()
        writer.add(
            tensor: "big", dimensions: [1 << 20], type: .i8, [UInt8](repeating: 5, count: 1 << 20))
        let path = folder.write(writer.encoded, as: "model.gguf")
        let checkpoint = try Checkpoint.open(path)
        let tensor = try #require(checkpoint.tensor("big"))
        #expect(tensor.bytes.last == 5)
        #expect(truncate(path, 100_000) == 0)
        #expect(tensor.bytes.first == 5)
        #expect(tensor.bytes.last == 0)
        #expect(tensor.bytes[500_000] == 0)
        // Even when the file has its old length and time again, what was read is not trusted.
        _ = folder.write(writer.encoded, as: "model.gguf")
        #expect(throws: CheckpointError.self) { try checkpoint.requireUnchanged() }
        let again = try #require(try Checkpoint.open(path).tensor("big"))
        #expect(again.bytes.last == 5)
    }

    @Test func `many threads may meet the lost part at once`() throws {
        var writer = GGUFWriter()
        writer.add(
            tensor: "big", dimensions: [4 << 20], type: .i8, [UInt8](repeating: 5, count: 4 << 20))
        let path = folder.write(writer.encoded, as: "model.gguf")
        let tensor = try #require(try Checkpoint.open(path).tensor("big"))
        #expect(truncate(path, 8192) == 0)
        DispatchQueue.concurrentPerform(iterations: 8) { part in
            let size = tensor.bytes.count / 8
            #expect(
                tensor.bytes[(part * size + size / 2)..<((part + 1) * size)].allSatisfy { $0 == 0 })
        }
        #expect(throws: CheckpointError.self) { try tensor.owner.requireUnchanged() }
    }

    @Test func `a path with a zero byte is refused`() {
        let path = folder.write(GGUFWriter.sample.encoded, as: "model.gguf")
        #expect(refusal(of: path + "\0x")?.fault == .unsafeFileName(path + "\0x"))
    }

    @Test func `tensors outlive the checkpoint that they came from`() throws {
        let path = folder.write(GGUFWriter.sample.encoded, as: "model.gguf")
        let tensor = try #require(try Checkpoint.open(path).tensor("b.weight"))
        #expect(Array(tensor.bytes) == [UInt8](repeating: 2, count: 54))
    }

    @Test func `names in errors are shown without control characters and bounded`() {
        let name = "a\u{1b}[31m\n" + String(repeating: "x", count: 1000)
        let error = CheckpointError(path: "p", subject: .tensor(name), offset: 7, fault: .duplicate)
        #expect(!error.description.contains("\u{1b}"))
        #expect(!error.description.contains("\n"))
        #expect(error.description.count < 300)
        #expect(error.description.hasSuffix("occurs twice (at byte 7)"))
    }
}

// GGUFFileWriterTests.swift: what is written reads back as it was; nothing is left of what was not finished.

import Checkpoints
import Core
import Foundation
import Material
import Testing

@Suite struct GGUFFileWriterTests {
    let folder = TemporaryFolder()

    var target: String { folder.path + "/new.gguf" }

    /// The same keys and tensors again.
    func header(of checkpoint: Checkpoint) -> GGUFHeader {
        let tensors = checkpoint.tensors.values.sorted { $0.fileOffset < $1.fileOffset }
        return GGUFHeader(
            keys: checkpoint.metadataOrder.map { ($0, checkpoint.metadata[$0]!) },
            tensors: tensors.map { .init(name: $0.name, shape: $0.shape, format: $0.format) })
    }

    func copy(_ checkpoint: Checkpoint, existing: GGUFFileWriter.Existing = .refused) throws {
        let header = header(of: checkpoint)
        let writer = try GGUFFileWriter(path: target, header: header, existing: existing)
        for tensor in header.tensors {
            let bytes = checkpoint.tensor(tensor.name)!.bytes
            let half = bytes.count / 2
            try writer.append(UnsafeRawBufferPointer(rebasing: bytes[..<half]))
            try writer.append(UnsafeRawBufferPointer(rebasing: bytes[half...]))
        }
        try writer.finish()
    }

    @Test(arguments: [32, 64, 4096]) func `a copy is the same file byte for byte`(alignment: Int) throws {
        var sample = GGUFWriter()
        sample.alignment = alignment
        sample.keys = GGUFWriter.sample.keys
        sample.keys[1].encoded = GGUFWriter.bytes(UInt32(4)) + GGUFWriter.bytes(UInt32(alignment))
        sample.add(tensor: "a.weight", dimensions: [4, 2], type: .f32, [UInt8](repeating: 1, count: 32))
        sample.add(tensor: "b.weight", dimensions: [32, 3], type: .q4_0, [UInt8](repeating: 2, count: 54))
        sample.add(tensor: "c.weight", dimensions: [3], type: .bf16, [UInt8](repeating: 3, count: 6))
        let checkpoint = try Checkpoint.open(folder.write(sample.encoded, as: "model.gguf"))
        try copy(checkpoint)
        let written = [UInt8](try Data(contentsOf: URL(filePath: target)))
        #expect(Array(written.prefix(sample.encoded.count)) == sample.encoded)
        #expect(written.count % alignment == 0)
        #expect(written.dropFirst(sample.encoded.count).allSatisfy { $0 == 0 })
        #expect(try Checkpoint.open(target).metadata == checkpoint.metadata)
    }

    @Test(.enabled(if: Material.hasModels, Material.modelsReason))
    func `copies of real models are the same files`() throws {
        for path in Material.models.map(Material.model) {
            let checkpoint = try Checkpoint.open(path)
            try copy(checkpoint, existing: .replaced)
            #expect(FileManager.default.contentsEqual(atPath: path, andPath: target), "\(path)")
        }
    }

    @Test func `a file without tensors has its keys`() throws {
        let keys: [(name: String, value: GGUFValue)] = [("general.architecture", .string("llama"))]
        try GGUFFileWriter(path: target, header: GGUFHeader(keys: keys, tensors: []), existing: .refused).finish()
        #expect(try Checkpoint.open(target).metadata == ["general.architecture": .string("llama")])
    }

    @Test func `an existing file is refused, and left alone`() throws {
        _ = folder.write([1, 2, 3], as: "new.gguf")
        let checkpoint = try Checkpoint.open(folder.write(GGUFWriter.sample.encoded, as: "model.gguf"))
        #expect(throws: CheckpointError(path: target, fault: .system(operation: "create", code: EEXIST))) {
            try copy(checkpoint)
        }
        #expect(FileManager.default.contents(atPath: target) == Data([1, 2, 3]))
        try copy(checkpoint, existing: .replaced)
        #expect(try Checkpoint.open(target).tensors.count == 3)
    }

    @Test func `a file that is not finished leaves nothing`() throws {
        let header = GGUFHeader(keys: [], tensors: [.init(name: "x", shape: [4], format: .f32)])
        do {
            let writer = try GGUFFileWriter(path: target, header: header, existing: .refused)
            try [UInt8](repeating: 1, count: 8).withUnsafeBytes { try writer.append($0) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
            #expect(!FileManager.default.fileExists(atPath: target))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func `a folder is never replaced`() {
        #expect(throws: CheckpointError(path: folder.path, fault: .system(operation: "create", code: EISDIR))) {
            try GGUFFileWriter(path: folder.path, header: GGUFHeader(keys: [], tensors: []), existing: .replaced)
        }
    }

    @Test func `a folder that is not there is named`() {
        let path = folder.path + "/none/new.gguf"
        #expect {
            try GGUFFileWriter(path: path, header: GGUFHeader(keys: [], tensors: []), existing: .refused)
        } throws: { error in
            (error as? CheckpointError)?.fault == .system(operation: "create", code: ENOENT)
        }
    }
}

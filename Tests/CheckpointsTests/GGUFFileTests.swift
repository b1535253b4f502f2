// GGUFFileTests.swift: what a GGUF file says is read exactly, in both versions.

import Checkpoints
import Core
import Testing

@Suite struct GGUFFileTests {
    let folder = TemporaryFolder()

    @Test(arguments: [2, 3] as [UInt32]) func `every metadata type is read`(version: UInt32) throws
    {
        var writer = GGUFWriter.sample
        writer.version = version
        let checkpoint = try Checkpoint.open(folder.write(writer.encoded, as: "model.gguf"))
        let metadata = checkpoint.metadata
        #expect(checkpoint.container == .gguf)
        #expect(metadata.count == writer.keys.count)
        #expect(metadata["general.architecture"] == .string("llama"))
        #expect(metadata["type.uint8"] == .uint8(200))
        #expect(metadata["type.int8"]?.intValue == -5)
        #expect(metadata["type.uint16"] == .uint16(60_000))
        #expect(metadata["type.int16"] == .int16(-300))
        #expect(metadata["type.int32"] == .int32(-70_000))
        #expect(metadata["type.float32"]?.doubleValue == 1.5)
        #expect(metadata["type.bool"]?.boolValue == true)
        #expect(metadata["type.uint64"] == .uint64(.max))
        #expect(metadata["type.uint64"]?.intValue == nil)
        #expect(metadata["type.int64"]?.intValue == .min)
        #expect(metadata["type.float64"] == .float64(-0.25))
        #expect(metadata["tokenizer.ggml.scores"]?.arrayValue?.floats == [1, -2])
        #expect(metadata["flags"]?.arrayValue?.booleans == [true, false, true])
    }

    @Test func `strings of an array keep their bytes`() throws {
        let checkpoint = try Checkpoint.open(
            folder.write(GGUFWriter.sample.encoded, as: "model.gguf"))
        let tokens = try #require(
            checkpoint.metadata["tokenizer.ggml.tokens"]?.arrayValue?.stringArray)
        #expect(tokens.count == 4)
        #expect(tokens.strings == ["", "a", "bc", "déf"])
        #expect(tokens.byteArrays == [[], [97], [98, 99], Array("déf".utf8)])
        #expect(tokens[3] == Array("déf".utf8))
    }

    @Test func `arrays nest`() throws {
        let checkpoint = try Checkpoint.open(
            folder.write(GGUFWriter.sample.encoded, as: "model.gguf"))
        guard case .array(.arrays(let arrays)) = checkpoint.metadata["nested"] else {
            Issue.record("nested is not an array of arrays")
            return
        }
        #expect(arrays.map(\.integers) == [[7, -8], nil])
        #expect(arrays[1].count == 0)
    }

    @Test func `tensors have reversed dimensions and exactly their bytes`() throws {
        let checkpoint = try Checkpoint.open(
            folder.write(GGUFWriter.sample.encoded, as: "model.gguf"))
        let quantized = try #require(checkpoint.tensor("b.weight"))
        #expect(quantized.shape == [3, 32])
        #expect(quantized.format == .q4_0)
        #expect(Array(quantized.bytes) == [UInt8](repeating: 2, count: 54))
        #expect(checkpoint.tensor("a.weight")?.shape == [2, 4])
        #expect(checkpoint.tensor("c.weight")?.elementCount == 3)
        #expect(checkpoint.totalBytes == 32 + 54 + 6)
    }

    @Test(arguments: [8, 64, 4096]) func `the stated alignment decides where data begins`(
        alignment: Int
    ) throws {
        var writer = GGUFWriter()
        writer.alignment = alignment
        writer.add("general.alignment", UInt32(alignment))
        writer.add(tensor: "x", dimensions: [1], type: .f32, [1, 2, 3, 4])
        writer.add(tensor: "y", dimensions: [1], type: .f32, [5, 6, 7, 8])
        let checkpoint = try Checkpoint.open(folder.write(writer.encoded, as: "model.gguf"))
        #expect(checkpoint.tensor("y").map { Array($0.bytes) } == [5, 6, 7, 8])
        #expect(checkpoint.tensor("y").map { $0.fileOffset % alignment } == 0)
    }
}

// GGUFShardTests.swift: a model in several GGUF files is one model, or refused.

import Checkpoints
import Core
import Testing

@Suite struct GGUFShardTests {
    let folder = TemporaryFolder()

    /// Writes `count` shards with one tensor each; `change` may spoil one. Answers the first path.
    func write(count: Int, change: (Int, inout GGUFWriter) -> Void = { _, _ in }) -> String {
        var first = ""
        for index in 0..<count {
            var writer = GGUFWriter()
            if index == 0 { writer.add("general.architecture", "llama") }
            writer.add("split.no", type: 2, GGUFWriter.bytes(UInt16(index)))
            writer.add("split.count", type: 2, GGUFWriter.bytes(UInt16(count)))
            writer.add("split.tensors.count", type: 5, GGUFWriter.bytes(Int32(count)))
            writer.add(
                tensor: "blk.\(index).w", dimensions: [2], type: .f16, [UInt8(index), 0, 0, 0])
            change(index, &writer)
            let path = folder.write(writer.encoded, as: "m-0000\(index + 1)-of-0000\(count).gguf")
            if index == 0 { first = path }
        }
        return first
    }

    @Test func `the tensors of all shards are one table`() throws {
        let checkpoint = try Checkpoint.open(write(count: 3))
        #expect(checkpoint.tensors.count == 3)
        #expect(checkpoint.tensor("blk.2.w").map { $0.bytes.first } == 2)
        #expect(checkpoint.mappings.count == 3)
        #expect(checkpoint.metadata["general.architecture"] == .string("llama"))
    }

    @Test func `another shard than the first is refused`() {
        _ = write(count: 2)
        let error = refusal(of: folder.path + "/m-00002-of-00002.gguf")
        #expect(error?.fault == .notFirstShard(number: 2, count: 2))
    }

    @Test func `a missing shard is named`() throws {
        let first = write(count: 2)
        let second = folder.path + "/m-00002-of-00002.gguf"
        try folder.remove("m-00002-of-00002.gguf")
        #expect(refusal(of: first)?.path == second)
    }

    @Test func `a name without shard numbers is refused`() throws {
        try folder.move(write(count: 2), to: "model.gguf")
        #expect(refusal(of: folder.path + "/model.gguf")?.fault == .shardNameMismatch(count: 2))
    }

    @Test func `a shard with another number is refused`() {
        let first = write(count: 2) { index, writer in
            if index == 1 { writer.keys[0].encoded = GGUFWriter.bytes(UInt32(2)) + [5, 0] }
        }
        let error = refusal(of: first)
        #expect(error?.fault == .shardMismatch(expected: 1, found: 5))
        #expect((error?.offset ?? 0) >= 24)
    }

    @Test func `a tensor in two shards is refused`() {
        let first = write(count: 2) { _, writer in writer.tensors[0].name = "same" }
        let error = refusal(of: first)
        #expect(error?.subject == .tensor("same"))
        #expect(error?.fault == .duplicate)
    }

    @Test func `a wrong total of tensors is refused`() {
        let first = write(count: 2) { _, writer in
            writer.add(tensor: "more.\(writer.keys.count)", dimensions: [1], type: .i8, [1])
        }
        #expect(refusal(of: first)?.fault == .shardMismatch(expected: 2, found: 4))
    }
}

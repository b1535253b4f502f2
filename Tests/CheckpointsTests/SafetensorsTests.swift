// SafetensorsTests.swift: what a safetensors file says is read exactly, and lies are refused.

import Checkpoints
import Core
import JSON
import Testing

@Suite struct SafetensorsTests {
    let folder = TemporaryFolder()

    func refusal(_ change: (inout SafetensorsWriter) -> Void) -> CheckpointError? {
        var writer = SafetensorsWriter()
        writer.add("a", "F32", [2], [UInt8](repeating: 1, count: 8))
        writer.add("b", "U8", [4], [1, 2, 3, 4])
        change(&writer)
        return CheckpointsTests.refusal(of: folder.write(writer.encoded, as: "model.safetensors"))
    }

    @Test func `every element type is read`() throws {
        let path = folder.write(SafetensorsWriter.sample.encoded, as: "model.safetensors")
        let checkpoint = try Checkpoint.open(path)
        #expect(checkpoint.container == .huggingFace)
        #expect(checkpoint.configuration == nil)
        for (name, size) in SafetensorsWriter.types {
            let tensor = try #require(checkpoint.tensor("t.\(name)"))
            #expect(tensor.shape == [2, 3])
            #expect(tensor.format.blockBytes == size)
            #expect(Array(tensor.bytes) == [UInt8](repeating: 7, count: 6 * size))
        }
        #expect(checkpoint.tensor("scalar")?.shape == [])
        #expect(checkpoint.tensor("scalar")?.elementCount == 1)
        #expect(checkpoint.tensor("empty")?.bytes.count == 0)
        #expect(checkpoint.tensors.count == SafetensorsWriter.types.count + 2)
    }

    @Test(arguments: [UInt64.max, 1 << 63, 100_000_001] as [UInt64])
    func `a header beyond the limit is refused`(length: UInt64) {
        let limit = CheckpointLimits.safetensorsHeaderBytesMax
        let fault = CheckpointError.Fault.overLimit(
            quantity: "header length", value: length, limit: limit)
        #expect(refusal { $0.headerLength = length }?.fault == fault)
    }

    @Test func `a header longer than the file is refused`() {
        let error = refusal { $0.headerLength = 5000 }
        guard case .truncated(5000, _) = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a header that is no object is refused`() {
        let bytes = GGUFWriter.bytes(UInt64(4)) + Array("null".utf8)
        let error = CheckpointsTests.refusal(of: folder.write(bytes, as: "x.safetensors"))
        #expect(error?.fault == .wrongKind(expected: "a JSON object"))
    }

    @Test func `a tensor that occurs twice is refused at its byte`() {
        let error = refusal { $0.members.append($0.members[0]) }
        guard case .invalidJSON(let reason) = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.kind == .duplicateKey("a"))
        #expect(error?.offset == reason.offset)
        #expect((error?.offset ?? 0) > 8)
    }

    @Test func `a hole in the data is refused`() {
        let error = refusal {
            $0.data += [0, 0, 0]
            $0.add("c", "U8", [1], [1])
        }
        #expect(error?.subject == .tensor("c"))
        #expect(error?.fault == .hole(bytes: 3))
    }

    @Test func `bytes after the last tensor are refused`() {
        #expect(refusal { $0.data += [0, 0, 0, 0, 0] }?.fault == .hole(bytes: 5))
    }

    @Test func `tensors that overlap are refused`() {
        let error = refusal { $0.add("c", "U8", "[4]", 7, 11) }
        guard case .overlap = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a range past the end is refused`() {
        let error = refusal { $0.add("c", "U8", "[4]", 12, 16) }
        #expect(error?.subject == .tensor("c"))
        guard case .pastEnd = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(refusal { $0.add("c", "U8", "[4]", 0, .max) }?.subject == .tensor("c"))
    }

    @Test func `a range that runs backwards or is negative is refused`() {
        let backwards = refusal { $0.add("c", "U8", "[4]", 8, 4) }
        #expect(backwards?.fault == .invalidRange(begin: 8, end: 4))
        let negative = refusal { $0.add("c", "U8", "[4]", -4, 0) }
        #expect(negative?.fault == .invalidRange(begin: -4, end: 0))
    }

    @Test func `a shape that needs other bytes is refused`() {
        let error = refusal { $0.add("c", "F32", [3], [1, 2, 3, 4]) }
        #expect(error?.fault == .sizeMismatch(declared: 4, expected: 12))
    }

    @Test(arguments: [
        "[4294967296,4294967296]", "[9223372036854775807,2]", "[9223372036854775807,2,0]",
    ])
    func `a shape that overflows is refused`(shape: String) {
        #expect(refusal { $0.add("c", "U8", shape, 12, 12) }?.fault == .overflow)
    }

    @Test(arguments: ["[-1]", "[1.0]", "[\"1\"]", "null", "1", "[18446744073709551616]"])
    func `a shape of other things than counts is refused`(shape: String) {
        let error = refusal { $0.add("c", "U8", shape, 12, 12) }
        #expect(error?.fault == .wrongKind(expected: "a shape of integers from 0 on"))
    }

    @Test(arguments: ["F6", "C32", "f32", "", "INT8"])
    func `an unknown element type is refused by name`(type: String) {
        let error = refusal { $0.add("c", type, "[0]", 12, 12) }
        #expect(error?.fault == .unknownElementType(type))
        // Where the header names the tensor: after the length, a brace and two members.
        #expect((error?.offset ?? 0) > 8 + 100)
    }

    @Test(arguments: [("F4", [3, 2], 3), ("F6_E2M3", [2, 6], 9), ("F6_E3M2", [4], 3), ("C64", [2], 16)])
    func `elements below a byte and complex ones open as they lie`(
        type: String, shape: [Int], bytes: Int
    ) throws {
        var writer = SafetensorsWriter()
        writer.add("odd", type, shape, Array(repeating: 5, count: bytes))
        let checkpoint = try Checkpoint.open(folder.write(writer.encoded, as: "model.safetensors"))
        let tensor = try #require(checkpoint.tensor("odd"))
        #expect(tensor.shape == shape && tensor.bytes.count == bytes)
    }

    @Test func `elements below a byte that fill no byte are refused`() {
        let error = refusal { $0.add("c", "F6_E2M3", [3], [1, 2]) }
        #expect(error?.fault == .partialBlock(elements: 3, blockElements: 4))
    }

    @Test(arguments: [
        "\"c\":null", "\"c\":{}", "\"c\":{\"dtype\":\"U8\",\"shape\":[0]}",
        "\"c\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[12]}",
        "\"c\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[12,12,12]}",
        "\"c\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[12.5,12.5]}",
        "\"c\":{\"dtype\":8,\"shape\":[0],\"data_offsets\":[12,12]}",
        "\"__metadata__\":[]", "\"__metadata__\":{\"format\":1}",
    ])
    func `a member of another form is refused`(member: String) {
        guard case .wrongKind = refusal({ $0.members.append(member) })?.fault else {
            Issue.record("\(member) was not refused for its form")
            return
        }
    }

    @Test func `every truncation of a file is refused`() {
        let whole = SafetensorsWriter.sample.encoded
        for count in 0..<whole.count {
            let path = folder.write(whole.prefix(count), as: "model.safetensors")
            #expect(CheckpointsTests.refusal(of: path) != nil, "\(count) bytes")
        }
    }
}

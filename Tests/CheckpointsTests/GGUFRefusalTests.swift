// GGUFRefusalTests.swift: each way in which a GGUF file can lie, refused by name and number.

import Checkpoints
import Core
import Testing

@Suite struct GGUFRefusalTests {
    let folder = TemporaryFolder()

    /// The error for the sample file after `change`.
    func refusal(_ change: (inout GGUFWriter) -> Void) -> CheckpointError? {
        var writer = GGUFWriter.sample
        change(&writer)
        return CheckpointsTests.refusal(of: folder.write(writer.encoded, as: "model.gguf"))
    }

    @Test func `another magic is refused with its bytes`() {
        let error = refusal { $0.magic = Array("GGML".utf8) }
        #expect(error?.fault == .wrongMagic(Array("GGML".utf8)))
    }

    @Test(arguments: [0, 1, 4, 0x0300_0000] as [UInt32])
    func `another version is refused`(version: UInt32) {
        #expect(refusal { $0.version = version }?.fault == .unsupportedVersion(version))
    }

    @Test func `a big-endian file is called that`() {
        let error = refusal { $0.version = 0x0300_0000 }
        #expect(error?.description.contains("big-endian file of GGUF version 3") == true)
    }

    @Test(arguments: [UInt64.max, 1 << 40, 70_000] as [UInt64])
    func `a key count beyond the limit is refused before reading`(count: UInt64) {
        let error = refusal { $0.keyCount = count }
        #expect(
            error?.fault
                == .overLimit(quantity: "key count", value: count, limit: CheckpointLimits.keysMax))
        #expect(error?.offset == 16)
    }

    @Test(arguments: [UInt64.max, 1 << 63, (1 << 20) + 1] as [UInt64])
    func `a tensor count beyond the limit is refused before reading`(count: UInt64) {
        let fault = CheckpointError.Fault.overLimit(
            quantity: "tensor count", value: count, limit: CheckpointLimits.tensorsMax)
        #expect(refusal { $0.tensorCount = count }?.fault == fault)
    }

    @Test func `a tensor count that the file has no room for is refused`() {
        let error = refusal { $0.tensorCount = 100_000 }
        guard case .truncated(let needed, _) = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(needed == 2_400_000)
        #expect(error?.subject == .header)
    }

    @Test func `a key that occurs twice is refused by name`() {
        let error = refusal { $0.add("type.bool", 1) }
        #expect(error?.subject == .key("type.bool"))
        #expect(error?.fault == .duplicate)
    }

    @Test func `a tensor that occurs twice is refused by name`() {
        let error = refusal {
            $0.add(tensor: "a.weight", dimensions: [1], type: .f32, [0, 0, 0, 0])
        }
        #expect(error?.subject == .tensor("a.weight"))
        #expect(error?.fault == .duplicate)
    }

    @Test(arguments: [4, 5, 9, 15, 16, 34, 40, 1000, 1005, .max] as [UInt32])
    func `an unknown tensor type is refused with tensor and number`(type: UInt32) {
        let error = refusal { $0.tensors[1].type = type }
        #expect(error?.subject == .tensor("b.weight"))
        #expect(error?.fault == .unknownType(type))
        #expect(error?.description.contains("type \(type)") == true)
    }

    @Test(arguments: [13, 99, .max] as [UInt32])
    func `an unknown value type is refused with its key`(type: UInt32) {
        let error = refusal { $0.add("odd", type: type, [0, 0, 0, 0]) }
        #expect(error?.subject == .key("odd"))
    }

    @Test func `a boolean other than 0 and 1 is refused`() {
        #expect(refusal { $0.add("odd", type: 7, [2]) }?.fault == .invalidBoolean(2))
    }

    @Test func `text that is not UTF-8 is refused`() {
        let text = GGUFWriter.bytes(UInt64(2)) + [0xc3, 0x28]
        let error = refusal { $0.add("odd", type: 8, text) }
        #expect(error?.subject == .key("odd"))
        #expect(error?.fault == .invalidUTF8)
    }

    @Test(arguments: [UInt64.max, 1 << 62, 1 << 33] as [UInt64])
    func `a string longer than the file is refused`(length: UInt64) {
        let error = refusal { $0.add("odd", type: 8, GGUFWriter.bytes(length)) }
        #expect(error?.subject == .key("odd"))
    }

    @Test(
        arguments: [0, 4, 6, 7, 8, 9, 10] as [UInt32], [UInt64.max, 1 << 61, 1 << 32] as [UInt64])
    func `an array longer than the file is refused`(type: UInt32, count: UInt64) {
        let error = refusal { $0.add("odd", elementType: type, count: count, [1, 2, 3]) }
        #expect(error?.subject == .key("odd"))
        guard case .truncated = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `arrays nest only to the limit`() {
        let innermost = GGUFWriter.bytes(UInt32(0)) + GGUFWriter.bytes(UInt64(0))
        let one = GGUFWriter.bytes(UInt32(9)) + GGUFWriter.bytes(UInt64(1))
        let deep = (0..<10_000).flatMap { _ in one } + innermost
        let error = refusal { $0.add("deep", type: 9, deep) }
        #expect(error?.subject == .key("deep"))
        let limit = CheckpointLimits.arrayDepthMax
        let fault = CheckpointError.Fault.overLimit(
            quantity: "array depth", value: UInt64(limit + 1), limit: limit)
        #expect(error?.fault == fault)
    }

    @Test(arguments: [0, 3, 48, 1 << 21] as [UInt32])
    func `an impossible alignment is refused`(alignment: UInt32) {
        let error = refusal {
            $0.keys[1].encoded = GGUFWriter.bytes(UInt32(4)) + GGUFWriter.bytes(alignment)
        }
        #expect(error?.subject == .key("general.alignment"))
        #expect(error?.fault == .invalidAlignment(UInt64(alignment)))
        #expect((error?.offset ?? 0) >= 24)
    }

    @Test func `an alignment of another type is refused`() {
        let error = refusal {
            $0.keys[1].encoded = GGUFWriter.bytes(UInt32(8)) + GGUFWriter.string("32")
        }
        #expect(error?.fault == .wrongKind(expected: "a uint32"))
    }

    @Test func `an offset off the alignment is refused`() {
        let error = refusal { $0.tensors[1].offset += 4 }
        #expect(error?.subject == .tensor("b.weight"))
        #expect(error?.fault == .misaligned(alignment: 32))
    }

    @Test(arguments: [UInt64.max & ~31, 1 << 40, 96] as [UInt64])
    func `a tensor past the end is refused with end and limit`(offset: UInt64) {
        let error = refusal { $0.tensors[1].offset = offset }
        #expect(error?.subject == .tensor("b.weight"))
        guard case .pastEnd(let end, let limit) = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(end > UInt64(limit))
    }

    @Test func `tensors that overlap are refused with both names`() {
        let error = refusal { $0.tensors[2].offset = 32 }
        #expect(error?.fault != nil)
        guard case .overlap = error?.fault else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `dimensions whose product overflows are refused`() {
        let error = refusal { $0.tensors[0].dimensions = [1 << 32, 1 << 32] }
        #expect(error?.subject == .tensor("a.weight"))
        #expect(error?.fault == .overflow)
        #expect(refusal { $0.tensors[0].dimensions = [.max] }?.fault == .overflow)
        #expect(refusal { $0.tensors[0].dimensions = [1 << 62] }?.fault == .overflow)
    }

    @Test func `a dimension of zero is refused`() {
        #expect(refusal { $0.tensors[0].dimensions = [4, 0] }?.fault == .emptyDimension(index: 1))
    }

    @Test func `rows that do not fill blocks are refused`() {
        let error = refusal { $0.tensors[1].dimensions = [48, 2] }
        #expect(error?.fault == .partialBlock(elements: 48, blockElements: 32))
    }

    @Test(arguments: [9, 1000, .max] as [UInt32])
    func `too many dimensions are refused`(count: UInt32) {
        var writer = GGUFWriter()
        writer.tensorCount = 1
        writer.data =
            GGUFWriter.string("x") + GGUFWriter.bytes(count) + [UInt8](repeating: 1, count: 256)
        // Without padding the data stands where the tensor entries belong.
        writer.alignment = 1
        let error = CheckpointsTests.refusal(of: folder.write(writer.encoded, as: "model.gguf"))
        #expect(error?.subject == .tensor("x"))
    }

    @Test func `every truncation of a file is refused`() {
        let whole = GGUFWriter.sample.encoded
        for count in 0..<whole.count {
            let error = CheckpointsTests.refusal(
                of: folder.write(whole.prefix(count), as: "model.gguf"))
            #expect(error != nil, "\(count) bytes")
        }
    }
}

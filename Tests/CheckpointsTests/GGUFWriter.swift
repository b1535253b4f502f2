// GGUFWriter.swift: builds small GGUF files for tests, right or wrong in any field.

import Core
import Foundation

struct GGUFWriter {
    struct Tensor {
        var name: String
        /// Innermost first, as in the file.
        var dimensions: [UInt64]
        var type: UInt32
        var offset: UInt64
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    var tensorCount: UInt64?
    var keyCount: UInt64?
    /// Name and its encoded type and value.
    var keys: [(name: String, encoded: [UInt8])] = []
    var tensors: [Tensor] = []
    var alignment = 32
    var data: [UInt8] = []

    static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    static func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + text.utf8 }

    mutating func add(_ name: String, type: UInt32, _ value: [UInt8]) {
        keys.append((name, Self.bytes(type) + value))
    }

    mutating func add(_ name: String, _ value: UInt32) { add(name, type: 4, Self.bytes(value)) }
    mutating func add(_ name: String, _ value: String) { add(name, type: 8, Self.string(value)) }

    mutating func add(_ name: String, elementType: UInt32, count: UInt64, _ elements: [UInt8]) {
        add(name, type: 9, Self.bytes(elementType) + Self.bytes(count) + elements)
    }

    mutating func add(_ name: String, _ values: [String]) {
        add(name, elementType: 8, count: UInt64(values.count), values.flatMap { Self.string($0) })
    }

    /// Appends a tensor of these values' bytes at the next aligned offset.
    mutating func add(
        tensor name: String, dimensions: [UInt64], type: ElementFormat, _ values: [UInt8]
    ) {
        data += [UInt8](repeating: 0, count: (alignment - data.count % alignment) % alignment)
        let offset = UInt64(data.count)
        tensors.append(
            Tensor(name: name, dimensions: dimensions, type: UInt32(type.rawValue), offset: offset))
        data += values
    }

    var encoded: [UInt8] {
        var file = magic + Self.bytes(version)
        file +=
            Self.bytes(tensorCount ?? UInt64(tensors.count))
            + Self.bytes(keyCount ?? UInt64(keys.count))
        for key in keys { file += Self.string(key.name) + key.encoded }
        for tensor in tensors {
            file += Self.string(tensor.name) + Self.bytes(UInt32(tensor.dimensions.count))
            for dimension in tensor.dimensions { file += Self.bytes(dimension) }
            file += Self.bytes(tensor.type) + Self.bytes(tensor.offset)
        }
        file += [UInt8](repeating: 0, count: (alignment - file.count % alignment) % alignment)
        return file + data
    }

    /// A valid file with every metadata type and several tensors.
    static var sample: GGUFWriter {
        var writer = GGUFWriter()
        writer.add("general.architecture", "llama")
        writer.add("general.alignment", 32)
        writer.add("type.uint8", type: 0, [200])
        writer.add("type.int8", type: 1, bytes(Int8(-5)))
        writer.add("type.uint16", type: 2, bytes(UInt16(60_000)))
        writer.add("type.int16", type: 3, bytes(Int16(-300)))
        writer.add("type.int32", type: 5, bytes(Int32(-70_000)))
        writer.add("type.float32", type: 6, bytes(Float(1.5).bitPattern))
        writer.add("type.bool", type: 7, [1])
        writer.add("type.uint64", type: 10, bytes(UInt64.max))
        writer.add("type.int64", type: 11, bytes(Int64.min))
        writer.add("type.float64", type: 12, bytes(Double(-0.25).bitPattern))
        writer.add("tokenizer.ggml.tokens", ["", "a", "bc", "déf"])
        writer.add(
            "tokenizer.ggml.scores", elementType: 6, count: 2,
            bytes(Float(1).bitPattern) + bytes(Float(-2).bitPattern))
        writer.add("flags", elementType: 7, count: 3, [1, 0, 1])
        let inner = bytes(UInt32(5)) + bytes(UInt64(2)) + bytes(Int32(7)) + bytes(Int32(-8))
        let empty = bytes(UInt32(8)) + bytes(UInt64(0))
        writer.add("nested", elementType: 9, count: 2, inner + empty)
        writer.add(
            tensor: "a.weight", dimensions: [4, 2], type: .f32, [UInt8](repeating: 1, count: 32))
        writer.add(
            tensor: "b.weight", dimensions: [32, 3], type: .q4_0, [UInt8](repeating: 2, count: 54))
        writer.add(
            tensor: "c.weight", dimensions: [3], type: .bf16, [UInt8](repeating: 3, count: 6))
        return writer
    }
}

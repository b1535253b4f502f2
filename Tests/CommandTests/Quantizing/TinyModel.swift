// TinyModel.swift: a small GGUF file with a tensor of every sort, and a folder that is gone afterwards.
import Checkpoints
import Core
import Foundation

final class TinyModel {
    static let keys: [(name: String, value: GGUFValue)] = [
        ("general.architecture", .string("llama")), ("general.file_type", .uint32(0)),
        ("general.alignment", .uint32(64)), ("tiny.bytes", .array(.uint8([1, 2, 255]))),
        ("tiny.nested", .array(.arrays([.int16([-1, 2]), .float64([.pi])]))),
        ("tiny.odd", .float32(Float(bitPattern: 0x7FC0_1234))), ("tiny.flag", .bool(true)),
        ("split.count", .uint16(1)),
    ]

    let folder: String
    var path: String { folder + "/tiny.gguf" }
    var output: String { folder + "/out.gguf" }

    /// - spoil: may change the values of a tensor.
    init(_ spoil: (_ tensor: String, _ values: inout [Float]) -> Void = { _, _ in }) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "tiny-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let tensors: [GGUFHeader.Tensor] = [
            .init(name: "token_embd.weight", shape: [64, 512], format: .f32),
            .init(name: "blk.0.attn_norm.weight", shape: [512], format: .f32),
            .init(name: "blk.0.attn_q.weight", shape: [96, 512], format: .f32),
            .init(name: "blk.0.attn_q.bias", shape: [96], format: .f32),
            .init(name: "blk.0.ffn_down.weight", shape: [512, 96], format: .f32),
            .init(name: "blk.0.odd.weight", shape: [8, 36], format: .f32),
            .init(name: "blk.0.ffn_gate_inp.weight", shape: [4, 512], format: .f32),
            .init(name: "blk.0.ffn_up_exps.weight", shape: [3, 16, 512], format: .f32),
        ]
        let writer = try GGUFFileWriter(
            path: path, header: GGUFHeader(keys: Self.keys, tensors: tensors), existing: .refused)
        for (index, tensor) in tensors.enumerated() {
            var values = Self.values(count: tensor.byteCount / 4, seed: UInt64(index))
            spoil(tensor.name, &values)
            try values.withUnsafeBytes { try writer.append($0) }
        }
        try writer.finish()
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    }

    private static func values(count: Int, seed: UInt64) -> [Float] {
        var state = seed &* 977 &+ 5
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Float(state >> 40) / Float(1 << 24) - 0.5) / 8
        }
    }
}

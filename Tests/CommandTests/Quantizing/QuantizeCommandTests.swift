// QuantizeCommandTests.swift: `tokenmill quantize` from the command line to the file that it wrote.
import ArgumentParser
import Checkpoints
import Core
import Foundation
import Kernels
import Material
import Testing
@testable import tokenmill

@Suite struct QuantizeCommandTests {
    func quantize(_ model: TinyModel, _ format: WeightFormat, head: WeightFormat? = nil) throws -> QuantizationSummary {
        try QuantizationJob(
            input: model.path, output: model.output, format: format, head: head ?? format.head, threads: 3,
            existing: .refused
        ).run()
    }

    func failure(_ words: [String]) -> String? {
        do {
            var command = try Tokenmill.parseAsRoot(["quantize"] + words)
            try command.run()
            return nil
        } catch {
            return "\(error)"
        }
    }

    func values(_ tensor: TensorSlice) -> [Float] {
        let count = tensor.elementCount
        var values = [Float](repeating: .nan, count: count)
        #expect(dequantize_row(tensor.format.rawValue, tensor.bytes.baseAddress!, &values, Int64(count)) == 1)
        return values
    }

    /// Root of the mean squared error over that of the values themselves.
    func error(_ before: TensorSlice, _ after: TensorSlice) -> Double {
        let squares = zip(values(before), values(after)).reduce((0.0, 0.0)) { sums, pair in
            (sums.0 + pow(Double(pair.0 - pair.1), 2), sums.1 + pow(Double(pair.0), 2))
        }
        return (squares.0 / squares.1).squareRoot()
    }

    /// The error that uniform values may have in each format; the step over the root of 12, about.
    static let bounds: [ElementFormat: Double] = [
        .f32: 0, .f16: 0.0004, .bf16: 0.003, .q8_0: 0.005, .q6_K: 0.02, .q5_0: 0.04, .q5_1: 0.035, .q5_K: 0.04,
        .q4_0: 0.08, .q4_1: 0.07, .q4_K: 0.075,
    ]

    @Test(arguments: WeightFormat.allCases) func `every format is written, and read back within its bounds`(
        format: WeightFormat
    ) throws {
        let model = try TinyModel()
        _ = try quantize(model, format)
        let before = try Checkpoint.open(model.path)
        let after = try Checkpoint.open(model.output)
        #expect(after.tensors.count == before.tensors.count)
        for (name, tensor) in before.tensors {
            let new = try #require(after.tensor(name))
            #expect(new.shape == tensor.shape)
            #expect(error(tensor, new) <= Self.bounds[new.format]!, "\(name) \(new.format)")
        }
        #expect(after.tensor("blk.0.attn_q.weight")?.format == format.element)
        #expect(after.tensor("blk.0.ffn_up_exps.weight")?.format == format.element)
        for name in ["blk.0.attn_norm.weight", "blk.0.attn_q.bias", "blk.0.ffn_gate_inp.weight"] {
            #expect(after.tensor(name)?.format == .f32)
        }
    }

    @Test func `metadata is carried over, but for what it says of the format`() throws {
        let model = try TinyModel()
        _ = try quantize(model, .q4_K)
        let after = try Checkpoint.open(model.output)
        #expect(after.metadataOrder == TinyModel.keys.dropLast().map(\.name) + ["general.quantization_version"])
        #expect(after.metadata["general.file_type"] == .uint32(14))
        #expect(after.metadata["general.quantization_version"] == .uint32(2))
        for (name, value) in TinyModel.keys.dropLast() where !["general.file_type", "tiny.odd"].contains(name) {
            #expect(after.metadata[name] == value, "\(name)")
        }
        // A NaN equals nothing, so its bits are compared.
        guard case .float32(let odd) = after.metadata["tiny.odd"] else {
            Issue.record("tiny.odd is \(String(describing: after.metadata["tiny.odd"]))")
            return
        }
        #expect(odd.bitPattern == 0x7FC0_1234)
        #expect(after.tensors.values.allSatisfy { $0.fileOffset % 64 == 0 })
    }

    @Test func `rows that do not fill blocks fall back, and the summary counts them`() throws {
        let model = try TinyModel()
        let summary = try quantize(model, .q4_K)
        let after = try Checkpoint.open(model.output)
        #expect(after.tensor("blk.0.ffn_down.weight")?.format == .q5_0)
        #expect(after.tensor("blk.0.odd.weight")?.format == .f16)
        #expect(after.tensor("token_embd.weight")?.format == .q8_0)
        #expect(summary.fallbacks.values.reduce(0, +) == 2)
        #expect(summary.text.contains("1 tensor fell back to Q5_0 from Q4_K: rows of 96 do not fill blocks of 256"))
    }

    @Test func `the head takes a format of its own`() throws {
        let model = try TinyModel()
        _ = try quantize(model, .q4_0, head: .f16)
        let after = try Checkpoint.open(model.output)
        #expect(after.tensor("token_embd.weight")?.format == .f16)
        #expect(after.tensor("blk.0.attn_q.weight")?.format == .q4_0)
    }

    @Test func `any number of threads gives the same file`() throws {
        let model = try TinyModel()
        let files = try [1, 2, 5].map { threads in
            _ = try QuantizationJob(
                input: model.path, output: model.output, format: .q6_K, head: .q6_K, threads: threads,
                existing: .replaced
            ).run()
            return FileManager.default.contents(atPath: model.output)
        }
        #expect(files[0] != nil && files[0] == files[1] && files[1] == files[2])
    }

    @Test func `what has the format already is copied`() throws {
        let model = try TinyModel()
        _ = try quantize(model, .q4_0)
        let again = model.folder + "/again.gguf"
        let summary = try QuantizationJob(
            input: model.output, output: again, format: .q4_0, head: .q8_0, threads: 2, existing: .refused
        ).run()
        #expect(summary.kept == 8)
        #expect(FileManager.default.contentsEqual(atPath: model.output, andPath: again))
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func `a value that is no number is refused with its place`(
        value: Float
    ) throws {
        let model = try TinyModel { name, values in
            if name == "blk.0.ffn_down.weight" { values[96 * 7 + 5] = value }
        }
        #expect {
            try quantize(model, .q8_0)
        } throws: { error in
            guard case .notANumber("blk.0.ffn_down.weight", 7, 5, _)? = error as? QuantizationError else { return false }
            return true
        }
        #expect(try model.files == ["tiny.gguf"])
    }

    @Test func `a value beyond the format is refused with the limit`() throws {
        let model = try TinyModel { name, values in
            if name == "blk.0.attn_q.weight" { values[512 * 95 + 511] = 70_000 }
        }
        #expect(
            throws: QuantizationError.beyondFormat(
                tensor: "blk.0.attn_q.weight", row: 95, column: 511, value: 70_000, format: .f16, limit: 65504)
        ) { try quantize(model, .f16) }
        _ = try quantize(model, .bf16)
    }

    @Test func `a corrupt file is refused and nothing is written`() throws {
        let model = try TinyModel()
        let whole = try #require(FileManager.default.contents(atPath: model.path))
        try whole.prefix(whole.count / 2).write(to: URL(filePath: model.path))
        let message = try #require(failure([model.path, model.output, "--format", "Q4_0"]))
        #expect(message.contains("ends at byte"))
        #expect(try model.files == ["tiny.gguf"])
    }

    @Test func `numbers that are no weights are refused by tensor and format`() throws {
        let model = try TinyModel()
        let header = GGUFHeader(keys: [], tensors: [.init(name: "x.weight", shape: [2, 4], format: .i32)])
        let path = model.folder + "/integers.gguf"
        let writer = try GGUFFileWriter(path: path, header: header, existing: .refused)
        try [UInt8](repeating: 1, count: 32).withUnsafeBytes { try writer.append($0) }
        try writer.finish()
        let message = try #require(failure([path, model.output, "--format", "Q4_0"]))
        #expect(message.contains("tensor x.weight: values of format i32 cannot be read"))
    }

    @Test func `input and output may not be one file, under any name`() throws {
        let model = try TinyModel()
        try FileManager.default.createSymbolicLink(atPath: model.output, withDestinationPath: model.path)
        for output in [model.path, model.output] {
            let message = try #require(failure([model.path, output, "--format", "F16", "--force"]))
            #expect(message.contains("the same file"))
        }
    }

    @Test func `an existing output is replaced only when asked`() throws {
        let model = try TinyModel()
        let words = [model.path, model.output, "--format", "f16"]
        #expect(failure(words) == nil)
        #expect(try #require(failure(words)).contains("--force replaces it"))
        #expect(failure(words + ["--force", "--head", "Q8_0"]) == nil)
        #expect(try Checkpoint.open(model.output).tensor("token_embd.weight")?.format == .q8_0)
    }

    @Test func `an interruption leaves nothing`() throws {
        let model = try TinyModel()
        let job = QuantizationJob(
            input: model.path, output: model.output, format: .f16, head: .f16, threads: 1, existing: .refused)
        #expect(throws: QuantizationError.interrupted) { try job.run { _ in false } }
        #expect(try model.files == ["tiny.gguf"])
    }

    @Test(.enabled(if: Material.has("oracle/gguf_llama"), Material.reason("oracle/gguf_llama")))
    func `our files are no worse than the reference's`() throws {
        let folder = Material.cases("oracle/gguf_llama").path
        let original = try Checkpoint.open(folder + "/llama-F32.gguf")
        let model = try TinyModel()
        for format in WeightFormat.allCases {
            let reference = try Checkpoint.open(folder + "/llama-\(format.rawValue).gguf")
            _ = try QuantizationJob(
                input: original.path, output: model.output, format: format, head: format, threads: 2,
                existing: .replaced
            ).run()
            let own = try Checkpoint.open(model.output)
            for (name, tensor) in reference.tensors where tensor.format == format.element {
                let source = try #require(original.tensor(name))
                let new = try #require(own.tensor(name))
                guard new.format == format.element else { continue }
                #expect(error(source, new) <= error(source, tensor) * 1.01, "\(name) \(format)")
            }
        }
    }
}

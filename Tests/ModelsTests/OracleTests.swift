// OracleTests.swift: tiny models of every served family against reference logits.
import Checkpoints
import Compute
import Foundation
import JSON
import Material
import Models
import Testing

/// One prompt of a reference: ids, where its stored logits begin, and the greedy continuation.
private struct ReferencePrompt {
    let ids: [Int32]
    let firstRow: Int
    let logits: [[Float]]
    let continuation: [Int32]
    let margins: [Double]

    init(_ value: JSONValue, tensors: Checkpoint?) {
        func numbers(_ key: String) -> [Int32] {
            (value[key]?.arrayValue ?? []).compactMap { $0.intValue.map(Int32.init) }
        }
        ids = numbers("ids")
        continuation = numbers("continuation")
        margins = (value["continuation_margins"]?.arrayValue ?? []).compactMap(\.doubleValue)
        firstRow = value["logits_first_row"]?.intValue ?? 0
        guard let name = value["logits_tensor"]?.stringValue, let tensor = tensors?.tensor(name) else {
            logits = []
            return
        }
        let columns = tensor.shape[1]
        logits = (0..<tensor.shape[0]).map { row in
            (0..<columns).map {
                tensor.bytes.loadUnaligned(fromByteOffset: 4 * (row * columns + $0), as: Float.self)
            }
        }
    }
}

@Suite(.enabled(if: Material.has("oracle"), Material.reason("oracle")))
struct OracleTests {
    static let families = [
        "llama2", "llama31", "llama32_tied", "mistral", "gemma3_text", "gemma3_vlm_wrapper", "gemma", "gemma2", "qwen2",
        "qwen3",
    ]

    @Test(arguments: families)
    func `a tiny model in float32 gives the logits of the reference`(name: String) throws {
        let folder = Material.cases("oracle/\(name)")
        let reference = try Self.json(folder.appending(path: "reference.json"))
        let tensors = try Self.referenceTensors(folder.appending(path: "reference.safetensors"))
        let deviation = try #require(reference["logit_std"]?.doubleValue)
        let bound = Self.bound(reference, deviation)
        let model = try Self.load(folder.path, compute: .float32)
        var rows = 0, worst: Float = 0
        for (row, expected) in Self.rows(of: reference, tensors, by: model) {
            worst = max(worst, Self.difference(row, expected))
            rows += 1
        }
        #expect(rows > 0)
        #expect(worst <= bound, "largest difference \(worst), bound \(bound)")
        print("conformance oracle \(name): \(rows) rows, largest difference \(worst) of \(bound) allowed")
    }

    @Test(arguments: families)
    func `a tiny model continues greedily as the reference does`(name: String) throws {
        let folder = Material.cases("oracle/\(name)")
        let reference = try Self.json(folder.appending(path: "reference.json"))
        let deviation = try #require(reference["logit_std"]?.doubleValue)
        let near = 2 * Double(Self.bound(reference, deviation))
        let model = try Self.load(folder.path, compute: .float32)
        for value in reference["prompts"]?.arrayValue ?? [] {
            let prompt = ReferencePrompt(value, tensors: nil)
            let logits = ModelRunner(model).logits(of: prompt.ids + prompt.continuation.dropLast())
            for (step, expected) in prompt.continuation.enumerated() where prompt.margins[step] > near {
                #expect(logits[prompt.ids.count - 1 + step].argmax == expected)
            }
        }
    }

    @Test(arguments: families)
    func `a tiny model in its own format stays near the reference`(name: String) throws {
        let folder = Material.cases("oracle/\(name)")
        let reference = try Self.json(folder.appending(path: "reference.json"))
        let tensors = try Self.referenceTensors(folder.appending(path: "reference.safetensors"))
        let deviation = try #require(reference["logit_std"]?.doubleValue)
        let model = try Self.load(folder.path, compute: .auto)
        var errors: [Double] = []
        for (row, expected) in Self.rows(of: reference, tensors, by: model) {
            errors.append(Self.rms(row, expected) / deviation)
            let best = expected.sorted(by: >).prefix(2)
            if Double(best[0] - best[1]) > 0.2 * deviation { #expect(row.argmax == expected.argmax) }
        }
        errors.sort()
        let median = try #require(errors.isEmpty ? nil : errors[errors.count / 2])
        let worst = try #require(errors.last)
        #expect(median <= 0.05 && worst <= 0.08)
        print("conformance oracle \(name) auto: \(errors.count) rows, rms over deviation \(median), worst \(worst)")
    }

    static let formats = [
        "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL",
        "IQ4_XS", "MXFP4",
    ]

    @Test(arguments: formats, ComputeMode.allCases)
    func `a GGUF file of every tensor type gives the logits of its reference`(
        format: String, compute: ComputeMode
    ) throws {
        let folder = Material.cases("oracle/gguf_llama")
        let reference = try Self.json(folder.appending(path: "llama-\(format).reference.json"))
        let tensors = try Self.referenceTensors(folder.appending(path: "llama-\(format).reference.safetensors"))
        let deviation = try #require(reference["logit_std"]?.doubleValue)
        let bound = Self.bound(reference, deviation)
        // Weights of random blocks make attention so sharp that steps of keys would hide those of weights.
        let file = folder.appending(path: "llama-\(format).gguf").path
        let model = try Self.load(file, compute: compute, cacheElement: .f32)
        var rows = 0
        for (row, expected) in Self.rows(of: reference, tensors, by: model) {
            if compute == .float32 {
                #expect(Self.difference(row, expected) <= bound, "row \(rows)")
            } else {
                #expect(Self.rms(row, expected) <= 0.05 * deviation, "row \(rows)")
            }
            rows += 1
        }
        #expect(rows > 0)
        print("conformance oracle gguf \(format) \(compute): \(rows) rows")
    }

    /// Every stored row of logits as the model computes it, and as the reference has it.
    private static func rows(
        of reference: JSONValue, _ tensors: Checkpoint, by model: DecoderModel
    ) -> [(computed: [Float], expected: [Float])] {
        var rows: [(computed: [Float], expected: [Float])] = []
        for value in reference["prompts"]?.arrayValue ?? [] {
            let prompt = ReferencePrompt(value, tensors: tensors)
            // GGUF references keep the rows of one prompt alone.
            guard !prompt.logits.isEmpty else { continue }
            let known = prompt.ids + prompt.continuation.dropLast()
            let computed = ModelRunner(model).logits(of: Array(known.prefix(prompt.firstRow + prompt.logits.count)))
            for (index, expected) in prompt.logits.enumerated() {
                rows.append((computed[prompt.firstRow + index], expected))
            }
        }
        return rows
    }

    /// The bound on any difference in float32.
    private static func bound(_ reference: JSONValue, _ deviation: Double) -> Float {
        let noise = reference["logit_change_under_1e-6_weight_noise"]?.doubleValue ?? 0
        return Float(max(1e-3 * deviation, 10 * noise))
    }

    private static func difference(_ row: [Float], _ expected: [Float]) -> Float {
        zip(row, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    private static func rms(_ row: [Float], _ expected: [Float]) -> Double {
        let squares = zip(row, expected).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
        return (squares / Double(expected.count)).squareRoot()
    }

    private static func json(_ file: URL) throws -> JSONValue {
        try JSONReader.parse(Array(try Data(contentsOf: file)))
    }

    /// The stored logits, read by the product's own safetensors reader from a directory made for it.
    private static func referenceTensors(_ file: URL) throws -> Checkpoint {
        let folder = FileManager.default.temporaryDirectory.appending(path: "reference-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(at: file, to: folder.appending(path: "model.safetensors"))
        try Data("{}".utf8).write(to: folder.appending(path: "config.json"))
        return try Checkpoint.open(folder.path)
    }

    private static func load(
        _ path: String, compute: ComputeMode, cacheElement: CacheElement? = nil
    ) throws -> DecoderModel {
        var options = DecoderOptions(threads: 2)
        options.compute = compute
        options.cacheElement = cacheElement
        options.cacheBytes = 64 << 20
        options.rowsMax = 64
        options.sequencesMax = 4
        return try DecoderModel.load(checkpoint: try Checkpoint.open(path), options: options)
    }
}

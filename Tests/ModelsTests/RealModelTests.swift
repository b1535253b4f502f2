// RealModelTests.swift: the two real models against float32 references: perplexity and greedy text.
import Checkpoints
import Compute
import Foundation
import JSON
import Material
import Models
import Testing

@Suite(
    .enabled(if: Material.has("real"), Material.reason("real")),
    .enabled(if: Material.hasModels, Material.modelsReason))
struct RealModelTests {
    @Test(arguments: Material.models)
    func `perplexity is within half a percent of the float32 reference`(model name: String) throws {
        let (path, reference) = try Self.material(name)
        let model = try Self.load(path, compute: .auto)
        var total = 0.0, count = 0
        for window in reference["windows"]?.arrayValue ?? [] {
            let ids = Self.ids(window["ids"])
            for (index, row) in ModelRunner(model).logits(of: ids, chunk: 64).dropLast().enumerated() {
                total -= row.logProbability(of: ids[index + 1])
                count += 1
            }
        }
        let expected = try #require(reference["perplexity"]?.doubleValue)
        let perplexity = exp(total / Double(count))
        #expect(count == reference["tokens"]?.intValue)
        #expect(abs(perplexity / expected - 1) <= 0.005, "\(perplexity) against \(expected)")
        print("conformance real \(name): perplexity \(perplexity), reference \(expected), \(count) tokens")
    }

    @Test(arguments: Material.models, [(ComputeMode.auto, 0.4), (.float32, 0.02)])
    func `greedy text agrees with the reference up to the first near tie`(
        model name: String, rule: (compute: ComputeMode, margin: Double)
    ) throws {
        let (path, reference) = try Self.material(name)
        let model = try Self.load(path, compute: rule.compute)
        var compared = 0
        for value in reference["greedy"]?.arrayValue ?? [] {
            let prompt = Self.ids(value["prompt_ids"]), continuation = Self.ids(value["ids"])
            let margins = (value["margins"]?.arrayValue ?? []).compactMap(\.doubleValue)
            let clear = margins.firstIndex { $0 < rule.margin } ?? margins.count
            guard clear > 0 else { continue }
            let logits = ModelRunner(model).logits(of: prompt + continuation.prefix(clear - 1))
            for step in 0..<clear {
                #expect(logits[prompt.count - 1 + step].argmax == continuation[step])
                compared += 1
            }
        }
        #expect(compared > 0)
        print("conformance real \(name) \(rule.compute): \(compared) greedy steps agree")
    }

    private static func material(_ name: String) throws -> (String, JSONValue) {
        let data = try Data(contentsOf: Material.reference(of: name))
        return (Material.model(name), try JSONReader.parse(Array(data)))
    }

    private static func load(_ path: String, compute: ComputeMode) throws -> DecoderModel {
        var options = DecoderOptions(threads: 2)
        options.compute = compute
        options.cacheBytes = 256 << 20
        options.contextMax = 2048
        options.sequencesMax = 4
        return try DecoderModel.load(checkpoint: try Checkpoint.open(path), options: options)
    }

    private static func ids(_ value: JSONValue?) -> [Int32] {
        (value?.arrayValue ?? []).compactMap { $0.intValue.map(Int32.init) }
    }
}

extension [Float] {
    /// The natural logarithm of the softmax at `token`, in double precision.
    func logProbability(of token: Int32) -> Double {
        let largest = Double(self.max() ?? 0)
        let sum = reduce(0.0) { $0 + exp(Double($1) - largest) }
        return Double(self[Int(token)]) - largest - log(sum)
    }
}

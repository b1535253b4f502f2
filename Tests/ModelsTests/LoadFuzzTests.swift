// LoadFuzzTests.swift: checkpoints whose numbers lie are refused or run; they never end the process.
import Checkpoints
import Foundation
import JSON
import Material
import Models
import Testing

@Suite(.enabled(if: Material.has("oracle"), Material.reason("oracle")))
struct LoadFuzzTests {
    /// Loads and, where that works, runs some rows. Whether it was refused.
    private static func isRefused(_ checkpoint: Checkpoint) -> Bool {
        var options = DecoderOptions(threads: 1)
        options.cacheBytes = 8 << 20
        options.rowsMax = 32
        options.sequencesMax = 4
        guard let model = try? DecoderModel.load(checkpoint: checkpoint, options: options) else { return true }
        let tokens = (0..<40).map { Int32($0 % model.vocabularySize) }.prefix(model.contextMax)
        _ = ModelRunner(model).logits(of: Array(tokens))
        return false
    }

    @Test(arguments: ["llama31", "llama32_tied", "gemma3_text", "gemma3_vlm_wrapper", "mistral", "qwen2"])
    func `a config that lies is refused or runs`(family: String) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededNumbers(seed: seed)
        let original = try ChangedCheckpoint.configuration(of: family)
        var refused = 0, count = 120
        for _ in 0..<count {
            var changed = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                changed = JSONMutation.mutate(changed) { random.next() }
            }
            // A value that is no object is refused before the model is asked.
            let outcome = try? ChangedCheckpoint.with(family, configuration: changed, Self.isRefused)
            if outcome ?? true { refused += 1 }
        }
        count -= refused
        #expect(refused > 10)
        print("load fuzz \(family) seed \(seed): \(refused) refused, \(count) ran")
    }

    @Test(arguments: ["gguf_llama/llama-Q4_0.gguf", "gguf_llama/llama-Q6_K.gguf"])
    func `metadata that lie are refused or run`(file: String) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededNumbers(seed: seed)
        let bytes = Array(try Data(contentsOf: Material.cases("oracle/\(file)")))
        let places = Self.numbers(in: bytes)
        #expect(places.count > 6)
        let path = FileManager.default.temporaryDirectory.appending(path: "lie-\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: path) }
        var refused = 0, ran = 0
        for _ in 0..<400 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = places.randomElement(using: &random)!
                let strange: [UInt32] = [
                    0, 1, 3, 7, 8, 12, 16, 24, 255, 256, 4096, 1 << 17, 1 << 22, 1 << 31, .max, UInt32(truncatingIfNeeded: random.next()),
                    Float.nan.bitPattern, Float.infinity.bitPattern, (-1 as Float).bitPattern,
                ]
                withUnsafeBytes(of: strange.randomElement(using: &random)!.littleEndian) {
                    changed.replaceSubrange(place..<place + 4, with: $0)
                }
            }
            try Data(changed).write(to: path)
            guard let checkpoint = try? Checkpoint.open(path.path) else {
                refused += 1
                continue
            }
            if Self.isRefused(checkpoint) { refused += 1 } else { ran += 1 }
        }
        #expect(refused > 50 && ran > 0)
        print("load fuzz \(file) seed \(seed): \(refused) refused, \(ran) ran")
    }

    /// Where the four bytes of each number under "llama." lie: behind the key and its type.
    private static func numbers(in bytes: [UInt8]) -> [Int] {
        let keys = [
            "block_count", "context_length", "embedding_length", "feed_forward_length",
            "attention.head_count", "attention.head_count_kv", "rope.freq_base",
            "attention.layer_norm_rms_epsilon", "rope.dimension_count", "attention.key_length",
        ]
        return keys.compactMap { key in
            let name = Array("llama.\(key)".utf8)
            let length = withUnsafeBytes(of: UInt64(name.count).littleEndian) { Array($0) }
            guard let found = Data(bytes.prefix(1 << 16)).range(of: Data(length + name)) else { return nil }
            return found.upperBound + 4
        }
    }
}

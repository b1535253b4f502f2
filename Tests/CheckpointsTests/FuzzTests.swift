// FuzzTests.swift: thousands of damaged files, each of which opens or is refused; none crashes.
// The seed is printed; TOKENMILL_FUZZ_SEED and TOKENMILL_FUZZ_ROUNDS set it and the count.

import Checkpoints
import Core
import Foundation
import Material
import Testing

@Suite struct FuzzTests {
    let folder = TemporaryFolder()

    static let rounds = setting("TOKENMILL_FUZZ_ROUNDS").map { Int($0) } ?? 2000
    static let seed = setting("TOKENMILL_FUZZ_SEED") ?? UInt64.random(in: 0...UInt64.max)

    private static func setting(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// One to four damages: a bit, a byte, an extreme integer, a cut, a copied or a removed range.
    private func damage(_ file: [UInt8], using random: inout SeededNumbers) -> [UInt8] {
        let extremes: [UInt64] = [
            0, 1, 31, 255, 1 << 16, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max, .max - 31,
        ]
        var bytes = file
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            // Headers are where lies matter: most damage lands in the first part.
            let reach = Bool.random(using: &random) ? bytes.count : max(1, bytes.count / 2)
            let place = Int.random(in: 0..<reach, using: &random)
            let length = Int.random(in: 1...16, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2, 3:
                let value = extremes.randomElement(using: &random)!
                let size = [1, 2, 4, 8].randomElement(using: &random)!
                for (index, byte) in GGUFWriter.bytes(value).prefix(size).enumerated()
                where place + index < bytes.count {
                    bytes[place + index] = byte
                }
            case 4: bytes.removeLast(bytes.count - place)
            case 5: bytes.removeSubrange(place..<min(bytes.count, place + length))
            default:
                bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + length)], at: place)
            }
        }
        return bytes
    }

    /// Reads every byte of an opened file, so that a range outside the mapping would fault.
    private func sum(_ checkpoint: Checkpoint) -> Int {
        var total = 0
        for tensor in checkpoint.tensors.values {
            for byte in tensor.bytes { total &+= Int(byte) }
        }
        for value in checkpoint.metadata.values {
            total &+= value.arrayValue?.stringArray?.strings.count ?? 0
            total &+= value.arrayValue?.integers?.count ?? 0
        }
        return total
    }

    /// Damages `sample` in many ways under `name` and opens `path` each time.
    private func fuzz(_ sample: [UInt8], as name: String, open path: String) {
        _ = folder.write(sample, as: name)
        #expect(throws: Never.self) { try Checkpoint.open(path) }
        var random = SeededNumbers(seed: Self.seed)
        print("fuzz \(name): seed \(Self.seed), \(Self.rounds) files")
        var opened = 0
        var sums = 0
        for _ in 0..<Self.rounds {
            _ = folder.write(damage(sample, using: &random), as: name)
            do throws(CheckpointError) {
                sums &+= sum(try Checkpoint.open(path))
                opened += 1
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        print("fuzz \(name): \(opened) opened, \(Self.rounds - opened) refused, sum \(sums)")
    }

    @Test func `a damaged GGUF file is refused or read`() {
        fuzz(GGUFWriter.sample.encoded, as: "m.gguf", open: folder.path + "/m.gguf")
    }

    @Test func `a damaged safetensors file is refused or read`() {
        let path = folder.path + "/m.safetensors"
        fuzz(SafetensorsWriter.sample.encoded, as: "m.safetensors", open: path)
    }

    @Test func `a damaged configuration or index is refused or read`() {
        _ = folder.write(Array("{\"model_type\":\"llama\"}".utf8), as: "config.json")
        _ = folder.write(SafetensorsWriter.sample.encoded, as: "one.safetensors")
        let index = #"""
            {"metadata": {"note": "any text may stand in here"},
             "weight_map": {"scalar": "one.safetensors", "empty": "one.safetensors"}}
            """#
        fuzz(Array(index.utf8), as: "model.safetensors.index.json", open: folder.path)
        _ = folder.write(Array(index.utf8), as: "model.safetensors.index.json")
        let template = #"""
            {"chat_template": [{"name": "default", "template": "{{ a }}"}], "x": NaN}
            """#
        fuzz(Array(template.utf8), as: "tokenizer_config.json", open: folder.path)
    }
}

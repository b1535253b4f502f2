// RealFileTests.swift: every checkpoint of the conformance material opens, or is refused by name.

import Checkpoints
import Core
import Foundation
import JSON
import Material
import Testing

@Suite(
    .enabled(if: Material.has("oracle"), Material.reason("oracle")),
    .enabled(if: Material.has("tokenizers"), Material.reason("tokenizers")))
struct RealFileTests {
    static func files(under folder: String, ending suffix: String) -> [String] {
        let names =
            FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted().map { folder + "/" + $0 }
    }

    @Test func `every GGUF file of a supported tensor type opens`() throws {
        let root = Material.cases("oracle").path
        var opened = 0
        var refused = 0
        for path in Self.files(under: root, ending: ".gguf") {
            do throws(CheckpointError) {
                let checkpoint = try Checkpoint.open(path)
                #expect(checkpoint.tensor("token_embd.weight") != nil)
                #expect(checkpoint.metadata["general.architecture"]?.stringValue != nil)
                opened += 1
            } catch {
                guard case .unknownType = error.fault else {
                    Issue.record("\(error)")
                    continue
                }
                refused += 1
            }
        }
        print("conformance gguf models: \(opened) opened, \(refused) of unsupported types refused")
        #expect(opened >= 18)
    }

    @Test func `every vocabulary-only GGUF file opens`() throws {
        let root = Material.cases("tokenizers/vocab").path
        var opened = 0
        for path in Self.files(under: root, ending: ".gguf") {
            let checkpoint = try Checkpoint.open(path)
            let tokens = try #require(
                checkpoint.metadata["tokenizer.ggml.tokens"]?.arrayValue?.stringArray)
            #expect(tokens.count > 1000)
            #expect(checkpoint.tensors.isEmpty)
            opened += 1
        }
        print("conformance gguf vocabularies: \(opened) opened, 0 failed")
        #expect(opened > 0)
    }

    @Test func `every Hugging Face directory opens`() throws {
        let root = Material.cases("oracle").path
        var opened = 0
        for config in Self.files(under: root, ending: "/config.json") {
            let directory = String(config.dropLast("/config.json".count))
            let checkpoint = try Checkpoint.open(directory)
            #expect(checkpoint.configuration?["model_type"]?.stringValue != nil)
            #expect(checkpoint.totalBytes > 0)
            opened += 1
        }
        print("conformance hugging face directories: \(opened) opened, 0 failed")
        #expect(opened > 40)
    }
}

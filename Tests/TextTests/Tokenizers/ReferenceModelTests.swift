// ReferenceModelTests.swift: tokenizer.json files of every reference model against transformers,
// and the real models' files against the prompts of their references.
import Core
import Foundation
import JSON
import Material
import Testing
import Text

struct ReferenceModelTests {
    @Test(.enabled(if: Material.has("oracle"), Material.reason("oracle")))
    func `tokenizer files of the reference models give transformers' ids and text`() throws {
        let folder = TokenizerConformance.folder("oracle")
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

    @Test(
        .enabled(if: Material.has("real"), Material.reason("real")),
        .enabled(if: Material.hasModels, Material.modelsReason),
        arguments: Material.models)
    func `real model files give the ids of their references`(model: String) throws {
        let tokenizer = try TokenizerConformance.gguf(Material.model(model))
        let reference = try TokenizerConformance.json(Material.reference(of: model).path)
        let prompts = reference["greedy"]?.arrayValue ?? []
        for entry in prompts {
            let prompt = entry["prompt"]?.stringValue ?? ""
            let ids = tokenizer.encode(prompt, addSpecial: true, parseSpecial: true)
            #expect(ids == TokenizerConformance.ids(entry["prompt_ids"]), "\(prompt)")
            var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: false)
            var text = ""
            for id in TokenizerConformance.ids(entry["ids"]) { text += detokenizer.append(id) }
            text += detokenizer.finish()
            #expect(text == entry["text"]?.stringValue ?? "")
        }
        // The windows follow each other in one book, each behind the begin token if there is one.
        var book: [TokenID] = []
        for window in reference["windows"]?.arrayValue ?? [] {
            let ids = TokenizerConformance.ids(window["ids"])
            book += ids.first == tokenizer.beginOfSequence ? ids[1...] : ids[...]
        }
        let again = tokenizer.encode(
            tokenizer.decode(book, skipSpecial: false), addSpecial: false, parseSpecial: false)
        // What follows the last window is not known: its last word may be cut.
        let known = book.dropLast(8)
        #expect(again.prefix(known.count) == known)
        #expect(!prompts.isEmpty && !known.isEmpty)
        print(
            "conformance real \(model) tokenizer: \(prompts.count) prompts, "
                + "\(known.count) ids of a book")
    }
}

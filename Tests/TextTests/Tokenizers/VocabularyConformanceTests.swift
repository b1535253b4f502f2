// VocabularyConformanceTests.swift: GGUF vocabularies against the ids of llama.cpp's own suite.
import Core
import Foundation
import Material
import Testing
import Text

@Suite(.enabled(if: Material.has("tokenizers"), Material.reason("tokenizers")))
struct VocabularyConformanceTests {
    /// Vocabulary files by the name of their vectors, where the two differ.
    private static let files: [String: (file: String, pre: String?)] = [
        "llama-bpe": ("rebuilt-vocab-llama-bpe.gguf", nil),
        "qwen2": ("rebuilt-vocab-qwen2.gguf", nil),
        // The same tokens and merges as Qwen 2, under its own splitter name.
        "deepseek-r1-qwen": ("rebuilt-vocab-qwen2.gguf", "deepseek-r1-qwen"),
    ]

    @Test func `vocabularies give the ids of their vectors`() throws {
        let folder = TokenizerConformance.folder("tokenizers/vocab")
        let inputs = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".inp") }.sorted()
        for input in inputs {
            let name = String(input.dropFirst("ggml-vocab-".count).dropLast(".gguf.inp".count))
            let (file, pre) = Self.files[name] ?? (String(input.dropLast(4)), nil)
            let path = folder + "/" + file
            guard FileManager.default.fileExists(atPath: path) else {
                print("conformance tokenizers/vocab \(name): skipped, no vocabulary file")
                continue
            }
            let tokenizer = try TokenizerConformance.gguf(path, pre: pre)
            let text = String(
                decoding: try TokenizerConformance.bytes(folder + "/" + input), as: UTF8.self)
            let texts = text.components(separatedBy: "\n__ggml_vocab_test__\n")
            let answers = String(
                decoding: try TokenizerConformance.bytes(folder + "/" + input.dropLast(4) + ".out"),
                as: UTF8.self
            ).components(separatedBy: "\n")
            var failed = 0
            for (text, answer) in zip(texts, answers) {
                let expected = answer.split(separator: " ").map { TokenID($0) ?? -1 }
                let found = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
                if found == expected { continue }
                failed += 1
                Issue.record(
                    "\(name): \(text.debugDescription.prefix(300)) gave \(found), not \(expected)")
            }
            let count = min(texts.count, answers.count)
            print(
                "conformance tokenizers/vocab \(name): \(count - failed) passed, \(failed) failed")
        }
    }

    @Test(arguments: ["baichuan", "gpt-neox"])
    func `vocabularies without vectors give their text back`(name: String) throws {
        let folder = TokenizerConformance.folder("tokenizers/vocab")
        let tokenizer = try TokenizerConformance.gguf(folder + "/ggml-vocab-\(name).gguf")
        for text in ["Hello world", "  a\n\nb 123", "naïve café 🦙 我想"] {
            let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            #expect(tokenizer.decode(ids, skipSpecial: false) == text)
        }
    }
}

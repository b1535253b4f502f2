// ThirdPartyTests.swift: other projects' tests of vocabularies that are at hand.
import Core
import Foundation
import JSON
import Material
import Testing
import Text

@Suite(.enabled(if: Material.has("tokenizers"), Material.reason("tokenizers")))
struct ThirdPartyTests {
    private struct Source {
        let file: String
        let path: [String]
        let vocabulary: String
        /// Whether the vectors were made with the begin token that this vocabulary's file asks for.
        var addsSpecial = true
    }

    private static let sources = [
        Source(
            file: "transformers_js", path: ["gpt2", "Xenova/gpt2"],
            vocabulary: "vocab/ggml-vocab-gpt-2.gguf"),
        Source(
            file: "transformers_js", path: ["gpt2", "openai-community/gpt2"],
            vocabulary: "vocab/ggml-vocab-gpt-2.gguf"),
        Source(
            file: "transformers_js", path: ["llama", "Xenova/llama-tokenizer"],
            vocabulary: "vocab/ggml-vocab-llama-spm.gguf"),
        Source(
            file: "transformers_js", path: ["llama", "Xenova/llama3-tokenizer"],
            vocabulary: "real/llama3.tokenizer.json.gz", addsSpecial: false),
        Source(
            file: "transformers_js", path: ["llama", "Xenova/llama3-tokenizer-new"],
            vocabulary: "real/llama3.tokenizer.json.gz"),
        Source(
            file: "transformers_js", path: ["llama", "Xenova/deepseek-coder-1.3b-instruct"],
            vocabulary: "vocab/ggml-vocab-deepseek-coder.gguf"),
        Source(
            file: "transformers_js", path: ["qwen2", "Xenova/Qwen1.5-0.5B-Chat"],
            vocabulary: "real/qwen3.tokenizer.json"),
        Source(
            file: "transformers_js", path: ["falcon", "tiiuae/falcon-7b"],
            vocabulary: "vocab/ggml-vocab-falcon.gguf"),
        Source(
            file: "transformers_js", path: ["gpt2", "Xenova/gpt-4o"],
            vocabulary: "real/gpt_oss.tokenizer.json.gz"),
        Source(
            file: "transformers_js", path: ["bert", "Xenova/bert-base-uncased"],
            vocabulary: "vocab/ggml-vocab-bert-bge.gguf"),
        Source(
            file: "swift_transformers.tokenizer_tests", path: ["distilgpt2"],
            vocabulary: "vocab/ggml-vocab-gpt-2.gguf"),
        Source(
            file: "swift_transformers.tokenizer_tests", path: ["tiiuae/falcon-7b"],
            vocabulary: "vocab/ggml-vocab-falcon.gguf"),
        Source(
            file: "swift_transformers.tokenizer_tests",
            path: ["pcuenq/Llama-3.2-1B-Instruct-tokenizer"],
            vocabulary: "real/llama3.tokenizer.json.gz"),
        Source(
            file: "swift_transformers.tokenizer_tests",
            path: ["coreml-projects/Llama-2-7b-chat-coreml"],
            vocabulary: "vocab/ggml-vocab-llama-spm.gguf"),
        Source(
            file: "swift_transformers.tokenizer_tests", path: ["bert-base-uncased"],
            vocabulary: "vocab/ggml-vocab-bert-bge.gguf"),
    ]

    @Test func `other projects' vectors agree`() throws {
        let folder = TokenizerConformance.folder("tokenizers")
        for source in Self.sources {
            var value: JSONValue? = try TokenizerConformance.json(
                folder + "/thirdparty/\(source.file).json")
            for key in source.path { value = value?[key] }
            let vocabulary = folder + "/" + source.vocabulary
            let tokenizer =
                vocabulary.hasSuffix(".gguf")
                ? try TokenizerConformance.gguf(vocabulary)
                : try TokenizerConformance.huggingFace(vocabulary)
            var cases: [(text: String, ids: [TokenID])] = []
            // Pairs of texts are for classifiers, which are not served.
            for (_, entry) in value?.objectValue ?? JSONObject() where entry["text_pair"] == nil {
                cases.append(
                    (entry["text"]?.stringValue ?? "", TokenizerConformance.ids(entry["ids"])))
            }
            for entry in value?.arrayValue ?? [] {
                let ids = TokenizerConformance.ids(entry["encoded"]?["input_ids"])
                cases.append((entry["input"]?.stringValue ?? "", ids))
            }
            var failures: [String] = []
            for (text, ids) in cases {
                let found = tokenizer.encode(
                    text, addSpecial: source.addsSpecial, parseSpecial: true)
                if found != ids {
                    failures.append("\(text.debugDescription): \(found), not \(ids)")
                }
            }
            let name = source.path.last ?? ""
            for failure in failures { Issue.record("\(name) \(failure)") }
            let passed = cases.count - failures.count
            print(
                "conformance tokenizers/thirdparty \(name): "
                    + "\(passed) passed, \(failures.count) failed")
        }
    }
}

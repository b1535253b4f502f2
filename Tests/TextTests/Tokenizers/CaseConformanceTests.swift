// CaseConformanceTests.swift: real vocabularies in their own formats against their reference
// libraries: ids of texts with and without special tokens, the text decoded, whole books by hash,
// streaming.
import Core
import Foundation
import JSON
import Material
import Testing
import Text

@Suite(.enabled(if: Material.has("tokenizers"), Material.reason("tokenizers")))
struct CaseConformanceTests {
    static let names = [
        "gpt-2", "llama2-spm", "llama3", "mistral-v1-spm", "o200k_harmony", "qwen3",
        "unigram-test_model",
    ]

    /// Every way in which the vocabulary of these cases is at hand.
    static func tokenizers(_ name: String, _ folder: String) throws -> [(
        form: String, tokenizer: Tokenizer
    )] {
        let real = folder + "/real/"
        let vocab = folder + "/vocab/"
        func model(_ file: String) throws -> Tokenizer {
            try Tokenizer(
                .fromSentencePiece(
                    try TokenizerConformance.bytes(real + file), addsBeginOfSequence: true))
        }
        switch name {
        case "gpt-2":
            return [("gguf", try TokenizerConformance.gguf(vocab + "ggml-vocab-gpt-2.gguf"))]
        case "llama2-spm":
            return [
                ("model", try model("llama2.tokenizer.model")),
                ("gguf", try TokenizerConformance.gguf(vocab + "ggml-vocab-llama-spm.gguf")),
            ]
        case "llama3":
            return [
                ("json", try TokenizerConformance.huggingFace(real + "llama3.tokenizer.json.gz")),
                ("gguf", try TokenizerConformance.gguf(vocab + "rebuilt-vocab-llama-bpe.gguf")),
            ]
        case "mistral-v1-spm": return [("model", try model("mistral.tokenizer.model.v1"))]
        case "o200k_harmony":
            return [
                ("tiktoken", try TokenizerConformance.harmony(folder + "/real")),
                ("json", try TokenizerConformance.huggingFace(real + "gpt_oss.tokenizer.json.gz")),
            ]
        case "qwen3":
            return [
                (
                    "json",
                    try TokenizerConformance.huggingFace(
                        real + "qwen3.tokenizer.json",
                        configuration: real + "qwen3.tokenizer_config.json")
                ),
                ("gguf", try TokenizerConformance.gguf(vocab + "rebuilt-vocab-qwen2.gguf")),
            ]
        default: return [("model", try model("sentencepiece.test_model.model"))]
        }
    }

    /// HF Qwen composes its text first, GGUF Qwen does not: only composed text compares.
    private static func isComparable(_ name: String, _ form: String, _ text: String) -> Bool {
        if name == "qwen3", form == "gguf" {
            return text.utf8.elementsEqual(text.precomposedStringWithCanonicalMapping.utf8)
        }
        return true
    }

    @Test(arguments: names) func `cases give the reference's ids and text`(name: String) throws {
        let folder = TokenizerConformance.folder("tokenizers")
        let cases = try TokenizerConformance.lines(folder + "/cases/\(name).jsonl")
        for (form, tokenizer) in try Self.tokenizers(name, folder) {
            var passed = 0
            var failed = 0
            for entry in cases {
                let text = entry["text"]?.stringValue ?? ""
                if !Self.isComparable(name, form, text) { continue }
                let label = "\(name) \(form) \(entry["id"]?.stringValue ?? "")"
                let plain = TokenizerConformance.ids(entry["ids_plain"])
                let found = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
                var isRight = found == plain
                #expect(found == plain, "\(label) plain: \(text.debugDescription.prefix(200))")
                let hasSpecial = entry["ids_special"] != nil
                let isTiktoken = name == "llama3" || name == "qwen3" || name == "o200k_harmony"
                if hasSpecial || isTiktoken {
                    let special =
                        hasSpecial ? TokenizerConformance.ids(entry["ids_special"]) : plain
                    let found = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
                    isRight = isRight && found == special
                    #expect(
                        found == special, "\(label) special: \(text.debugDescription.prefix(200))")
                }
                let decoded = tokenizer.decode(plain, skipSpecial: false)
                let expected = entry["decoded"]?.stringValue ?? text
                let isSame = decoded.utf8.elementsEqual(expected.utf8)
                #expect(isSame, "\(label) decoded \(decoded.debugDescription.prefix(200))")
                if isRight && isSame { passed += 1 } else { failed += 1 }
            }
            print(
                "conformance tokenizers/cases \(name) (\(form)): \(passed) passed, \(failed) failed"
            )
        }
    }

    @Test(arguments: names) func `whole books give the reference's ids`(name: String) throws {
        let folder = TokenizerConformance.folder("tokenizers")
        let manifest = try TokenizerConformance.json(folder + "/cases/MANIFEST.json")
        for (form, tokenizer) in try Self.tokenizers(name, folder) {
            var passed = 0
            var failed = 0
            for (book, entry) in manifest["tokenizers"]?[name]?["bulk"]?.objectValue ?? JSONObject()
            {
                let text = String(
                    decoding: try TokenizerConformance.bytes(folder + "/bulk/\(book).txt"),
                    as: UTF8.self)
                if !Self.isComparable(name, form, text) { continue }
                let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
                let hash = SHA256.hexadecimal(
                    of: ids.flatMap { id in
                        withUnsafeBytes(of: UInt32(bitPattern: id).littleEndian) { Array($0) }
                    })
                let isRight = hash == entry["sha256_u32le"]?.stringValue
                #expect(
                    isRight,
                    "\(name) \(form) \(book): \(ids.count) of \(entry["n_ids"]?.intValue ?? 0) ids"
                )
                if isRight { passed += 1 } else { failed += 1 }
            }
            print(
                "conformance tokenizers/bulk \(name) (\(form)): \(passed) passed, \(failed) failed")
        }
    }

    @Test(arguments: ["llama3", "o200k_harmony", "qwen3"])
    func `streams give out what the reference streamer gives out`(name: String) throws {
        let folder = TokenizerConformance.folder("tokenizers")
        let streams =
            try TokenizerConformance.json(folder + "/cases/\(name).streaming.json").arrayValue ?? []
        for (form, tokenizer) in try Self.tokenizers(name, folder) {
            var passed = 0
            var failed = 0
            for stream in streams {
                let ids = TokenizerConformance.ids(stream["ids"])
                let bytes = (stream["token_bytes_b64"]?.arrayValue ?? []).map {
                    $0.stringValue ?? ""
                }
                let deltas = (stream["deltas"]?.arrayValue ?? []).map { $0.stringValue ?? "" }
                var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: false)
                let found = ids.map { detokenizer.append($0) }
                let isRight =
                    ids.map { Data(tokenizer.bytes(of: $0)).base64EncodedString() } == bytes
                    && found.map { Array($0.utf8) } == deltas.map { Array($0.utf8) }
                    && detokenizer.finish().isEmpty
                #expect(isRight, "\(name) \(stream["id"]?.stringValue ?? "")")
                if isRight { passed += 1 } else { failed += 1 }
            }
            print(
                "conformance tokenizers/streaming \(name) (\(form)): "
                    + "\(passed) passed, \(failed) failed"
            )
        }
    }
}

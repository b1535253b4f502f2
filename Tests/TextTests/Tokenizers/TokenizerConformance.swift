// TokenizerConformance.swift: where the shared vocabularies are, and how to build tokenizers of
// them.
import Checkpoints
import Core
import Foundation
import JSON
import Material
import Text
@testable import tokenmill

enum TokenizerConformance {
    static func folder(_ name: String) -> String { Material.cases(name).path }

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }

    static func json(_ path: String) throws -> JSONValue {
        try JSONReader.parse(
            try bytes(path), limits: .init(bytesMax: 256 << 20, valuesMax: 10_000_000))
    }

    static func lines(_ path: String) throws -> [JSONValue] {
        try bytes(path).split(separator: 0x0A).map { try JSONReader.parse(Array($0)) }
    }

    /// The bytes of a gzip file, through the system's gzip, which every test machine has.
    static func unzipped(_ path: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(data)
    }

    static func gguf(_ path: String, pre: String? = nil) throws -> Tokenizer {
        guard var facts = GGUFTokenizerFacts(try Checkpoint.open(path)) else {
            throw TokenizerError.missing(field: "tokenizer.ggml.tokens")
        }
        if let pre { facts.pre = pre }
        return try Tokenizer(.fromGGUF(facts))
    }

    static func huggingFace(_ path: String, configuration: String? = nil) throws -> Tokenizer {
        let text = path.hasSuffix(".gz") ? try unzipped(path) : try bytes(path)
        let value = try JSONReader.parse(
            text, limits: .init(bytesMax: 256 << 20, valuesMax: 10_000_000))
        let configuration = try configuration.map { try json($0) }
        return try Tokenizer(.fromHuggingFace(tokenizer: value, configuration: configuration))
    }

    /// o200k_harmony, from tiktoken's file and the list of its special tokens.
    static func harmony(_ folder: String) throws -> Tokenizer {
        let special = try json(folder + "/o200k_harmony.special.json").objectValue ?? JSONObject()
        var specials: [String: Int] = [:]
        for (text, id) in special { specials[text] = id.intValue }
        return try Tokenizer(
            .fromTiktoken(
                try bytes(folder + "/o200k_base.tiktoken"),
                pattern: TokenizerDescription.o200kPattern,
                specials: specials))
    }

    static func ids(_ value: JSONValue?) -> [TokenID] {
        (value?.arrayValue ?? []).map { TokenID($0.intValue ?? -1) }
    }
}

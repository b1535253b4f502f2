// ConfigurationTests.swift: what a checkpoint states is read, or refused by its key; nothing is passed over.
import Checkpoints
import Compute
import Foundation
import JSON
import Material
import Testing

@testable import Models

@Suite(.enabled(if: Material.has("oracle"), Material.reason("oracle")))
struct ConfigurationTests {
    private static func read(_ family: String, _ changes: JSONObject) throws -> DecoderConfiguration {
        try ChangedCheckpoint.with(family, setting: changes) { try DecoderConfiguration($0) }
    }

    /// The key that a changed setting is refused by.
    private static func refusedKey(_ family: String, _ changes: JSONObject) throws -> String? {
        do {
            _ = try read(family, changes)
            return nil
        } catch ModelError.settingInvalid(let key, _, _) {
            return key
        } catch ModelError.settingMissing(let key) {
            return key
        }
    }

    @Test func `Gemma 3 reads a rotation for each kind of layer, in the new spelling and the old`() throws {
        let old = try Self.read("gemma3_text", [:])
        let new = try Self.read(
            "gemma3_text",
            [
                "rope_theta": nil, "rope_scaling": nil, "rope_local_base_freq": nil,
                "rope_parameters": [
                    "full_attention": ["rope_theta": 1_000_000, "rope_type": "linear", "factor": 8],
                    "sliding_attention": ["rope_theta": 10_000, "rope_type": "default"],
                ],
            ])
        #expect(new == old)
        #expect(new.rotation == Rotation(base: 1_000_000, rotary: 16, scaling: .linear(factor: 8)))
        #expect(new.localRotation == Rotation(base: 10_000, rotary: 16, scaling: .none))
    }

    @Test func `rope parameters without a base are refused by their key`() throws {
        let missing: JSONObject = ["rope_theta": nil, "rope_parameters": ["rope_type": "default"]]
        #expect(try Self.refusedKey("llama2", missing) == "rope_parameters.rope_theta")
        let nested: JSONObject = [
            "rope_theta": nil, "rope_parameters": ["full_attention": ["rope_theta": "x"]],
        ]
        #expect(try Self.refusedKey("gemma3_text", nested) == "rope_parameters.full_attention.rope_theta")
    }

    @Test(arguments: [
        ("head_dim", 12), ("head_dim", 512), ("num_key_value_heads", 3), ("rms_norm_eps", 0),
        ("rms_norm_eps", -1), ("hidden_act", "relu"), ("max_position_embeddings", 0),
        ("max_position_embeddings", 5_000_000), ("rope_theta", 0), ("partial_rotary_factor", 1.5),
        ("rope_scaling", ["type": "proportional"]), ("rope_scaling", ["type": "linear", "factor": 0]),
        ("rope_scaling", ["type": "yarn", "factor": 4, "beta_fast": -1]),
        ("rope_scaling", ["type": "longrope", "long_factor": [1], "short_factor": [1]]),
    ] as [(String, JSONValue)])
    func `a setting out of range is refused`(key: String, value: JSONValue) throws {
        #expect(try Self.refusedKey("llama2", JSONObject(uniqueKeysWithValues: [(key, value)])) != nil)
    }

    @Test func `a scalar of scores that is not positive is refused by its key`() throws {
        for value in [0, -16] as [JSONValue] {
            #expect(
                try Self.refusedKey("gemma3_text", ["query_pre_attn_scalar": value])
                    == "query_pre_attn_scalar")
        }
    }

    @Test func `part of a head is rotated where config says so`() throws {
        let whole = try Self.read("llama2", [:]).rotation.rotary
        #expect(try Self.read("llama2", ["partial_rotary_factor": 0.5]).rotation.rotary == whole / 2)
    }

    @Test func `yarn's frequencies are those of its definition`() {
        var yarn = YarnScaling(
            factor: 4, originalContext: 128, magnitude: YarnScaling.magnitude(factor: 4))
        func rotation() -> Rotation { Rotation(base: 10_000, rotary: 16, scaling: .yarn(yarn)) }
        let whole = [1, 0.23717082451262847, 0.05, 0.007905694150420948]
        let rest = [0.0025, 0.0007905694150420948, 0.00025, 7.905694150420948e-05]
        Self.expectNear(rotation().frequencies(context: 512), whole + rest)
        yarn.truncates = false
        Self.expectNear(
            rotation().frequencies(context: 512),
            [1, 0.22563747925454336, 0.04270567198866974, 0.007905694150420948] + rest)
        #expect(abs(rotation().magnitude - 1.138629436111989) < 1e-12)
        let table = rotation().table(positions: 1, context: 512)
        #expect(table.cosines.allSatisfy { $0 == Float(1.138629436111989) })
    }

    private static func expectNear(_ found: [Double], _ expected: [Double]) {
        #expect(found.count == expected.count)
        for (one, other) in zip(found, expected) { #expect(abs(one / other - 1) < 1e-12) }
    }

    @Test func `longrope divides by one list or the other, by the context that is served`() throws {
        let rotary = try Self.read("llama2", [:]).rotation.rotary
        let configuration = try Self.read(
            "llama2",
            [
                "original_max_position_embeddings": 128, "max_position_embeddings": 512,
                "rope_scaling": [
                    "type": "longrope", "short_factor": .array(Array(repeating: 1, count: rotary / 2)),
                    "long_factor": .array(Array(repeating: 2, count: rotary / 2)),
                ],
            ])
        let plain = Rotation(base: 10_000, rotary: rotary, scaling: .none).frequencies(context: 1)
        Self.expectNear(configuration.rotation.frequencies(context: 128), plain)
        Self.expectNear(configuration.rotation.frequencies(context: 129), plain.map { $0 / 2 })
        #expect(abs(configuration.rotation.magnitude - 1.1338934190276817) < 1e-12)
    }

    @Test func `dynamic scaling changes nothing within the context`() throws {
        let dynamic: JSONObject = ["rope_scaling": ["type": "dynamic", "factor": 2]]
        #expect(try Self.read("llama2", dynamic) == Self.read("llama2", ["rope_scaling": nil]))
    }

    @Test func `Qwen 2 sees windows from the stated layer on, and only when told to`() throws {
        #expect(try Self.read("qwen2", [:]).windows == [nil, nil, nil, nil])
        let windowed: JSONObject = ["use_sliding_window": true, "max_window_layers": 3]
        #expect(try Self.read("qwen2", windowed).windows == [nil, nil, nil, 24])
        let listed: JSONObject = [
            "use_sliding_window": true,
            "layer_types": ["sliding_attention", "full_attention", "full_attention", "full_attention"],
        ]
        #expect(try Self.read("qwen2", listed).windows == [24, nil, nil, nil])
        #expect(try Self.refusedKey("qwen2", ["use_sliding_window": true, "layer_types": ["x"]]) == "layer_types")
    }

    @Test func `the head is the embedding or a matrix of its own, as config says`() throws {
        var options = DecoderOptions(threads: 1)
        options.cacheBytes = 16 << 20
        options.rowsMax = 16
        let untied: JSONObject = ["tie_word_embeddings": false]
        #expect(throws: ModelError.tensorMissing(name: "lm_head.weight")) {
            try ChangedCheckpoint.with("llama32_tied", setting: untied) {
                try DecoderModel.load(checkpoint: $0, options: options)
            }
        }
        // Llama 2 has both matrices: config decides which one answers.
        let answers = try [true, false].map { tied in
            try ChangedCheckpoint.with("llama2", setting: ["tie_word_embeddings": .bool(tied)]) {
                ModelRunner(try DecoderModel.load(checkpoint: $0, options: options)).logits(of: [1, 2, 3])
            }
        }
        #expect(answers[0] != answers[1])
    }

    @Test(arguments: [(1 << 20, true), ((1 << 20) + 1, false)])
    func `a context whose rotations would fill memory is refused`(positions: Int, fits: Bool) {
        let rotation = Rotation(base: 10_000, rotary: 256, scaling: .none)
        do throws(ModelError) {
            try DecoderLayout.checkRotations(rotation, positions: positions)
            #expect(fits)
        } catch {
            #expect(!fits && "\(error)".contains("at most 1048576"))
        }
    }

    @Test func `too little memory is refused with what is needed, before anything is packed`() throws {
        var options = DecoderOptions(threads: 1)
        options.cacheBytes = 16 << 20
        options.memoryBytes = 65 << 20
        let checkpoint = try Checkpoint.open(Material.cases("oracle/llama2").path)
        let layout = try DecoderLayout(checkpoint, options)
        #expect(layout.need.total > 65 << 20)
        let expected = ModelError.memoryTooSmall(bytesNeeded: layout.need.total, bytesAvailable: 65 << 20)
        #expect(throws: expected) { try DecoderModel.load(checkpoint: checkpoint, options: options) }
        options.memoryBytes = layout.need.total
        let model = try DecoderModel.load(checkpoint: checkpoint, options: options)
        #expect(model.cacheBytes == layout.need.cache)
        #expect(model.weightBytes == layout.need.weights)
    }

    @Test(arguments: [16, 32, 64])
    func `the cache takes no more than it may, in whole lots`(pageSize: Int) throws {
        let checkpoint = try Checkpoint.open(Material.cases("oracle/llama2").path)
        var options = DecoderOptions(threads: 1)
        options.pageSize = pageSize
        let token = try DecoderLayout(checkpoint, options).cache.groups[0].pageBytes / pageSize
        for tokens in [640, 641, 700, 703, 704] {
            options.cacheBytes = tokens * token
            options.rowsMax = 16
            let plan = try DecoderLayout(checkpoint, options).cache
            #expect(plan.bytes == tokens / 64 * 64 * token)
            #expect(plan.pageCounts == [tokens / 64 * 64 / pageSize])
            #expect(try DecoderModel.load(checkpoint: checkpoint, options: options).cacheBytes == plan.bytes)
        }
    }

    @Test(arguments: ComputeMode.allCases)
    func `the weights take as many bytes as foretold`(compute: ComputeMode) throws {
        for name in ["gguf_llama/llama-Q4_1.gguf", "gguf_llama/llama-Q6_K.gguf", "llama32_tied", "gemma3_text"] {
            let checkpoint = try Checkpoint.open(Material.cases("oracle/\(name)").path)
            var options = DecoderOptions(threads: 1)
            options.compute = compute
            options.cacheBytes = 16 << 20
            options.rowsMax = 16
            let model = try DecoderModel.load(checkpoint: checkpoint, options: options)
            #expect(try DecoderModel.weightBytes(of: checkpoint, compute: compute) == model.weightBytes)
        }
    }

    @Test func `a file that is cut short while it is packed does not load`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "cut-\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: path) }
        try FileManager.default.copyItem(at: Material.cases("oracle/gguf_llama/llama-F32.gguf"), to: path)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path.path)
        let checkpoint = try Checkpoint.open(path.path)
        var options = DecoderOptions(threads: 1)
        options.cacheBytes = 16 << 20
        let error = #expect(throws: ModelError.self) {
            try DecoderModel.load(checkpoint: checkpoint, options: options) { done, _ in
                if done == 1 { truncate(path.path, 4096) }
            }
        }
        guard case .checkpoint = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

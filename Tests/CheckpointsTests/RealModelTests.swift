// RealModelTests.swift: the real models open.

import Checkpoints
import Core
import Foundation
import Material
import Testing

@Suite struct RealModelTests {
    @Test(.enabled(if: Material.hasModels, Material.modelsReason))
    func `real GGUF models open, and say how long that took`() throws {
        for path in Material.models.map(Material.model) {
            let clock = ContinuousClock()
            var checkpoint: Checkpoint?
            let duration = try clock.measure { checkpoint = try Checkpoint.open(path) }
            let opened = try #require(checkpoint)
            let tokens = opened.metadata["tokenizer.ggml.tokens"]?.arrayValue?.count ?? 0
            let name = path.split(separator: "/").last ?? ""
            print(
                "\(name): \(opened.tensors.count) tensors, \(tokens) tokens, opened in \(duration)")
            #expect(opened.totalBytes > 0)
        }
    }
}

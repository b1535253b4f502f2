// RealModelTests.swift: the real models, where TOKENMILL_MODELS names a folder that holds them.

import Checkpoints
import Core
import Foundation
import Testing

@Suite struct RealModelTests {
    @Test func `real GGUF models open, and say how long that took`() throws {
        guard let folder = ProcessInfo.processInfo.environment["TOKENMILL_MODELS"] else {
            print("skipped: TOKENMILL_MODELS is not set")
            return
        }
        for path in RealFileTests.files(under: folder, ending: ".gguf") {
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

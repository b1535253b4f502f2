// ThroughputTests.swift: how fast each vocabulary encodes whole books, per second of processor time.
// It measures and prints; a machine that is busy fails nothing.
import Core
import Foundation
import Material
import Testing
import Text

@Suite(.serialized, .enabled(if: Material.has("tokenizers"), Material.reason("tokenizers")))
struct ThroughputTests {
    private static let books = ["war-and-peace", "ulysses", "wikitext2-test", "wagahai", "openapi-yaml"]

    /// What this thread has computed.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test(arguments: CaseConformanceTests.names)
    func `throughput over books`(name: String) throws {
        let folder = TokenizerConformance.folder("tokenizers")
        for (form, tokenizer) in try CaseConformanceTests.tokenizers(name, folder) {
            var line = "throughput \(name) (\(form)), MB/s:"
            for book in Self.books {
                let bytes = try TokenizerConformance.bytes(folder + "/bulk/\(book).txt")
                let text = String(decoding: bytes, as: UTF8.self)
                var best = Double.infinity
                for _ in 0..<3 {
                    let start = Self.processorSeconds
                    _ = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
                    best = min(best, Self.processorSeconds - start)
                }
                line += " \(book) \((Double(bytes.count) / best / 1e5).rounded() / 10)"
            }
            print(line)
        }
    }
}

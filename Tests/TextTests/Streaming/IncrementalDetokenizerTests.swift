// IncrementalDetokenizerTests.swift: no half character, no lost byte, however tokens cut the text.
import Core
import Testing

@testable import Text

struct IncrementalDetokenizerTests {
    private func stream(_ bytes: [UInt8]) throws -> [String] {
        var detokenizer = IncrementalDetokenizer(try TokenizerTests.byteLevel(), skipSpecial: false)
        var parts = bytes.map { detokenizer.append(TokenID($0)) }
        parts.append(detokenizer.finish())
        return parts
    }

    @Test(arguments: ["", "abc", "é", "我", "🙂", "a\u{301}🏳️‍🌈\u{10FFFF}\u{0}"])
    func `one byte per token gives each character when its last byte comes`(text: String) throws {
        let parts = try stream(Array(text.utf8))
        #expect(parts.joined() == text)
        for part in parts { #expect(part.unicodeScalars.count <= 1) }
    }

    @Test(
        arguments: [
            [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x99], [0x80], [0xFF, 0x61], [0xC3, 0x61],
            [0xE2, 0x61, 0xA9],
            [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80], [0xF0, 0x9F, 0xC3, 0xA9],
        ] as [[UInt8]]) func `what is no character comes out as replacements, all of it`(
            bytes: [UInt8]
        ) throws
    {
        #expect(
            try stream(bytes).joined().utf8.elementsEqual(
                String(decoding: bytes, as: UTF8.self).utf8))
    }

    @Test func `random bytes stream as they decode at once`() throws {
        var state: UInt64 = 99
        print("seed \(state)")
        for _ in 0..<300 {
            let bytes = (0..<12).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let pool: [UInt8] = [
                    0x61, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x99, 0x82, 0xED, 0xF4, 0xFF,
                ]
                return pool[Int(truncatingIfNeeded: (state >> 33) % UInt64(pool.count))]
            }
            #expect(
                try stream(bytes).joined().utf8.elementsEqual(
                    String(decoding: bytes, as: UTF8.self).utf8))
        }
    }

    @Test func `special tokens are silent when they are skipped`() throws {
        let tokenizer = try TokenizerTests.byteLevel(added: [
            TokenizerTests.added(300, "<|end|>", special: true)
        ])
        var skipping = IncrementalDetokenizer(tokenizer, skipSpecial: true)
        #expect(skipping.append(97) == "a")
        #expect(skipping.append(300) == "")
        var showing = IncrementalDetokenizer(tokenizer, skipSpecial: false)
        #expect(showing.append(300) == "<|end|>")
    }
}

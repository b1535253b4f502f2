// NormalizerTests.swift: each normalization step on the edges of what it changes.
import Foundation
import Testing

@testable import Text

struct NormalizerTests {
    private func apply(_ steps: [NormalizerStep], _ text: String, isFirst: Bool = true) -> String {
        Array(text.utf8).withUnsafeBufferPointer {
            String(decoding: Normalizer(steps: steps).apply($0, isFirst: isFirst), as: UTF8.self)
        }
    }

    @Test(arguments: [
        "", "plain", "e\u{301}", "\u{E9}", "\u{1112}\u{1161}\u{11AB}", "か\u{3099}き", "我\u{308}",
        "\u{212B}\u{2126}", "がぎ", "ﬁ",
    ]) func `composing gives the standard library's canonical equal, composed`(text: String) {
        let composed = apply([.form(.nfc)], text)
        #expect(composed == text)
        #expect(apply([.form(.nfc)], composed).utf8.elementsEqual(composed.utf8))
        #expect(composed.unicodeScalars.count <= text.unicodeScalars.count)
    }

    @Test func `the quick look never misses text that composes`() {
        for value in UInt32(0x300)..<0x3400 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = "a" + String(Character(scalar))
            #expect(
                apply([.form(.nfc)], text).utf8.elementsEqual(
                    text.precomposedStringWithCanonicalMapping.utf8), "\(value)")
        }
    }

    @Test(arguments: [
        "e\u{301} e\u{301}", " \u{301}a", "\u{301} \u{301}", "a  \u{308}o\u{308} ", "= \u{338}", "\u{2000}\u{2001} \u{2014}",
        "“cafe\u{301}” — naïve", "\u{1112} \u{1161}", "\n\u{300}a\u{300}\n", "a\u{323}\u{307} d\u{307}\u{323}",
    ]) func `composing word by word is composing`(text: String) {
        #expect(apply([.form(.nfc)], text).utf8.elementsEqual(text.precomposedStringWithCanonicalMapping.utf8))
    }

    @Test func `spaces become marks as SentencePiece wants them`() {
        func spaces(_ removesExtra: Bool, _ addsPrefix: Bool, _ text: String) -> String {
            let step = NormalizerStep.sentencePieceSpaces(
                removesExtra: removesExtra, addsPrefix: addsPrefix, marksAreSuffixes: false)
            return apply([step], text)
        }
        #expect(spaces(false, true, "a  b") == "▁a▁▁b")
        #expect(spaces(true, true, "  a  b ") == "▁a▁b")
        #expect(spaces(true, true, "   ") == "")
        #expect(spaces(false, true, " ") == "▁▁")
        #expect(spaces(false, false, " a") == "▁a")
        #expect(spaces(false, true, "") == "")
    }

    @Test func `the other steps do what they are named for`() {
        #expect(apply([.lowercase], "ÄB") == "äb")
        #expect(apply([.form(.nfd), .stripAccents], "äé") == "ae")
        #expect(apply([.prepend([0x78])], "a") == "xa")
        #expect(apply([.prepend([0x78])], "") == "")
        #expect(apply([.replace(Array("ab".utf8), with: [0x78])], "aabab") == "axx")
        #expect(apply([.strip(left: true, right: false)], " a ") == "a ")
        #expect(apply([.clean(separatesChinese: true)], "a\t我\u{0}") == "a  我 ")
        #expect(apply([.marks(prefix: .first)], "a b") == "▁a▁b")
        #expect(apply([.marks(prefix: .first)], "a b", isFirst: false) == "a▁b")
        #expect(apply([.marks(prefix: .always)], " a") == "▁a")
        #expect(apply([.leadingSpace], "a") == " a")
        #expect(apply([.form(.nfkc)], "ﬁ") == "fi")
    }

    @Test func `a character map that contradicts itself is refused or harmless`() {
        #expect(CharacterMap([]) == nil)
        #expect(CharacterMap([8, 0, 0, 0, 1]) == nil)
        #expect(CharacterMap([3, 0, 0, 0, 1, 2, 3]) == nil)
        let map = CharacterMap([4, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(map?.apply(Array("abc".utf8)) == Array("abc".utf8))
    }
}

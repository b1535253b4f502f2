// SplitPatternTests.swift: scanners written by hand against the patterns that they stand for.
import Testing

@testable import Text

struct SplitPatternTests {
    /// Splits with one pattern; the words, as text.
    static func words(_ pattern: SplitPattern, _ text: String) -> [String] {
        var text = text
        return text.withUTF8 { bytes in
            guard let base = bytes.baseAddress else { return [] }
            var words: [String] = []
            let text = SplitText(base, count: bytes.count)
            Splitter(stages: [SplitStage(pattern: pattern)]).split(text, 0, bytes.count) {
                start, end in
                words.append(String(decoding: bytes[start..<end], as: UTF8.self))
            }
            return words
        }
    }

    /// Characters on which the patterns' alternatives turn.
    private static let characters: [Character] = [
        "a", "b", "Z", "Q", "é", "Ä", "ǅ", "ʰ", "我", "ア", "\u{301}", "\u{0E31}", "1", "9", "½", "٣",
        " ", " ", "\u{A0}",
        "\n", "\r", "\t", "\u{2028}", "'", "s", "S", "l", "L", "r", "e", "V", "t", "ſ", ".", ",",
        "!", "/", "$", "+", "_", "🙂",
        "\u{0}", "\u{200D}", "𝐀", "𐐨", "\u{1F1E9}", "m", "D",
    ]

    @Test func `every scanner gives the words of its pattern`() throws {
        var state: UInt64 = 20_260_601
        print("seed \(state)")
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(truncatingIfNeeded: (state >> 33) % UInt64(bound))
        }
        let texts = (0..<400).map { _ in
            String((0..<random(24)).map { _ in Self.characters[random(Self.characters.count)] })
        }
        for (pattern, scanner) in SplitPattern.known {
            let expression = SplitPattern.expression(try Expression(pattern))
            for text in texts {
                let expected = Self.words(expression, text)
                let found = Self.words(scanner, text)
                #expect(found == expected, "\(pattern) on \(text.debugDescription)")
                #expect(found.joined().utf8.elementsEqual(text.utf8))
            }
        }
    }

    @Test(arguments: [
        ("a|ab", "abab", ["a", "b", "a", "b"]),
        ("[a-c&&[^b]]+", "abca", ["a", "b", "ca"]),
        ("a{2,3}", "aaaaaa a", ["aaa", "aaa", " a"]),
        ("a{2,3}?", "aaaaa", ["aa", "aa", "a"]),
        ("(?:ab)+", "xababy", ["x", "abab", "y"]),
        ("a++b", "aaab aaa", ["aaab", " aaa"]),
        ("\\s+$", "a  b  ", ["a  b", "  "]),
        ("(?=(\\d{3})+(?!\\d))", "1234567", ["1", "234", "567"]),
        ("\\d{1,3}(?=(?:\\d{3})*\\b)", "1234567", ["1", "234", "567"]),
        ("(?i:k)", "K\u{212A}x", ["K", "\u{212A}", "x"]),
        ("[^\\p{L}]+?x|.", "1x", ["1x"]),
        ("\\p{Han}+", "ab我们c", ["ab", "我们", "c"]),
        ("[\\x{61}-\\x{63}]+", "xabcx", ["x", "abc", "x"]),
    ]) func `expressions split as they read`(pattern: String, text: String, expected: [String])
        throws
    {
        #expect(Self.words(.expression(try Expression(pattern)), text) == expected)
    }

    @Test(arguments: [
        "(a", "a)", "[a", "*a", "\\p{Nope}", "(?<=a)b", "(a*)*", "\\q", "[b-a]", "a{5,2}", "\\1",
    ])
    func `a pattern that cannot be honoured is refused`(pattern: String) {
        #expect(throws: TokenizerError.self) { try Expression(pattern) }
    }

    @Test func `a pattern that runs away gives up instead of running on`() throws {
        let expression = try Expression("(?:a|aa)+(?:b|bb)+c")
        let text = String(repeating: "a", count: 2_000)
        #expect(Self.words(.expression(expression), text).joined() == text)
    }

    @Test func `every name of a splitter can be built`() throws {
        for name in [
            "smollm", "gpt-2", "llama-bpe", "qwen2", "qwen35", "deepseek-llm", "deepseek-coder",
            "deepseek-v3",
            "gpt-4o", "falcon", "command-r", "chameleon", "kimi-k2", "tekken", "bailingmoe",
            "tiny_aya",
            "superbpe", "exaone-moe", "viking", "seed-coder", "default",
        ] {
            #expect(try !Splitter.named(name).stages.isEmpty)
        }
        #expect(throws: TokenizerError.unsupported(part: "tokenizer.ggml.pre", name: "nobody")) {
            try Splitter.named("nobody")
        }
    }
}

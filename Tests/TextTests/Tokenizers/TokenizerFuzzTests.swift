// TokenizerFuzzTests.swift: a hostile vocabulary is refused or encodes and decodes; it never
// crashes and never gives an id that it does not have.
import Core
import Foundation
import JSON
import Material
import Testing

@testable import Text

extension SeededNumbers {
    mutating func bytes(_ counts: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: counts, using: &self)).map { _ in .random(in: 0...255, using: &self) }
    }

    mutating func isOneIn(_ odds: Int) -> Bool { Int.random(in: 0..<odds, using: &self) == 0 }
}

@Suite struct TokenizerFuzzTests {
    static let characters: [Unicode.Scalar] = [
        "a", "b", "c", "A", "0", "7", " ", " ", "\n", "\t", "\u{2581}", "é", "e", "\u{301}", "我",
        "ア", "🙂", "<", ">", "|", "'", "s", ".", "\u{0}", "\u{FFFD}", "\u{10FFFF}", "\u{A0}",
    ]

    static func text(_ random: inout SeededNumbers) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...60, using: &random) {
            text.append(characters.randomElement(using: &random)!)
        }
        return String(text)
    }

    /// Whatever a description became: texts go through it and back.
    static func exercise(_ tokenizer: Tokenizer, _ random: inout SeededNumbers) {
        for _ in 0..<6 {
            let text = text(&random)
            let isSpecial = random.isOneIn(2)
            let ids = tokenizer.encode(text, addSpecial: isSpecial, parseSpecial: random.isOneIn(2))
            #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
            _ = tokenizer.decode(ids, skipSpecial: isSpecial)
        }
        var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: random.isOneIn(2))
        for _ in 0..<40 { _ = detokenizer.append(.random(in: -3...400, using: &random)) }
        _ = detokenizer.finish()
    }

    /// Facts of a small vocabulary of each model, before anything is spoilt.
    private static func facts(_ model: String) -> GGUFTokenizerFacts {
        var tokens = ["<unk>", "<s>", "</s>", "<|x|>"].map { Array($0.utf8) }
        var types: [Int32] = [2, 3, 3, 4]
        for byte in 0..<256 {
            tokens.append(Array((model == "gpt2" ? "\(byte)" : hexadecimal(byte)).utf8))
            types.append(model == "gpt2" ? 1 : 6)
        }
        for text in ["a", "b", "c", "ab", "abc", "\u{2581}", "\u{2581}a", "我", "é", "Ġ", "Ġa"] {
            tokens.append(Array(text.utf8))
            types.append(1)
        }
        var facts = GGUFTokenizerFacts(model: model, tokens: tokens)
        facts.types = types
        facts.scores = tokens.indices.map { Float(-$0) }
        facts.merges = ["a b", "ab c", "Ġ a"]
        facts.pre = "gpt-2"
        (facts.bos, facts.eos, facts.unk) = (1, 2, 0)
        return facts
    }

    private static func hexadecimal(_ byte: Int) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(byte < 16 ? "0" : "")\(digits)>"
    }

    private static let pres = [
        "llama-bpe", "qwen2", "deepseek-llm", "deepseek-v3", "falcon", "smollm", "gpt-4o", "tekken",
        "tiny_aya", "superbpe", "chameleon", "kimi-k2", "exaone-moe", "gemma4", "whitespace",
        "default", "viking", nil,
    ]

    private static func spoil(_ facts: inout GGUFTokenizerFacts, _ random: inout SeededNumbers) {
        let place = Int.random(in: 0..<facts.tokens.count, using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: facts.tokens[place] = random.bytes(0...5)
        // Half a character, where texts are cut at it.
        case 1:
            facts.tokens[place] = [[0xE2], [0x96], [0xF0, 0x9F], [0x81, 0x61]].randomElement(using: &random)!
            facts.types?[place] = [3, 4].randomElement(using: &random)!
        case 2: facts.types?[place] = .random(in: -1...8, using: &random)
        case 3: facts.scores?[place] = [.nan, .infinity, -.infinity, 0, 1e30].randomElement(using: &random)!
        case 4: facts.tokens[place] = Array(text(&random).utf8.prefix(9))
        case 5: facts.merges?.append(text(&random))
        case 6: facts.merges?.append("a a")
        case 7: facts.pre = pres.randomElement(using: &random)!
        case 8: facts.unk = .random(in: -2...300, using: &random)
        case 9: facts.eos = .random(in: -2...300, using: &random)
        case 10: facts.characterMap = map(&random)
        default:
            (facts.addBOS, facts.addSpacePrefix) = (random.isOneIn(2), random.isOneIn(2))
            facts.removeExtraSpaces = random.isOneIn(2)
        }
    }

    /// A trie of a few plausible units, and replacements that need not be characters.
    private static func map(_ random: inout SeededNumbers) -> [UInt8] {
        let count = Int.random(in: 1...300, using: &random)
        var blob = withUnsafeBytes(of: UInt32(count * 4).littleEndian) { Array($0) }
        for _ in 0..<count {
            let label = UInt32(Array("ab \u{E2}".utf8).randomElement(using: &random)!)
            let offset = UInt32.random(in: 0...255, using: &random) << 10
            let unit = random.isOneIn(9) ? UInt32.random(in: 0 ... .max, using: &random)
                : label | offset | (random.isOneIn(2) ? 1 << 8 : 0)
            withUnsafeBytes(of: unit.littleEndian) { blob += $0 }
        }
        return blob + random.bytes(0...40)
    }

    @Test(arguments: ["gpt2", "gemma4", "llama", "t5", "bert"])
    func `a spoilt GGUF vocabulary is refused or works`(model: String) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededNumbers(seed: seed)
        var (built, refused) = (0, 0)
        for _ in 0..<1500 {
            var facts = Self.facts(model)
            for _ in 0..<Int.random(in: 1...6, using: &random) { Self.spoil(&facts, &random) }
            guard let tokenizer = try? Tokenizer(.fromGGUF(facts)) else {
                refused += 1
                continue
            }
            Self.exercise(tokenizer, &random)
            built += 1
        }
        #expect(built > 50 && refused > 50)
        print("tokenizer fuzz \(model) seed \(seed): \(built) built, \(refused) refused")
    }

    @Test(.enabled(if: Material.has("oracle"), Material.reason("oracle")))
    func `a spoilt tokenizer file is refused or works`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededNumbers(seed: seed)
        var (built, refused) = (0, 0)
        for name in ["llama2", "gemma3_text", "qwen3"] {
            let path = TokenizerConformance.folder("oracle/\(name)/tokenizer.json")
            let original = try TokenizerConformance.json(path)
            for _ in 0..<150 {
                var spoilt = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    spoilt = JSONMutation.mutate(spoilt) { random.next() }
                }
                let description = try? TokenizerDescription.fromHuggingFace(
                    tokenizer: spoilt, configuration: nil)
                guard let description, let tokenizer = try? Tokenizer(description) else {
                    refused += 1
                    continue
                }
                Self.exercise(tokenizer, &random)
                built += 1
            }
        }
        #expect(built > 20 && refused > 20)
        print("tokenizer fuzz files seed \(seed): \(built) built, \(refused) refused")
    }

    @Test func `an added token of half a character or none is refused`() {
        for content in [[0xE2], []] as [[UInt8]] {
            var facts = Self.facts("llama")
            facts.tokens[3] = content
            #expect(throws: TokenizerError.addedTokenInvalid(id: 3, bytes: content)) {
                try Tokenizer(.fromGGUF(facts))
            }
        }
    }

    @Test func `a unigram file without pieces is refused, added tokens or not`() {
        let file: JSONValue = [
            "model": ["type": "Unigram", "vocab": []],
            "added_tokens": [["id": 0, "content": "<s>", "special": true]],
        ]
        #expect(throws: TokenizerError.missing(field: "model.vocab")) {
            try TokenizerDescription.fromHuggingFace(tokenizer: file, configuration: nil)
        }
    }

    @Test func `end tokens that the model's files name join the tokenizer's own`() throws {
        let file: JSONValue = [
            "model": ["type": "Unigram", "vocab": [["<s>", 0], ["a", -1], ["b", -2]]]
        ]
        func endTokens(_ ids: [Int]) throws -> Set<TokenID> {
            try Tokenizer(
                .fromHuggingFace(
                    tokenizer: file, configuration: ["eos_token": "a"], endTokens: ids)
            ).endTokens
        }
        #expect(try endTokens([2]) == [1, 2])
        #expect(throws: TokenizerError.idOutOfRange(field: "eos_token_id", id: 3, tokens: 3)) {
            try endTokens([3])
        }
    }

    @Test func `a character that the end cuts off is read as one byte`() {
        for bytes in [[0xE2, 0x96], [0xF0, 0x9F, 0x99], [0xC3], [0x81]] as [[UInt8]] {
            bytes.withUnsafeBufferPointer {
                let scalar = SplitText($0.baseAddress!, count: bytes.count).scalar(at: 0)
                #expect(scalar.value == 0xFFFD && scalar.width == 1)
            }
        }
        Array("é我🙂".utf8).withUnsafeBufferPointer {
            let text = SplitText($0.baseAddress!, count: $0.count)
            #expect(text.scalar(at: 0).value == 0xE9)
            #expect(text.scalar(at: 2).value == 0x6211)
            #expect(text.scalar(at: 5).value == 0x1F642)
        }
    }

    @Test func `a pattern that looks ahead over a megabyte of digits ends in time`() throws {
        var facts = Self.facts("gpt2")
        (facts.pre, facts.merges) = ("superbpe", [])
        for digit in 0..<10 { facts.tokens[digit + 10] = Array("\(digit)".utf8) }
        let tokenizer = try Tokenizer(.fromGGUF(facts))
        let text = String(repeating: "1234567890", count: 100_000)
        let seconds = ContinuousClock().measure {
            _ = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        }
        // With a bound for each match instead of one for the text this takes hours.
        #expect(seconds < .seconds(60))
        print("a megabyte of digits: \(seconds)")
    }
}

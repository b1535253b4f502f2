// TokenizerTests.swift: what holds of any vocabulary, on small ones made here.
import Core
import JSON
import Testing

@testable import Text

struct TokenizerTests {
    /// A byte-level vocabulary of all bytes and some merges.
    static func byteLevel(
        merges: [String] = ["a b", "ab c", "Ġ a", "a a", "aa aa"], added: [JSONValue] = [],
        whole: Bool = false
    ) throws -> Tokenizer {
        var vocabulary = JSONObject()
        var letters: [String] = []
        var next: UInt32 = 0x100
        for byte in UInt32(0)..<256 {
            let prints =
                (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
            letters.append(String(Character(Unicode.Scalar(prints ? byte : next)!)))
            if !prints { next += 1 }
        }
        for (id, letter) in letters.enumerated() { vocabulary[letter] = .integer(id) }
        for merge in merges {
            vocabulary[merge.split(separator: " ").joined()] = .integer(vocabulary.count)
        }
        let tokenizer: JSONValue = [
            "added_tokens": .array(added),
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
            "decoder": ["type": "ByteLevel"],
            "model": [
                "type": "BPE", "vocab": .object(vocabulary),
                "merges": .array(merges.map { .string($0) }),
                "ignore_merges": .bool(whole),
            ],
        ]
        return try Tokenizer(.fromHuggingFace(tokenizer: tokenizer, configuration: nil))
    }

    static func added(
        _ id: Int, _ content: String, special: Bool, left: Bool = false, right: Bool = false
    ) -> JSONValue {
        [
            "id": .integer(id), "content": .string(content), "special": .bool(special),
            "lstrip": .bool(left),
            "rstrip": .bool(right), "normalized": false, "single_word": false,
        ]
    }

    @Test func `merges go by rank and then from the left`() throws {
        let tokenizer = try Self.byteLevel()
        #expect(tokenizer.encode("abc", addSpecial: false, parseSpecial: false) == [257])
        #expect(tokenizer.encode("aab", addSpecial: false, parseSpecial: false) == [97, 256])
        #expect(tokenizer.encode("aaaaa", addSpecial: false, parseSpecial: false) == [260, 97])
        #expect(tokenizer.encode(" a", addSpecial: false, parseSpecial: false) == [258])
    }

    @Test(arguments: [1, 31, 32, 33, 34, 127, 128, 129, 1000, 4097])
    func `long words merge as short ones do`(length: Int) throws {
        let tokenizer = try Self.byteLevel()
        let ids = tokenizer.encode(
            String(repeating: "a", count: length), addSpecial: false, parseSpecial: false)
        var expected = [TokenID](repeating: 260, count: length / 4)
        if length % 4 >= 2 { expected.append(259) }
        if length % 2 == 1 { expected.append(97) }
        #expect(ids == expected)
    }

    @Test func `heap and scan agree on random words`() throws {
        var state: UInt64 = 7
        print("seed \(state)")
        let tokenizer = try Self.byteLevel(merges: [
            "b a", "a b", "ab ba", "a a", "ba ba", "aa b", "abba aa",
        ])
        for length in 20..<60 {
            var word = ""
            for _ in 0..<length {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                word += state >> 40 & 1 == 0 ? "a" : "b"
            }
            let ids = tokenizer.encode(word, addSpecial: false, parseSpecial: false)
            #expect(
                ids
                    == Self.slowMerge(
                        word, ["b a", "a b", "ab ba", "a a", "ba ba", "aa b", "abba aa"]))
        }
    }

    /// The definition: join the best-ranked leftmost pair until none is left.
    private static func slowMerge(_ word: String, _ merges: [String]) -> [TokenID] {
        var parts = word.map { String($0) }
        let pairs = merges.map { $0.split(separator: " ").map { String($0) } }
        while true {
            var best: (rank: Int, place: Int)?
            for place in parts.indices.dropLast() {
                if let rank = pairs.firstIndex(of: [parts[place], parts[place + 1]]),
                    rank < best?.rank ?? .max
                {
                    best = (rank, place)
                }
            }
            guard let best else { break }
            parts.replaceSubrange(
                best.place...(best.place + 1), with: [parts[best.place] + parts[best.place + 1]])
        }
        return parts.map { part in
            if part.utf8.count == 1 { return TokenID(part.utf8.first!) }
            return TokenID(256 + pairs.firstIndex { $0.joined() == part }!)
        }
    }

    @Test func `special tokens in text are text unless they are asked for`() throws {
        let tokenizer = try Self.byteLevel(added: [Self.added(300, "<|end|>", special: true)])
        #expect(
            tokenizer.encode("a<|end|>b", addSpecial: false, parseSpecial: true) == [97, 300, 98])
        let plain = tokenizer.encode("a<|end|>b", addSpecial: false, parseSpecial: false)
        #expect(!plain.contains(300))
        #expect(tokenizer.decode(plain, skipSpecial: true) == "a<|end|>b")
        #expect(tokenizer.isSpecial(300))
        #expect(tokenizer.decode([97, 300, 98], skipSpecial: true) == "ab")
        #expect(tokenizer.decode([97, 300, 98], skipSpecial: false) == "a<|end|>b")
        #expect(tokenizer.endTokens == [300])
        #expect(tokenizer.token(of: "<|end|>") == 300)
    }

    @Test func `added tokens take the white space that their flags say`() throws {
        let tokenizer = try Self.byteLevel(added: [
            Self.added(300, "<l>", special: true, left: true),
            Self.added(301, "<r>", special: true, right: true),
        ])
        #expect(
            tokenizer.encode("b  <l> b", addSpecial: false, parseSpecial: true) == [
                98, 300, 32, 98,
            ])
        #expect(
            tokenizer.encode("b <r> \n b", addSpecial: false, parseSpecial: true) == [
                98, 32, 301, 98,
            ])
        #expect(tokenizer.encode("<r>", addSpecial: false, parseSpecial: true) == [301])
    }

    @Test func `the longest added token is found, and structure only where it is asked for`() throws
    {
        let tokenizer = try Self.byteLevel(added: [
            Self.added(300, "<think>", special: false), Self.added(301, "    ", special: false),
            Self.added(302, "      ", special: false),
        ])
        #expect(
            tokenizer.encode("b      b", addSpecial: false, parseSpecial: false) == [98, 302, 98])
        #expect(!tokenizer.encode("<think>", addSpecial: false, parseSpecial: false).contains(300))
        #expect(tokenizer.encode("<think>", addSpecial: false, parseSpecial: true) == [300])
    }

    @Test func `text from many threads gives the ids it gives alone`() async throws {
        let tokenizer = try Self.byteLevel()
        let texts = (0..<64).map { "abc aab \($0) aaaa " }
        let alone = texts.map { tokenizer.encode($0, addSpecial: false, parseSpecial: false) }
        let together = await withTaskGroup(of: (Int, [TokenID]).self) { group in
            for (index, text) in texts.enumerated() {
                group.addTask {
                    (index, tokenizer.encode(text, addSpecial: false, parseSpecial: false))
                }
            }
            var result = [[TokenID]](repeating: [], count: texts.count)
            for await (index, ids) in group { result[index] = ids }
            return result
        }
        #expect(together == alone)
    }

    @Test(arguments: [-1, 301, TokenID.max] as [TokenID])
    func `ids beyond the vocabulary add nothing`(id: TokenID) throws {
        let tokenizer = try Self.byteLevel()
        #expect(tokenizer.bytes(of: id).isEmpty && !tokenizer.isSpecial(id))
        #expect(tokenizer.decode([97, id, 98], skipSpecial: true) == "ab")
        var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: false)
        #expect(detokenizer.append(id) == "")
    }

    @Test func `the word cache forgets and still answers right`() throws {
        let tokenizer = try Self.byteLevel()
        // More distinct words than the cache holds, twice.
        let text = (0..<60_000).map { "w\($0)" }.joined(separator: " ")
        let first = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        #expect(tokenizer.encode(text, addSpecial: false, parseSpecial: false) == first)
        #expect(tokenizer.decode(first, skipSpecial: false) == text)
    }

    @Test func `sentence pieces with scores merge by score and fall back to bytes`() throws {
        var facts = GGUFTokenizerFacts(model: "llama", tokens: [])
        var tokens = ["<unk>", "<s>", "</s>"]
        for byte in 0..<256 {
            let digits = String(byte, radix: 16, uppercase: true)
            tokens.append("<0x\(digits.count < 2 ? "0" : "")\(digits)>")
        }
        tokens += ["▁", "a", "b", "ab", "▁a", "▁ab"]
        facts.tokens = tokens.map { Array($0.utf8) }
        facts.types = [2, 3, 3] + Array(repeating: 6, count: 256) + Array(repeating: 1, count: 6)
        facts.scores = Array(repeating: 0, count: 259) + [-10, -11, -12, -1, -2, -3]
        (facts.bos, facts.eos, facts.unk) = (1, 2, 0)
        let tokenizer = try Tokenizer(.fromGGUF(facts))
        #expect(tokenizer.encode("ab", addSpecial: true, parseSpecial: false) == [1, 264])
        #expect(
            tokenizer.encode("é", addSpecial: false, parseSpecial: false) == [
                259, 3 + 0xC3, 3 + 0xA9,
            ])
        #expect(tokenizer.decode([1, 264, 263, 3 + 0xC3, 3 + 0xA9], skipSpecial: true) == "ab aé")
        #expect(tokenizer.encode("a</s>a", addSpecial: false, parseSpecial: true) == [263, 2, 263])
        #expect(tokenizer.addsBeginOfSequence)
        #expect(tokenizer.endTokens == [2])
    }

    @Test func `facts that contradict each other are refused by name`() throws {
        var facts = GGUFTokenizerFacts(model: "gpt2", tokens: [[97], [98]])
        facts.merges = ["a b"]
        facts.pre = "gpt-2"
        #expect(throws: TokenizerError.mergeOutsideVocabulary(rank: 0, text: "ab")) {
            try Tokenizer(.fromGGUF(facts))
        }
        facts.merges = []
        facts.types = [1]
        #expect(
            throws: TokenizerError.lengthMismatch(
                field: "tokenizer.ggml.token_type", count: 1, tokens: 2)
        ) {
            try TokenizerDescription.fromGGUF(facts)
        }
        facts.types = nil
        facts.bos = 2
        #expect(
            throws: TokenizerError.idOutOfRange(
                field: "tokenizer.ggml.bos_token_id", id: 2, tokens: 2)
        ) {
            try TokenizerDescription.fromGGUF(facts)
        }
        facts.model = "rwkv"
        #expect(throws: TokenizerError.unsupported(part: "tokenizer.ggml.model", name: "rwkv")) {
            try TokenizerDescription.fromGGUF(facts)
        }
    }

    @Test func `broken SentencePiece and tiktoken files are errors, never traps`() throws {
        let model: [UInt8] = [
            0x0A, 0x08, 0x0A, 0x01, 0x61, 0x15, 0, 0, 0x80, 0xBF, 0x12, 0x02, 0x18, 0x01,
        ]
        _ = try TokenizerDescription.fromSentencePiece(model, addsBeginOfSequence: false)
        for end in 1..<model.count {
            _ = try? TokenizerDescription.fromSentencePiece(
                Array(model[..<end]), addsBeginOfSequence: false)
        }
        for index in model.indices {
            for bit in 0..<8 {
                var broken = model
                broken[index] ^= UInt8(1 << bit)
                if let description = try? TokenizerDescription.fromSentencePiece(
                    broken, addsBeginOfSequence: true)
                {
                    _ = try Tokenizer(description).encode(
                        "a b", addSpecial: true, parseSpecial: true)
                }
            }
        }
        for text in ["YQ==", "YQ== x", "Y*== 1", " 1", "YQ== 99999999999"] {
            #expect(throws: TokenizerError.self) {
                try TokenizerDescription.fromTiktoken(
                    Array(text.utf8), pattern: "\\S+", specials: [:])
            }
        }
    }
}

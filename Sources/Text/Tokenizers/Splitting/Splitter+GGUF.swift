// Splitter+GGUF.swift: the split stages behind each name of `tokenizer.ggml.pre`.
// The patterns are the models' own, from their tokenizer.json files; the names are llama.cpp's.

extension Splitter {
    private static let digit = "\\p{N}"
    private static let digitTriple = "\\p{N}{1,3}"
    private static let asciiTriple = "[0-9][0-9][0-9]"
    private static let deepSeekHan = "[一-龥\u{0800}-一가-\u{D7FF}]+"
    private static let bloom = " ?[^(\\s|.,!?…。，、।۔،)]+"
    private static let deepSeekLetters =
        "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕ"
        + "ἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇ"
        + "Ꞌ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+"

    /// Names by pattern list.
    private static let stagesByName: [(names: [String], patterns: [String])] = [
        (["llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
          "jina-v5-nano", "dbrx", "smaug-bpe", "glm4", "chatglm-bpe"],
         [SplitPattern.wordsText(numbers: digitTriple)]),
        (["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
          "solar-open", "grok-2"],
         [SplitPattern.wordsText(numbers: digit)]),
        (["ufakzeka"], [SplitPattern.wordsText(numbers: digit, contractions: "")]),
        (["qwen35"], [SplitPattern.qwen35Text]),
        (["deepseek-llm"],
         ["[\\r\\n]", deepSeekLetters, "\\s?[!-/:-~！-／：-～‘-‟　-。]+", "\\s+$", deepSeekHan, "\\p{N}+"]),
        (["deepseek-coder"], ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", deepSeekHan, digit]),
        (["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
         [digitTriple, "[一-龥\u{3040}-ゟ゠-ヿ]+", SplitPattern.deepSeekText]),
        (["falcon"], ["[\\p{P}\\$\\+<=>\\^~\\|`]+", SplitPattern.gpt2Text, asciiTriple]),
        (["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"],
         [digit, SplitPattern.gpt2Text]),
        (["gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0",
          "mellum", "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "mpt", "olmo", "jais",
          "trillion", "granite-docling", "exaone4"],
         [SplitPattern.gpt2Text]),
        (["poro-chat", "bloom", "gpt3-finnish"], [bloom]),
        (["viking"], [bloom, digit]),
        (["tekken"], [SplitPattern.casedText(numbers: digit, contractions: false)]),
        (["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", "granite-embed-multi-97m"],
         [SplitPattern.casedText(numbers: digitTriple, contractions: true)]),
        (["tiny_aya", "cohere2moe"],
         ["\\d{1,3}(?=(?:\\d{3})*\\b)", SplitPattern.casedText(numbers: digitTriple, contractions: true)]),
        (["chameleon"],
         ["<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\\t\\n]|    |  )", digit,
          "[\\p{P}!-/:-@\\[-`{-~]", SplitPattern.gpt2Text]),
        (["superbpe"], ["\\p{N}+", "(?=(\\d{3})+(?!\\d))"]),
        (["bailingmoe", "bailingmoe2", "llada-moe"],
         ["'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*"
            + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"]),
        (["seed-coder"],
         ["(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+"
            + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"]),
        (["kimi-k2"], [kimi]),
        (["laguna"], ["[^\\n]+|[\\n]+", SplitPattern.wordsText(numbers: digit)]),
        (["exaone-moe"],
         ["(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"]),
        (["gemma4", "granite-embed-multi-311m", "sarvam-moe"], ["[^\\n]+|[\\n]+"]),
        (["whitespace"], ["\\S+"]),
        (["default"], ["[\\p{P}\\$\\+<=>\\^~\\|]+", SplitPattern.gpt2Text, "\\p{N}+", asciiTriple]),
    ]

    /// Kimi's o200k pattern, in which Han characters are words of their own.
    private static let kimi = {
        let upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
        let lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
        let prefix = "[^\\r\\n\\p{L}\\p{N}]?"
        let suffix = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        return "[\\p{Han}]+|" + prefix + upper + "*" + lower + "+" + suffix + "|" + prefix + upper + "+" + lower
            + "*" + suffix + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    }()

    /// Names whose vocabularies take a word whole when it is a token, before any merge.
    static let wholeWordNames: Set<String> = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano", "tekken", "granite-embed-multi-97m", "youtu",
    ]

    /// The splitter of a `tokenizer.ggml.pre` name; files from before that key use the default one.
    static func named(_ name: String?) throws(TokenizerError) -> Splitter {
        let name = name ?? "default"
        guard let entry = stagesByName.first(where: { $0.names.contains(name) }) else {
            throw .unsupported(part: "tokenizer.ggml.pre", name: name)
        }
        var stages: [SplitStage] = []
        for pattern in entry.patterns { stages.append(SplitStage(pattern: try .recognizing(pattern))) }
        return Splitter(stages: stages)
    }
}

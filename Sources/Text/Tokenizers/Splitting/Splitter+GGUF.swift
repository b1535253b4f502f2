// Splitter+GGUF.swift: the split stages behind each name of `tokenizer.ggml.pre`.
// The patterns are the models' own, from their tokenizer.json files; the names are llama.cpp's.

extension Splitter {
    private static let digit = "\\p{N}"
    private static let digitTriple = "\\p{N}{1,3}"
    private static let asciiTriple = "[0-9][0-9][0-9]"
    private static let bloom = " ?[^(\\s|.,!?…。，、।۔،)]+"
    /// DeepSeek LLM's cased letters, written as code points: some of them change when text is
    /// composed.
    private static let deepSeekLetters =
        "\\s?["
        + classItems(
            """
            41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D
            37F 386 388-38A 38C 38E-3A1 3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5
            13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15 1F18-1F1D
            1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE
            1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107
            210A-2113 2115 2119-211D 2124 2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149
            214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B A722-A76F
            A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F
            104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943
            """) + "]+"
    private static let deepSeekSigns =
        "\\s?[!-/:-~" + classItems("FF01-FF0F FF1A-FF5E 2018-201F 3000-3002") + "]+"
    private static let deepSeekHan = "[" + classItems("4E00-9FA5 800-4E00 AC00-D7FF") + "]+"
    private static let deepSeek3Han = "[" + classItems("4E00-9FA5 3040-309F 30A0-30FF") + "]+"

    /// The items of a class from hexadecimal code points and ranges of them.
    private static func classItems(_ list: String) -> String {
        list.split { $0 == " " || $0 == "\n" }.map { item in
            item.split(separator: "-").map { "\\x{\($0)}" }.joined(separator: "-")
        }.joined()
    }

    /// Names by pattern list.
    private static let stagesByName: [(names: [String], patterns: [String])] = [
        (
            [
                "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
                "lfm2",
                "jina-v5-nano", "dbrx", "smaug-bpe", "glm4", "chatglm-bpe",
            ],
            [SplitPattern.wordsText(numbers: digitTriple)]
        ),
        (
            [
                "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
                "solar-open", "grok-2",
            ],
            [SplitPattern.wordsText(numbers: digit)]
        ),
        (["ufakzeka"], [SplitPattern.wordsText(numbers: digit, contractions: "")]),
        (["qwen35"], [SplitPattern.qwen35Text]),
        (
            ["deepseek-llm"],
            ["[\\r\\n]", deepSeekLetters, deepSeekSigns, "\\s+$", deepSeekHan, "\\p{N}+"]
        ),
        (["deepseek-coder"], ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", deepSeekHan, digit]),
        (
            ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
            [digitTriple, deepSeek3Han, SplitPattern.deepSeekText]
        ),
        (["falcon"], ["[\\p{P}\\$\\+<=>\\^~\\|`]+", SplitPattern.gpt2Text, asciiTriple]),
        (
            [
                "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b",
                "mellum2",
            ],
            [digit, SplitPattern.gpt2Text]
        ),
        (
            [
                "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de",
                "a.x-4.0",
                "mellum", "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "mpt", "olmo",
                "jais",
                "trillion", "granite-docling", "exaone4",
            ],
            [SplitPattern.gpt2Text]
        ),
        (["poro-chat", "bloom", "gpt3-finnish"], [bloom]),
        (["viking"], [bloom, digit]),
        (["tekken"], [SplitPattern.casedText(numbers: digit, contractions: false)]),
        (
            ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", "granite-embed-multi-97m"],
            [SplitPattern.casedText(numbers: digitTriple, contractions: true)]
        ),
        (
            ["tiny_aya", "cohere2moe"],
            [
                "\\d{1,3}(?=(?:\\d{3})*\\b)",
                SplitPattern.casedText(numbers: digitTriple, contractions: true),
            ]
        ),
        (
            ["chameleon"],
            [
                "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\\t\\n]|    |  )",
                digit,
                "[\\p{P}!-/:-@\\[-`{-~]", SplitPattern.gpt2Text,
            ]
        ),
        (["superbpe"], ["\\p{N}+", "(?=(\\d{3})+(?!\\d))"]),
        (
            ["bailingmoe", "bailingmoe2", "llada-moe"],
            [
                "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*"
                    + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"
            ]
        ),
        (
            ["seed-coder"],
            [
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+"
                    + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
            ]
        ),
        (["kimi-k2"], [kimi]),
        (["laguna"], ["[^\\n]+|[\\n]+", SplitPattern.wordsText(numbers: digit)]),
        (
            ["exaone-moe"],
            [
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}"
                    + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"
            ]
        ),
        (["gemma4", "granite-embed-multi-311m", "sarvam-moe"], ["[^\\n]+|[\\n]+"]),
        (["whitespace"], ["\\S+"]),
        (
            ["default"],
            ["[\\p{P}\\$\\+<=>\\^~\\|]+", SplitPattern.gpt2Text, "\\p{N}+", asciiTriple]
        ),
    ]

    /// Kimi's o200k pattern, in which Han characters are words of their own.
    private static let kimi = {
        let upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
        let lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
        let prefix = "[^\\r\\n\\p{L}\\p{N}]?"
        let suffix = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        return "[\\p{Han}]+|" + prefix + upper + "*" + lower + "+" + suffix + "|" + prefix + upper
            + "+" + lower
            + "*" + suffix
            + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
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
        for pattern in entry.patterns {
            stages.append(SplitStage(pattern: try .recognizing(pattern)))
        }
        return Splitter(stages: stages)
    }
}

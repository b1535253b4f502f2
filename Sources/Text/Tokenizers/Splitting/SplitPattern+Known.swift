// SplitPattern+Known.swift: recognizes patterns by their text, so that known ones run by hand.
// Sources: tokenizer.json files of the models; llama.cpp's pre-tokenizer table for GGUF names.

extension SplitPattern {
    static let deepSeekText =
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    private static let signsAndSpaces = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    private static let upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
    private static let lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

    static func wordsText(numbers: String, contractions: String = contractions + "|") -> String {
        contractions + "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + numbers + signsAndSpaces
    }

    static func casedText(numbers: String, contractions: Bool) -> String {
        let suffix = contractions ? Self.contractions + "?" : ""
        let prefix = "[^\\r\\n\\p{L}\\p{N}]?"
        return prefix + upper + "*" + lower + "+" + suffix + "|" + prefix + upper + "+" + lower + "*" + suffix
            + "|" + numbers + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    }

    static let gpt2Text =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
    static let qwen35Text =
        contractions + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*"
        + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

    /// The patterns with a scanner of their own, by their text.
    static let known: [String: SplitPattern] = {
        var table: [String: SplitPattern] = [
            gpt2Text: .gpt2,
            qwen35Text: .words(WordRules(numbersMax: 1, marksAreLetters: true)),
            deepSeekText: .deepSeekWords,
            "\\s+$": .trailingSpace,
            "\\p{N}": .numbers(max: 1),
            "\\p{N}+": .numbers(max: .max),
        ]
        for (numbers, max) in [("\\p{N}", 1), ("\\p{N}{1}", 1), ("\\p{N}{1,3}", 3), ("\\p{N}+", Int.max)] {
            table[wordsText(numbers: numbers)] = .words(WordRules(numbersMax: max))
            table[wordsText(numbers: numbers, contractions: "")] =
                .words(WordRules(numbersMax: max, splitsContractions: false))
            for keeps in [false, true] {
                table[casedText(numbers: numbers, contractions: keeps)] =
                    .casedWords(CasedWordRules(numbersMax: max, keepsContractions: keeps))
            }
        }
        for max in 1...9 { table["\\p{N}{1,\(max)}"] = .numbers(max: max) }
        return table
    }()

    /// The scanner for a pattern's text, or the pattern itself as an expression.
    static func recognizing(_ text: String) throws(TokenizerError) -> SplitPattern {
        // Files write line ends both as characters and as escapes.
        let spelled = text.replacing("\r", with: "\\r").replacing("\n", with: "\\n")
        if let known = known[spelled] { return known }
        return .expression(try Expression(text))
    }
}

extension String {
    fileprivate func replacing(_ character: Character, with text: String) -> String {
        var result = ""
        for scalar in unicodeScalars {
            if character.unicodeScalars.elementsEqual([scalar]) {
                result += text
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

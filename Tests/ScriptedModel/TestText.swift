// TestText.swift: a vocabulary of single bytes and four special tokens, and a template for it.
import Core
import Text

public enum TestText {
    public static let begin: TokenID = 256
    public static let end: TokenID = 257
    public static let turnBegin: TokenID = 258
    public static let turnEnd: TokenID = 259
    public static let vocabularySize = 260

    public static let template = """
        {%- for message in messages -%}
        {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' -}}
        {%- endfor -%}
        {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
        """

    public static func tokenizer() throws -> Tokenizer {
        var facts = GGUFTokenizerFacts(model: "gpt2", tokens: byteTokens() + specials)
        facts.pre = "gpt-2"
        facts.merges = []
        facts.types = Array(repeating: 1, count: 256) + [3, 3, 3, 3]
        facts.bos = Int(begin)
        facts.eos = Int(end)
        facts.eot = Int(turnEnd)
        facts.addBOS = true
        return try Tokenizer(TokenizerDescription.fromGGUF(facts))
    }

    public static func tokens(_ text: String) -> [TokenID] { text.utf8.map { TokenID($0) } }

    private static let specials = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"].map { Array($0.utf8) }

    /// GPT-2's way to write bytes: printable ones as they are, the others from U+0100 on.
    private static func byteTokens() -> [[UInt8]] {
        var next: UInt32 = 256
        return (0..<256).map { (byte: UInt32) in
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            var scalar = byte
            if !isPrintable {
                scalar = next
                next += 1
            }
            return Array(String(Unicode.Scalar(scalar)!).utf8)
        }
    }
}

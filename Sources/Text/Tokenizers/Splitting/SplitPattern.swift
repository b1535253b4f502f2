// SplitPattern.swift: finds the next word of one pattern. The patterns that busy models use are
// written by hand; any other goes through `Expression`. Both give the same words: a test compares.

enum SplitPattern: Sendable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// Llama 3, Qwen: a word takes one sign before it, signs take the line ends after them.
    case words(WordRules)
    /// o200k: words also end where lower case meets upper.
    case casedWords(CasedWordRules)
    /// DeepSeek 3: signs and letters as the third of its three splits.
    case deepSeekWords
    /// `\p{N}{1,max}`
    case numbers(max: Int)
    /// `\s+$`
    case trailingSpace
    /// This text itself; not empty.
    case literal([UInt8])
    /// Before each mark (U+2581) that follows anything else than a mark or one of `keeps`:
    /// no piece of the vocabulary reaches across such a place.
    case marks(keeps: ByteSet)
    case expression(Expression)

    struct WordRules: Sendable, Hashable {
        /// Most digits in one word.
        var numbersMax: Int
        /// Whether combining marks belong to words rather than to signs.
        var marksAreLetters = false
        /// Whether `'s`, `'T`, `'re` ... are words of their own.
        var splitsContractions = true
    }

    struct CasedWordRules: Sendable, Hashable {
        var numbersMax: Int
        /// Whether `'s`, `'T`, `'re` ... stay at the end of their word.
        var keepsContractions: Bool
    }

    /// The first match at or after `start`. An empty match is a place to split.
    func next(
        _ text: SplitText, from start: Int, to end: Int, begin: Int, _ stack: inout BacktrackStack
    ) -> (start: Int, end: Int)? {
        switch self {
        case .gpt2: return (start, text.gpt2Word(start, end))
        case .words(let rules): return (start, text.word(start, end, rules))
        case .casedWords(let rules): return (start, text.casedWord(start, end, rules))
        case .deepSeekWords: return text.deepSeekWord(start, end)
        case .numbers(let max): return text.numbers(start, end, max: max)
        case .trailingSpace: return text.trailingSpace(start, end)
        case .literal(let bytes): return text.find(bytes, start, end)
        case .marks(let keeps): return text.markedWord(start, end, keeps: keeps)
        case .expression(let expression):
            return expression.next(text, from: start, to: end, begin: begin, &stack)
        }
    }
}

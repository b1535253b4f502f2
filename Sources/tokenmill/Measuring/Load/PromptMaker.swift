// PromptMaker.swift: prompts that share no beginning, so that no server's cache can help.
// The seed repeats them: every server is given the same work.

struct PromptMaker: Sendable {
    /// Ids below this are often special or bytes.
    static let firstToken = 100

    private var random: SeededRandom
    /// Ids stay below this.
    private let tokensBelow: Int

    init(seed: UInt64, tokensBelow: Int) {
        precondition(tokensBelow > Self.firstToken, "no token between \(Self.firstToken) and \(tokensBelow)")
        random = SeededRandom(seed: seed)
        self.tokensBelow = tokensBelow
    }

    mutating func tokens(_ count: Int) -> [Int] {
        (0..<count).map { _ in Int.random(in: Self.firstToken..<tokensBelow, using: &random) }
    }

    /// Made-up words of two syllables, with blanks between.
    mutating func words(_ count: Int) -> String {
        let consonants = Array("bdfgklmnprstvz")
        let vowels = Array("aeiou")
        var text = ""
        for number in 0..<count {
            if number > 0 { text.append(" ") }
            for _ in 0..<2 {
                text.append(consonants[Int.random(in: consonants.indices, using: &random)])
                text.append(vowels[Int.random(in: vowels.indices, using: &random)])
            }
        }
        return text
    }
}

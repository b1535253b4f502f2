// TokenHistory.swift: which tokens a sequence has seen and how often it chose them: flat, so that
// applying penalties walks an array.
import Core

/// Distinct tokens of prompt and output, for penalties.
struct TokenHistory {
    private(set) var tokens: [TokenID] = []
    /// Occurrences in the output; 0 for tokens of the prompt alone.
    private(set) var counts: [Int32] = []
    private var places: [TokenID: Int] = [:]

    init(prompt: [TokenID]) {
        for token in prompt { _ = place(token) }
    }

    mutating func append(_ token: TokenID) { counts[place(token)] += 1 }

    private mutating func place(_ token: TokenID) -> Int {
        if let place = places[token] { return place }
        places[token] = tokens.count
        tokens.append(token)
        counts.append(0)
        return tokens.count - 1
    }
}

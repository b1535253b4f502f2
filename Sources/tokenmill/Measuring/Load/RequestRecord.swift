// RequestRecord.swift: what became of one request: when its tokens came, how many, or why none.
// Times are monotonic nanoseconds.

struct RequestRecord: Sendable {
    /// When the request was due; a late generator makes no server look faster.
    let startedAt: UInt64
    let planned: PlannedRequest
    var firstTextAt: UInt64?
    var lastTextAt: UInt64 = 0
    var endedAt: UInt64 = 0
    /// Nanoseconds from each piece of text to the next.
    var gaps: [UInt64] = []
    /// As the server counts them; `nil` where it does not say.
    var promptTokens: Int?
    var outputTokens: Int?
    var failure: LoadFailure?
    /// What the server said with a failure.
    var errorBody = ""

    init(startedAt: UInt64, planned: PlannedRequest) {
        self.startedAt = startedAt
        self.planned = planned
    }

    /// Pieces of text, where the server counts no tokens.
    var tokens: Int { outputTokens ?? (firstTextAt == nil ? 0 : gaps.count + 1) }

    var firstTokenSeconds: Double? { firstTextAt.map { Self.seconds($0 - startedAt) } }
    var requestSeconds: Double { Self.seconds(endedAt - startedAt) }
    var gapSeconds: some Sequence<Double> { gaps.lazy.map(Self.seconds) }

    /// The mean time of each token after the first.
    var tokenSeconds: Double? {
        guard let firstTextAt, tokens > 1 else { return nil }
        return Self.seconds(lastTextAt - firstTextAt) / Double(tokens - 1)
    }

    mutating func noteText(at time: UInt64) {
        if firstTextAt == nil { firstTextAt = time } else { gaps.append(time - lastTextAt) }
        lastTextAt = time
    }

    private static func seconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) * 1e-9 }
}

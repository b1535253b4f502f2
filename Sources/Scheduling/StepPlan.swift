// StepPlan.swift: one step's work: whose tokens, which pages, which copies. Values only.
import Core

/// What the next step computes. The owner keeps one and has it refilled.
public struct StepPlan: Sendable {
    /// Consecutive tokens of one sequence.
    public struct Span: Sendable, Hashable {
        public let sequence: SequenceHandle
        /// Token positions to compute, those of the draft included.
        public let begin: Int
        public let end: Int
        /// Rows from this position on want logits; `end` when none does.
        public let outputBegin: Int
        /// Range of `StepPlan.samples` drawn from the last row; empty until the prompt is complete.
        public let firstSample: Int
        public let sampleCount: Int
        public var samples: Range<Int> { firstSample..<firstSample + sampleCount }
        /// The last tokens of the span when they are only supposed: each counts once a result says the same.
        /// Every row has a sample then.
        public var draft: [TokenID] = []

        /// Where the known tokens end.
        public var knownEnd: Int { end - draft.count }
    }

    /// A page to copy before the step. Copies are done in order, before any row is computed.
    public struct Copy: Sendable, Hashable {
        public let group: Int
        public let source: Int32
        public let target: Int32
    }

    /// A sequence that ended because the whole pool, all to itself, is too small for it.
    public struct Exhaustion: Sendable, Hashable {
        public let sequence: SequenceHandle
        public let tokensNeeded: Int
        public let tokensAvailable: Int
    }

    public internal(set) var spans: [Span] = []
    /// The sequences that get a token, in order of `spans`: one with a draft stands here once for each of its rows.
    public internal(set) var samples: [SequenceHandle] = []
    public internal(set) var copies: [Copy] = []
    public internal(set) var exhausted: [Exhaustion] = []
    /// Rows of sequences that only go on by a token.
    public internal(set) var streamTokens = 0
    /// Rows of long prompts.
    public internal(set) var longPromptTokens = 0

    public init() {}

    mutating func removeAll() {
        spans.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
        copies.removeAll(keepingCapacity: true)
        exhausted.removeAll(keepingCapacity: true)
        streamTokens = 0
        longPromptTokens = 0
    }
}

/// What became of one of `StepPlan.samples`.
public enum StepResult: Sendable, Hashable {
    /// The sequence goes on with this token.
    case token(TokenID)
    /// The sequence is over; its pages go back.
    case end
    /// The row stands behind a draft token that was not chosen: it means nothing.
    case unreached
}

// PromptGovernor.swift: how many tokens of long prompts a step may carry beside running streams.
// It watches how long steps take and aims at steps no longer than `stretch` times those of the
// streams alone. That may decide by the clock, because no answer depends on how a prompt is cut.

struct PromptGovernor {
    /// How much longer than the streams alone a step may take on average, so that hardly any takes twice as long:
    /// machines are uneven, and a guess may be too low.
    static let stretch = 1.5
    /// Fewer tokens than this would cost more in steps than they save in waiting.
    static let tokensLeast = 8
    /// After so many steps beside long prompts, one has but a token of each, and shows what the streams
    /// alone take by now: they grow too, and a prompt must not be cut for that.
    static let stepsBetweenLooks = 16
    /// Weight of the newest step in the running means.  What a prompt adds is a difference of two times, and
    /// uneven twice.
    private static let newestOfStreams = 0.25, newestOfPrompts = 0.1

    /// Seconds of one stream's row in a step without prompt rows; 0: not seen yet.
    private var secondsPerStream = 0.0
    /// Seconds of one row of a long prompt; grows with its context, so the last steps count most.
    private var secondsPerPromptToken = 0.0
    private var stepsSinceLook = 0
    private var looks: Bool { stepsSinceLook >= Self.stepsBetweenLooks }

    /// The limit for a step with so many streams; without streams there is nobody to protect.
    func promptTokensMax(streams: Int) -> Int {
        guard streams > 0 else { return .max }
        guard secondsPerStream > 0, secondsPerPromptToken > 0 else {
            return max(streams, Self.tokensLeast)
        }
        if looks { return 1 }
        let room = Double(streams) * secondsPerStream * (Self.stretch - 1) / secondsPerPromptToken
        return max(Self.tokensLeast, Int(min(room, 1e6)))
    }

    /// Learns from a finished step. `promptTokens` counts the rows of all prompts, `longTokens` those of
    /// long ones; steps with short prompts teach nothing.
    mutating func learn(streams: Int, promptTokens: Int, longTokens: Int, seconds: Double) {
        guard streams > 0 else { return }
        let looked = looks && longTokens > 0
        // A look is over even if short prompts came between and nothing was to be seen.
        if looked { stepsSinceLook = 0 }
        guard promptTokens == longTokens else { return }
        if longTokens == 0 || looked {
            let own = max(0, seconds - Double(longTokens) * secondsPerPromptToken)
            Self.blend(own / Double(streams), Self.newestOfStreams, into: &secondsPerStream)
            stepsSinceLook = 0
        } else if secondsPerStream == 0 {
            // Streams were not seen alone yet, as when they began beside the prompt, or had drafts in every step:
            // until the first look all rows count alike.
            secondsPerStream = seconds / Double(streams + longTokens)
            secondsPerPromptToken = secondsPerStream
        } else {
            let spent = max(0, seconds - Double(streams) * secondsPerStream)
            Self.blend(spent / Double(longTokens), Self.newestOfPrompts, into: &secondsPerPromptToken)
            stepsSinceLook += 1
        }
    }

    private static func blend(_ value: Double, _ weight: Double, into mean: inout Double) {
        mean = mean == 0 ? value : mean + weight * (value - mean)
    }
}

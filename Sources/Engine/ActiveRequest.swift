// ActiveRequest.swift: what the engine thread remembers of a request while any choice of it lives.
import Core
import Scheduling

final class ActiveRequest {
    let id: RequestID
    let prompt: [TokenID]
    let sampling: SamplingParameters
    let stopping: StoppingRules
    let receive: @Sendable (GenerationUpdate) -> Void
    /// Where its updates are gathered.
    let outbox: Int
    var choices: [Choice] = []
    var liveChoices = 0
    /// Prompt tokens reported so far, while they are scored; handed over with the first update.
    var scored: [SampledToken] = []
    var scheduledAt: UInt64 = 0

    init(_ submission: Submission, outbox: Int) {
        id = submission.id
        prompt = submission.request.prompt
        sampling = submission.request.sampling
        stopping = submission.request.stopping
        receive = submission.receive
        self.outbox = outbox
    }
}

/// One continuation of a request.
final class Choice {
    unowned let request: ActiveRequest
    let number: Int
    let sequence: SequenceHandle
    /// Most tokens of output: what was asked for, or what the context has room for.
    let tokensMax: Int
    var output: [TokenID] = []
    /// Kept only when penalties look at it.
    var history: TokenHistory?
    var hasReported = false
    var lookup = PromptLookup()

    init(_ request: ActiveRequest, number: Int, sequence: SequenceHandle, contextMax: Int) {
        self.request = request
        self.number = number
        self.sequence = sequence
        tokensMax = min(request.stopping.tokensMax, contextMax - request.prompt.count)
        let sampling = request.sampling
        let penalizes =
            sampling.repetitionPenalty != 1 || sampling.frequencyPenalty != 0
            || sampling.presencePenalty != 0
        if penalizes { history = TokenHistory(prompt: request.prompt) }
    }

    /// Draws the next token from a row of logits, and goes on with it. Touches nothing but this choice.
    func draw(_ logits: UnsafeBufferPointer<Float>, with sampler: inout Sampler) -> Draw {
        guard tokensMax > 0 else { return .unwanted }
        let sampled: SampledToken
        do {
            sampled = try sampler.sample(logits, samplingContext)
        } catch {
            return .failed(error, position: request.prompt.count + output.count - 1)
        }
        append(sampled.token)
        if request.stopping.stopTokens.contains(sampled.token) {
            return .token(sampled, .stopToken(sampled.token))
        }
        return .token(sampled, output.count < tokensMax ? nil : .length)
    }

    private var samplingContext: SamplingContext {
        let rules = request.stopping
        return SamplingContext(
            parameters: request.sampling, choice: number, output: output[...], history: history,
            forbidden: output.count < rules.tokensMin ? rules.stopTokens : [])
    }

    private func append(_ token: TokenID) {
        output.append(token)
        history?.append(token)
    }
}

// Generation.swift: one prompt's way through the engine and back to text, for all its choices.
// Lives on one queue, the connection's; the engine's updates and its owner's calls come there.
import Core
import Dispatch
import Engine

/// One engine request. Not thread-safe: every call is made on `queue`, which is checked, hence `@unchecked`.
public final class Generation: @unchecked Sendable {
    private struct Choice {
        var text: ChoiceText
        var lastTokensAt: UInt64?
        var isOver = false
    }

    private let plan: GenerationPlan
    private let ticket: Ticket
    private let queue: DispatchQueue
    private let receive: (ChoicePiece) -> Void
    private var request: RequestID?
    private var choices: [Choice]
    private var times: GenerationTimes
    private var generatedTokens = 0
    private var isOver = false

    /// - receive: called on `queue` for every piece; the last piece of every choice has `finish`.
    public init(
        _ plan: GenerationPlan, ticket: Ticket, queue: DispatchQueue,
        receive: @escaping (ChoicePiece) -> Void
    ) {
        self.plan = plan
        self.ticket = ticket
        self.queue = queue
        self.receive = receive
        let choice = Choice(text: ChoiceText(ticket.model.tokenizer, rules: plan.text))
        choices = Array(repeating: choice, count: plan.choices)
        times = GenerationTimes(admittedAt: ticket.admittedAt)
    }

    /// Whether every choice has ended.
    public var isFinished: Bool { isOver }

    /// Hands the prompt to the engine.
    public func start() throws(AdmissionError) {
        dispatchPrecondition(condition: .onQueue(queue))
        var request = GenerationRequest(prompt: plan.prompt, sampling: plan.sampling, stopping: plan.stopping)
        request.choices = plan.choices
        request.priority = plan.priority
        request.cacheSalt = plan.cacheSalt
        request.fairnessKey = ticket.principal.name.isEmpty ? ticket.endpoint.id : ticket.principal.name
        let outcome = ticket.model.engine.submit(request, on: queue) { [self] in accept($0) }
        switch outcome {
        case .success(let id):
            self.request = id
            ticket.add(promptTokens: plan.prompt.count)
            ticket.meter.recordSubmission(promptTokens: plan.prompt.count)
        case .failure(let error):
            let retryAfter = ticket.meter.retryAfterSeconds(ahead: ticket.model.engine.load().waiting)
            isOver = true
            throw AdmissionError(error, retryAfterSeconds: retryAfter)
        }
    }

    /// Gives up on what is not finished; no piece follows.
    public func cancel() {
        dispatchPrecondition(condition: .onQueue(queue))
        guard let request, !isOver else { return }
        ticket.model.engine.cancel(request, choice: nil)
        for index in choices.indices where !choices[index].isOver {
            choices[index].isOver = true
            ticket.meter.recordFinish(.abort)
        }
        end()
    }

    private func accept(_ update: GenerationUpdate) {
        dispatchPrecondition(condition: .onQueue(queue))
        guard choices.indices.contains(update.choice), !choices[update.choice].isOver else { return }
        if update.choice == 0, update.cachedTokens > 0 { ticket.add(cachedTokens: update.cachedTokens) }
        let advance = choices[update.choice].text.advance(update.tokens, finish: update.finish)
        count(advance.tokens.count, of: update)
        var piece = ChoicePiece(choice: update.choice)
        piece.text = advance.text
        piece.tokens = advance.tokens
        piece.finish = advance.finish
        piece.promptLogprobs = update.promptLogprobs
        if let finish = advance.finish {
            choices[update.choice].isOver = true
            if update.finish == nil { ticket.model.engine.cancel(update.request, choice: update.choice) }
            ticket.meter.recordFinish(Self.reason(of: finish))
            if choices.allSatisfy(\.isOver) { end() }
        }
        receive(piece)
    }

    private func count(_ tokens: Int, of update: GenerationUpdate) {
        let isFirst = times.firstTokenAt == nil
        if times.scheduledAt == nil, update.scheduledAt > 0 {
            times.scheduledAt = max(update.scheduledAt, times.admittedAt)
        }
        ticket.add(generatedTokens: tokens, scheduledAt: update.scheduledAt, at: update.madeAt)
        guard tokens > 0 else { return }
        if isFirst {
            times.firstTokenAt = update.madeAt
            ticket.meter.recordFirstToken(times, promptTokens: plan.prompt.count)
        }
        times.lastTokenAt = update.madeAt
        generatedTokens += tokens
        let interval = choices[update.choice].lastTokensAt.map { Clock.seconds(from: $0, to: update.madeAt) }
        choices[update.choice].lastTokensAt = update.madeAt
        ticket.meter.recordTokens(tokens, intervalSeconds: interval)
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        // A prompt that was only scored has no first token, but was computed all the same.
        if times.firstTokenAt == nil, times.scheduledAt != nil {
            ticket.meter.recordFirstToken(times, promptTokens: plan.prompt.count)
        }
        ticket.meter.recordEnd(times, generatedTokens: generatedTokens, at: Clock.nanoseconds)
    }

    private static func reason(of finish: FinishReason) -> FinishedReason {
        switch finish {
        case .stopToken, .stopString: .stop
        case .length: .length
        case .cancelled: .abort
        case .failed: .error
        }
    }
}

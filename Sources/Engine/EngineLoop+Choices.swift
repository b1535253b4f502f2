// EngineLoop+Choices.swift: how choices end, and what is told of them.
import Core
import Dispatch
import Scheduling

extension EngineLoop {
    /// The choice of a sequence that is in the plan.
    func choice(of sequence: SequenceHandle) -> Choice {
        guard let choice = choices[sequence.slot] else {
            preconditionFailure("\(sequence) has a row and no request")
        }
        return choice
    }

    // MARK: ends

    func fail(_ choice: Choice, _ words: String) -> StepResult {
        conclude(choice, .failed(words))
        return .end
    }

    /// Ends requests whose prompts failed in the middle.
    func endFailed() {
        for (request, words) in failed {
            for choice in request.choices { end(choice, .failed(words)) }
        }
        failed.removeAll(keepingCapacity: true)
    }

    func endExhausted(_ exhaustion: StepPlan.Exhaustion) {
        guard let choice = choices[exhaustion.sequence.slot], choice.sequence == exhaustion.sequence
        else {
            return
        }
        let words =
            "the cache holds \(exhaustion.tokensAvailable) tokens, the sequence needs"
            + " \(exhaustion.tokensNeeded)"
        conclude(choice, .failed(words))
    }

    /// Ends a choice from outside its step; one that is over already is left alone.
    func end(_ choice: Choice, _ reason: FinishReason) {
        guard choices[choice.sequence.slot] === choice else { return }
        scheduler.end(choice.sequence)
        conclude(choice, reason)
    }

    /// Reports the end of a choice whose sequence is over, or is about to be by its result.
    func conclude(_ choice: Choice, _ reason: FinishReason, _ tokens: [SampledToken] = []) {
        publish(choice, tokens, reason, DispatchTime.now().uptimeNanoseconds)
        choices[choice.sequence.slot] = nil
        conclude(choice.request)
    }

    /// Reports the end of a choice that never got a sequence.
    func finish(_ request: ActiveRequest, _ number: Int, _ reason: FinishReason) {
        var update = GenerationUpdate(request: request.id, choice: number)
        update.finish = reason
        update.madeAt = DispatchTime.now().uptimeNanoseconds
        outboxes.put(update, in: request.outbox, request.receive)
        conclude(request)
    }

    private func conclude(_ request: ActiveRequest) {
        request.liveChoices -= 1
        guard request.liveChoices == 0 else { return }
        outboxes.close(request.outbox)
        requests[request.id] = nil
        ended.append(request.id)
    }

    // MARK: updates

    func publish(
        _ choice: Choice, _ tokens: [SampledToken], _ finish: FinishReason?, _ now: UInt64
    ) {
        let request = choice.request
        var update = GenerationUpdate(request: request.id, choice: choice.number)
        update.tokens = tokens
        update.finish = finish
        update.scheduledAt = request.scheduledAt
        update.madeAt = now
        if !choice.hasReported {
            choice.hasReported = true
            update.cachedTokens = scheduler.cachedTokens(of: choice.sequence.slot)
            if choice.number == 0 { update.promptLogprobs = request.scored }
        }
        outboxes.put(update, in: request.outbox, request.receive)
    }
}

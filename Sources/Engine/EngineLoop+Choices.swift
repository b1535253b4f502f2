// EngineLoop+Choices.swift: from logits to tokens, and how choices end. A row that cannot be
// sampled ends its own choice, or the request whose prompt it belongs to, and nobody else's.
import Core
import Dispatch
import Models
import Scheduling

extension EngineLoop {
    /// Fills `results` from the logits of the plan's output rows.
    func sample(_ logits: UnsafeBufferPointer<Float>) {
        let columns = model.vocabularySize
        precondition(
            logits.count >= columns * plan.spans.reduce(0) { $0 + $1.end - $1.outputBegin })
        let now = DispatchTime.now().uptimeNanoseconds
        results.removeAll(keepingCapacity: true)
        var firstRow = 0
        for span in plan.spans {
            guard let choice = choices[span.sequence.slot] else {
                preconditionFailure("\(span.sequence.id) has a row and no request")
            }
            let rows = span.end - span.outputBegin
            let all = UnsafeBufferPointer(
                rebasing: logits[firstRow * columns..<(firstRow + rows) * columns])
            firstRow += rows
            guard span.draft.isEmpty else {
                sampleDraft(span, all, choice, now)
                continue
            }
            let failure = score(all, span, choice.request)
            guard span.sampleCount > 0, rows > 0 else {
                if let failure { failed.append((choice.request, failure)) }
                continue
            }
            let last = UnsafeBufferPointer(rebasing: all.suffix(columns))
            for index in span.firstSample..<span.firstSample + span.sampleCount {
                guard let sampled = choices[plan.samples[index].slot] else {
                    preconditionFailure("\(plan.samples[index].id) is sampled and has no request")
                }
                results.append(failure.map { fail(sampled, $0) } ?? draw(last, sampled, now))
            }
        }
    }

    /// Log-probabilities of the prompt tokens that these rows predict, when asked for.
    private func score(
        _ rows: UnsafeBufferPointer<Float>, _ span: StepPlan.Span, _ request: ActiveRequest
    ) -> String? {
        guard let count = request.sampling.promptLogprobs else { return nil }
        let columns = model.vocabularySize
        for position in span.outputBegin..<span.end where position + 1 < request.prompt.count {
            if position == 0 { request.scored = [SampledToken(token: request.prompt[0])] }
            let row = (position - span.outputBegin) * columns
            do {
                let logits = UnsafeBufferPointer(rebasing: rows[row..<row + columns])
                let token = request.prompt[position + 1]
                request.scored.append(try sampler.report(logits, token: token, alternatives: count))
            } catch {
                return describe(error, position)
            }
        }
        return nil
    }

    func draw(_ logits: UnsafeBufferPointer<Float>, _ choice: Choice, _ now: UInt64)
        -> StepResult
    {
        let rules = choice.request.stopping
        if rules.tokensMax == 0 {
            conclude(choice, .length)
            return .end
        }
        let sampled: SampledToken
        do {
            sampled = try sampler.sample(logits, choice.samplingContext)
        } catch {
            let position = choice.request.prompt.count + choice.output.count - 1
            return fail(choice, describe(error, position))
        }
        choice.append(sampled.token)
        load.generatedTokens += 1
        let known = choice.request.prompt.count + choice.output.count
        var finish: FinishReason?
        if rules.stopTokens.contains(sampled.token) {
            finish = .stopToken(sampled.token)
        } else if choice.output.count >= rules.tokensMax || known >= contextMax {
            finish = .length
        }
        if let finish {
            conclude(choice, finish, [sampled])
            return .end
        }
        publish(choice, [sampled], nil, now)
        return .token(sampled.token)
    }

    private func describe(_ failure: SamplingFailure, _ position: Int) -> String {
        switch failure {
        case .notFinite: "the model's logits at position \(position) are not finite"
        case .nothingAllowed: "no token is allowed at position \(position)"
        }
    }

    // MARK: ends

    private func fail(_ choice: Choice, _ words: String) -> StepResult {
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
    private func conclude(_ choice: Choice, _ reason: FinishReason, _ tokens: [SampledToken] = []) {
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

    private func publish(
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

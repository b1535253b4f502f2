// EngineLoop+Sampling.swift: from logits to tokens. A row that cannot be sampled ends its own choice, or the
// request whose prompt it belongs to, and nobody else's.
import Core
import Dispatch
import Models
import Scheduling

extension EngineLoop {
    /// Has the plan's output rows scored and sampled, by all workers of the model.
    func sample(_ logits: UnsafeBufferPointer<Float>) {
        var row = 0
        for span in plan.spans {
            let request = choice(of: span.sequence).request
            for position in scoredPositions(span, request) {
                sampling.score(
                    request.prompt[position + 1], alternatives: request.sampling.promptLogprobs ?? 0,
                    row: row + position - span.outputBegin)
            }
            let end = row + span.end - span.outputBegin
            if span.draft.isEmpty {
                for index in span.samples { sampling.draw(choice(of: plan.samples[index]), row: end - 1) }
            } else {
                sampling.draw(choice(of: span.sequence), row: row, draft: span.draft)
            }
            row = end
        }
        precondition(logits.count >= row * model.vocabularySize, "too few rows of logits")
        sampling.run(logits, on: model)
    }

    /// Fills `results` from what came of the rows, and tells whoever waits for it.
    func settle() {
        let now = DispatchTime.now().uptimeNanoseconds
        results.removeAll(keepingCapacity: true)
        var scores = sampling.scores[...]
        for span in plan.spans {
            let choice = choice(of: span.sequence)
            let failure = take(&scores, of: span, choice.request)
            if let failure, span.sampleCount == 0 { failed.append((choice.request, failure)) }
            for index in span.samples { results.append(settle(sample: index, failure, now)) }
            if !span.draft.isEmpty { learn(choice, span.draft) }
        }
    }

    /// Log-probabilities of the prompt tokens that these rows predict join those of the request.
    /// Returns why one of them could not be had.
    private func take(
        _ scores: inout ArraySlice<Result<SampledToken, SamplingFailure>>, of span: StepPlan.Span,
        _ request: ActiveRequest
    ) -> String? {
        var failure: String?
        for position in scoredPositions(span, request) {
            if position == 0 { request.scored = [SampledToken(token: request.prompt[0])] }
            switch scores.removeFirst() {
            case .success(let score): request.scored.append(score)
            case .failure(let error): failure = failure ?? describe(error, position)
            }
        }
        return failure
    }

    /// Positions whose rows predict a prompt token that the request wants scored.
    private func scoredPositions(_ span: StepPlan.Span, _ request: ActiveRequest) -> Range<Int> {
        guard request.sampling.promptLogprobs != nil else { return span.end..<span.end }
        return span.outputBegin..<max(span.outputBegin, min(span.end, request.prompt.count - 1))
    }

    private func settle(sample index: Int, _ failure: String?, _ now: UInt64) -> StepResult {
        // A choice that ended within a draft is gone at the rows behind.
        var choice: Choice { self.choice(of: plan.samples[index]) }
        switch (sampling.draws[index], failure) {
        case (.unreached, _):
            return .unreached
        case (_, let failure?):
            return fail(choice, failure)
        case (.token(let sampled, let finish), nil):
            load.generatedTokens += 1
            if let finish {
                conclude(choice, finish, [sampled])
                return .end
            }
            publish(choice, [sampled], nil, now)
            return .token(sampled.token)
        case (.failed(let error, let position), nil):
            return fail(choice, describe(error, position))
        case (.unwanted, nil):
            conclude(choice, .length)
            return .end
        }
    }

    private func describe(_ failure: SamplingFailure, _ position: Int) -> String {
        switch failure {
        case .notFinite: "the model's logits at position \(position) are not finite"
        case .nothingAllowed: "no token is allowed at position \(position)"
        }
    }
}

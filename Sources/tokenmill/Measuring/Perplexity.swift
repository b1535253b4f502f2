// Perplexity.swift: how surprised a model is by a text: exp of the mean negative log-probability.
// The text is cut into windows that are scored on their own, each after the model's own beginning.
import Core
import Engine
import Glibc
import Service
import Text

struct Perplexity {
    struct Result {
        var tokens = 0
        var windows = 0
        var logprobSum = 0.0
        var logprobSquares = 0.0

        var perplexity: Double { exp(-logprobSum / Double(tokens)) }

        /// Standard error of the perplexity, from the spread of the tokens' log-probabilities.
        var error: Double {
            guard tokens > 1 else { return .infinity }
            let mean = logprobSum / Double(tokens)
            let variance = max(0, logprobSquares / Double(tokens) - mean * mean)
            return perplexity * (variance / Double(tokens - 1)).squareRoot()
        }
    }

    let model: ServedModel
    /// Tokens of a window, without the beginning.
    let windowTokens: Int
    /// Most windows; `nil` takes the whole text.
    let windowsMax: Int?

    /// - progress: called after each window with the result so far.
    func measure(
        _ text: String, progress: (Result) -> Void = { _ in }
    ) throws(CommandFailure) -> Result {
        let start = model.tokenizer.encode("", addSpecial: true, parseSpecial: false)
        let tokens = model.tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        var result = Result()
        var first = 0
        while first < tokens.count, result.windows < windowsMax ?? .max {
            let window = tokens[first..<min(first + windowTokens, tokens.count)]
            first += windowTokens
            // The first token of all has nothing before it to be predicted from.
            guard start.count + window.count > 1 else { break }
            for logprob in try score(start + window) {
                result.tokens += 1
                result.logprobSum += logprob
                result.logprobSquares += logprob * logprob
            }
            result.windows += 1
            progress(result)
        }
        guard result.tokens > 0 else {
            throw CommandFailure(
                "the text has \(tokens.count) tokens, too few to score", advice: "take a longer one"
            )
        }
        return result
    }

    /// Log-probabilities of all tokens but the first.
    private func score(_ tokens: [TokenID]) throws(CommandFailure) -> [Double] {
        var sampling = SamplingParameters.greedy
        sampling.promptLogprobs = 0
        let request = GenerationRequest(
            prompt: tokens, sampling: sampling, stopping: StoppingRules(tokensMax: 0))
        let inbox = UpdateInbox()
        do throws(SubmissionError) {
            _ = try inbox.submit(request, to: model.engine)
        } catch {
            throw CommandFailure("cannot score a window: \(error)", advice: "lower --window")
        }
        var logprobs: [Double] = []
        while true {
            let update = inbox.next()
            logprobs += update.promptLogprobs.compactMap { $0.logprob.map { Double($0.logprob) } }
            guard let finish = update.finish else { continue }
            if case .failed(let reason) = finish {
                throw CommandFailure("the engine failed: \(reason)", advice: "report this")
            }
            return logprobs
        }
    }
}

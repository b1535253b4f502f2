// AdmissionError.swift: why a request was not taken, as facts. Status and words are added in API.
import Core
import Engine

public enum AdmissionError: Error, Sendable, Equatable {
    case modelUnknown(name: String)
    /// No model is loaded yet.
    case loading
    /// The caller's key does not cover the endpoint.
    case notAllowed(endpoint: String)
    case draining(retryAfterSeconds: Int)
    case concurrencyFull(admitted: Int, limit: Int, retryAfterSeconds: Int)
    case queueFull(waiting: Int, limit: Int, retryAfterSeconds: Int)
    /// Too many long prompts are being tokenized.
    case workersFull(waiting: Int, limit: Int, retryAfterSeconds: Int)
    case promptEmpty
    case promptTooLong(tokens: Int, limit: Int)
    case cacheTooSmall(tokensNeeded: Int, tokensAvailable: Int)
    /// Each of the prompts asks for so many candidates; the limit is on all together.
    case choicesTooMany(prompts: Int, candidates: Int, limit: Int)
    case tokenOutOfRange(token: TokenID, vocabularySize: Int)

    init(_ error: SubmissionError, retryAfterSeconds: Int) {
        switch error {
        case .promptEmpty: self = .promptEmpty
        case .promptTooLong(let tokens, let limit): self = .promptTooLong(tokens: tokens, limit: limit)
        case .cacheTooSmall(let needed, let available):
            self = .cacheTooSmall(tokensNeeded: needed, tokensAvailable: available)
        case .choicesTooMany(let choices, let limit):
            self = .choicesTooMany(prompts: 1, candidates: choices, limit: limit)
        case .tokenOutOfRange(let token, let size): self = .tokenOutOfRange(token: token, vocabularySize: size)
        case .queueFull(let waiting, let limit):
            self = .queueFull(waiting: waiting, limit: limit, retryAfterSeconds: retryAfterSeconds)
        case .shuttingDown: self = .draining(retryAfterSeconds: retryAfterSeconds)
        }
    }
}

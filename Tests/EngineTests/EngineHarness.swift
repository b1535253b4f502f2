// EngineHarness.swift: an engine over a fake model, and its answers gathered per request and choice.
import Core
import Dispatch
import Models
import Synchronization

@testable import Engine

/// What one choice received.
struct Answer: Equatable {
    var tokens: [SampledToken] = []
    var finish: FinishReason?
    var promptLogprobs: [SampledToken] = []
    var cachedTokens = 0
    var ids: [TokenID] { tokens.map(\.token) }
}

/// Gathers updates; waits for requests to be over.
final class Collector: Sendable {
    private let answers = Mutex<[RequestID: [Int: Answer]]>([:])
    private let over = DispatchSemaphore(value: 0)
    let queue = DispatchQueue(label: "answers")

    func receive(_ update: GenerationUpdate) {
        answers.withLock { answers in
            var answer = answers[update.request]?[update.choice] ?? Answer()
            if answer.finish != nil { fatalError("an update after the end") }
            answer.tokens += update.tokens
            answer.promptLogprobs += update.promptLogprobs
            answer.cachedTokens += update.cachedTokens
            answer.finish = update.finish
            answers[update.request, default: [:]][update.choice] = answer
        }
        if update.finish != nil { over.signal() }
    }

    /// Waits until `count` more choices are over; `false` after a minute of nothing.
    func wait(choices count: Int) -> Bool {
        for _ in 0..<count where over.wait(timeout: .now() + 60) == .timedOut { return false }
        return true
    }

    func answer(_ request: RequestID, choice: Int = 0) -> Answer {
        answers.withLock { $0[request]?[choice] ?? Answer() }
    }

    func answers(_ request: RequestID, choices: Int) -> [Answer] {
        (0..<choices).map { answer(request, choice: $0) }
    }
}

func makeEngine(
    _ shape: FakeModel.Shape = .init(), _ change: (inout EngineSettings) -> Void = { _ in }
) throws -> EngineHandle {
    var settings = EngineSettings()
    settings.kernelTable = "portable"
    change(&settings)
    return try EngineHandle(model: FakeModel(shape), settings: settings)
}

/// Submits everything at once and returns each request's answers when all are over.
func generate(_ engine: EngineHandle, _ requests: [GenerationRequest]) throws -> [[Answer]] {
    let collector = Collector()
    let ids = try requests.map { request in
        try engine.submit(request, on: collector.queue) { collector.receive($0) }.get()
    }
    guard collector.wait(choices: requests.reduce(0) { $0 + $1.choices }) else {
        throw HarnessError.nothingForAMinute
    }
    return zip(ids, requests).map { collector.answers($0, choices: $1.choices) }
}

enum HarnessError: Error { case nothingForAMinute }

/// A varied request: every third greedy, others drawn in different ways.
func variedRequest(_ number: Int, prompt length: Int? = nil, tokens: Int = 12) -> GenerationRequest {
    var sampling = SamplingParameters()
    sampling.seed = UInt64(number) &* 77
    switch number % 6 {
    case 0: sampling.temperature = 0
    case 1: sampling.topK = 5
    case 2: sampling.topP = 0.8
    case 3: (sampling.minP, sampling.temperature) = (0.05, 1.3)
    case 4: (sampling.repetitionPenalty, sampling.presencePenalty) = (1.2, 0.3)
    default: sampling.logprobs = 3
    }
    let count = length ?? 3 + number * 5 % 40
    let prompt = (0..<count).map { TokenID(($0 * $0 * 7 + number * 13 + $0) % 89) }
    var request = GenerationRequest(
        prompt: prompt, sampling: sampling, stopping: StoppingRules(tokensMax: tokens))
    request.choices = number % 5 == 4 ? 3 : 1
    request.fairnessKey = "key-\(number % 3)"
    return request
}

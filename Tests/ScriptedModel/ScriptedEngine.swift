// ScriptedEngine.swift: an engine that answers from a script, and remembers what it was asked.
import Core
import Dispatch
import Engine
import Synchronization

public final class ScriptedEngine: GenerationEngine {
    /// What one choice says.
    public struct Line: Sendable {
        public var tokens: [TokenID]
        public var finish: FinishReason
        /// Never reports the end, as if still at work.
        public var isOpen = false
        /// Never reports anything, as if waiting.
        public static let silent: Line = {
            var line = Line([], .length)
            line.isSilent = true
            return line
        }()
        public var isSilent = false

        public init(_ tokens: [TokenID], _ finish: FinishReason) {
            self.tokens = tokens
            self.finish = finish
        }

        /// The text's bytes as tokens, then the end token.
        public init(_ text: String) {
            tokens = text.utf8.map { TokenID($0) } + [TestText.end]
            finish = .stopToken(TestText.end)
        }
    }

    public struct State: Sendable {
        public var requests: [GenerationRequest] = []
        public var cancelled: [RequestID: [Int?]] = [:]
        public var load = EngineLoad()
        public var drainDeadline: DispatchTime?
        var lastID: UInt64 = 0
    }

    public let facts: EngineFacts
    public let state = Mutex(State())
    /// Tokens of one update.
    let batch: Int
    let refusal: SubmissionError?
    private let script: @Sendable (GenerationRequest, Int) -> Line

    public init(
        contextMax: Int = 512, batch: Int = 1, choicesMax: Int = 16, refusal: SubmissionError? = nil,
        script: @escaping @Sendable (GenerationRequest, Int) -> Line = { _, _ in Line("Hello, world") }
    ) {
        facts = EngineFacts(
            vocabularySize: TestText.vocabularySize, contextMax: contextMax, pageSize: 16, pageCounts: [64],
            waitingMax: 8, sequencesMax: 4, choicesMax: choicesMax)
        self.batch = batch
        self.refusal = refusal
        self.script = script
    }

    public var requests: [GenerationRequest] { state.withLock { $0.requests } }
    public var cancelled: [RequestID: [Int?]] { state.withLock { $0.cancelled } }

    public func submit(
        _ request: GenerationRequest, on queue: DispatchQueue,
        receive: @escaping @Sendable (GenerationUpdate) -> Void
    ) -> Result<RequestID, SubmissionError> {
        if let refusal { return .failure(refusal) }
        let id = state.withLock { state in
            state.requests.append(request)
            state.lastID += 1
            return RequestID(rawValue: state.lastID)
        }
        var updates: [GenerationUpdate] = []
        for choice in 0..<request.choices { updates += self.updates(of: choice, request, id) }
        queue.async { [updates] in
            for update in updates { receive(update) }
        }
        return .success(id)
    }

    public func cancel(_ request: RequestID, choice: Int?) {
        state.withLock { $0.cancelled[request, default: []].append(choice) }
    }

    public func load() -> EngineLoad { state.withLock { $0.load } }

    public func shutDown(drainUntil deadline: DispatchTime) { state.withLock { $0.drainDeadline = deadline } }

    /// Obeys the request's own token limit, as an engine does.
    private func updates(of choice: Int, _ request: GenerationRequest, _ id: RequestID) -> [GenerationUpdate] {
        var line = script(request, choice)
        if line.isSilent { return [] }
        if line.tokens.count > request.stopping.tokensMax {
            line.tokens = Array(line.tokens.prefix(request.stopping.tokensMax))
            line.finish = .length
        }
        var sampled = line.tokens.map { Self.sampled($0, request.sampling.logprobs) }
        let now = DispatchTime.now().uptimeNanoseconds
        var updates: [GenerationUpdate] = []
        repeat {
            var update = GenerationUpdate(request: id, choice: choice)
            update.tokens = Array(sampled.prefix(batch))
            sampled.removeFirst(update.tokens.count)
            update.scheduledAt = now
            update.madeAt = now + UInt64(updates.count + 1) * 1_000_000
            if updates.isEmpty {
                update.cachedTokens = request.prompt.count / 2
                if choice == 0, let count = request.sampling.promptLogprobs {
                    update.promptLogprobs = request.prompt.enumerated().map { index, token in
                        index == 0 ? SampledToken(token: token) : Self.sampled(token, count)
                    }
                }
            }
            if sampled.isEmpty, !line.isOpen { update.finish = line.finish }
            updates.append(update)
        } while !sampled.isEmpty
        return updates
    }

    /// A log-probability that only depends on the token, and the next tokens as alternatives.
    public static func sampled(_ token: TokenID, _ count: Int?) -> SampledToken {
        guard let count else { return SampledToken(token: token) }
        let own = TokenLogprob(token: token, logprob: -Float(token % 7) / 4 - 0.25, rank: 1)
        let others = (1...20).map {
            TokenLogprob(token: (token + TokenID($0)) % 128, logprob: own.logprob - Float($0), rank: $0 + 1)
        }
        return SampledToken(token: token, logprob: own, alternatives: Array(([own] + others).prefix(count)))
    }
}

// UpdateInbox.swift: the engine's updates for a thread that waits for them: chat, bench and eval
// run straight through, without queues of their own.
// Bounded by the request: an engine sends no more updates than it was asked for tokens.
import Core
import Dispatch
import Engine
import Synchronization

final class UpdateInbox: Sendable {
    let queue = DispatchQueue(label: "tokenmill.inbox")
    private let updates = Mutex<[GenerationUpdate]>([])
    private let arrived = DispatchSemaphore(value: 0)

    /// Hands a request to the engine; its updates come out of `next`.
    func submit(
        _ request: GenerationRequest, to engine: any GenerationEngine
    ) throws(SubmissionError) -> RequestID {
        let result = engine.submit(request, on: queue) { [self] update in
            updates.withLock { $0.append(update) }
            arrived.signal()
        }
        return try result.get()
    }

    /// Blocks until there is an update.
    func next() -> GenerationUpdate {
        arrived.wait()
        return updates.withLock { $0.removeFirst() }
    }
}

extension SubmissionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .promptEmpty: "the prompt is empty"
        case .promptTooLong(let tokens, let limit):
            "the prompt has \(tokens) tokens, and the context holds \(limit)"
        case .cacheTooSmall(let needed, let available):
            "the prompt needs cache for \(needed) tokens, and there is room for \(available)"
        case .choicesTooMany(let choices, let limit): "\(choices) choices, limit \(limit)"
        case .tokenOutOfRange(let token, let size):
            "token \(token) is outside the vocabulary of \(size)"
        case .queueFull(let waiting, let limit): "\(waiting) requests wait, limit \(limit)"
        case .shuttingDown: "the engine is shutting down"
        }
    }
}

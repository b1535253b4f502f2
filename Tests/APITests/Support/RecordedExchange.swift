// RecordedExchange.swift: a connection that writes down what it is told.
import Dispatch
import HTTPTypes
import JSON
import Synchronization

@testable import API

final class RecordedExchange: Answering {
    struct State {
        var status = 0
        var fields = HTTPFields()
        var body: [UInt8] = []
        var isStream = false
        var isOver = false
        var onDisconnect: (@Sendable () -> Void)?
    }

    let queue = DispatchQueue(label: "test.shard")
    let state = Mutex(State())
    private let over = DispatchSemaphore(value: 0)

    func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields, body: [UInt8]) {
        state.withLock { state in
            precondition(!state.isOver && !state.isStream, "answered twice")
            state.status = status.code
            state.fields = fields
            state.body = body
            state.isOver = true
        }
        over.signal()
    }

    func beginStream(_ status: HTTPResponse.Status, _ fields: HTTPFields) {
        state.withLock { state in
            precondition(!state.isOver && !state.isStream, "begun twice")
            state.status = status.code
            state.fields = fields
            state.isStream = true
        }
    }

    func write(_ bytes: [UInt8]) {
        state.withLock { state in
            precondition(state.isStream && !state.isOver, "written outside a stream")
            state.body += bytes
        }
    }

    func endStream() {
        state.withLock { state in
            precondition(state.isStream && !state.isOver, "ended outside a stream")
            state.isOver = true
        }
        over.signal()
    }

    func onDisconnect(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.onDisconnect = action } }

    func disconnect() {
        let action = state.withLock { $0.onDisconnect }
        queue.sync { action?() }
    }

    /// The answer, once it is whole; fails after ten seconds.
    func answer() -> RecordedAnswer? {
        guard over.wait(timeout: .now() + 10) == .success else { return nil }
        return state.withLock { RecordedAnswer(status: $0.status, fields: $0.fields, body: $0.body) }
    }
}

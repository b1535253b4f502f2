// LogQueue.swift: log lines on their way out, written by a thread of their own.
// Whoever logs never waits: a collector that stalls must not stall connections. What does not fit is
// dropped, and told as a number once there is room again.
import Dispatch
import Synchronization

final class LogQueue: Sendable {
    private struct State {
        var text = ""
        var dropped = 0
        var isWriting = false
    }

    private let bytesMax: Int
    private let write: @Sendable (String) -> Void
    private let notice: @Sendable (Int) -> String
    private let state = Mutex(State())
    private let writer = DispatchQueue(label: "tokenmill.log")

    /// - write: may block.  notice: the line that tells how many were dropped.
    init(
        bytesMax: Int = 1 << 20, write: @escaping @Sendable (String) -> Void,
        notice: @escaping @Sendable (Int) -> String
    ) {
        self.bytesMax = bytesMax
        self.write = write
        self.notice = notice
    }

    func append(_ line: String) {
        let mustWrite = state.withLock { state in
            guard state.text.utf8.count + line.utf8.count <= bytesMax else {
                state.dropped += 1
                return false
            }
            state.text += line
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if mustWrite { writer.async { [self] in writeAll() } }
    }

    /// Waits until everything so far is written, or the time is over.
    func flush(secondsMax: Double) {
        let done = DispatchSemaphore(value: 0)
        writer.async { done.signal() }
        _ = done.wait(timeout: .now() + secondsMax)
    }

    private func writeAll() {
        while let text = next() { write(text) }
    }

    /// What waits, with word of what was dropped behind it; `nil` if there is nothing.
    private func next() -> String? {
        state.withLock { state in
            guard !state.text.isEmpty else {
                state.isWriting = false
                return nil
            }
            let text = state.text + (state.dropped > 0 ? notice(state.dropped) : "")
            state.text = ""
            state.dropped = 0
            return text
        }
    }
}

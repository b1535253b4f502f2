// LogQueueTests.swift: a log that nobody reads holds up nobody.
import Dispatch
import Synchronization
import Testing
@testable import tokenmill

/// Where lines end up; blocks while it is told to.
private final class Sink: Sendable {
    private let lines = Mutex("")
    private let gate = DispatchSemaphore(value: 0)
    let isBlocked: Bool

    init(isBlocked: Bool) { self.isBlocked = isBlocked }

    var text: String { lines.withLock { $0 } }

    func write(_ text: String) {
        if isBlocked { gate.wait() }
        lines.withLock { $0 += text }
    }

    func open() { for _ in 0..<100 { gate.signal() } }
}

struct LogQueueTests {
    @Test func `lines are written in order`() {
        let sink = Sink(isBlocked: false)
        let queue = LogQueue(write: sink.write) { "\($0) dropped\n" }
        for index in 0..<1000 { queue.append("\(index)\n") }
        queue.flush(secondsMax: 10)
        #expect(sink.text == (0..<1000).map { "\($0)\n" }.joined())
    }

    @Test func `a reader that stalls loses lines, which are counted, and holds up nobody`() {
        let sink = Sink(isBlocked: true)
        let queue = LogQueue(bytesMax: 100, write: sink.write) { "\($0) dropped\n" }
        let line = String(repeating: "x", count: 49) + "\n"
        for _ in 0..<50 { queue.append(line) }
        queue.flush(secondsMax: 0.01)
        #expect(sink.text.isEmpty)
        sink.open()
        queue.flush(secondsMax: 10)
        let lines = sink.text.split(separator: "\n")
        let written = lines.count { $0.hasPrefix("x") }
        let dropped = lines.compactMap { $0.hasSuffix(" dropped") ? Int($0.split(separator: " ")[0]) : nil }
        #expect(written + dropped.reduce(0, +) == 50)
        #expect((2...4).contains(written))
    }
}

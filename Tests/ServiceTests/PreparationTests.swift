import Dispatch
import JSON
import ScriptedModel
import Synchronization
import Testing

@testable import Service

/// Where prompts are made: on the caller's queue or beside it.
@Suite struct PreparationTests {
    private static func service(inline: Int = 8, waiting: Int = 8) throws -> Service {
        var configuration = ServiceConfiguration()
        configuration.inlineTextBytesMax = inline
        configuration.longPromptsMax = waiting
        return try ServiceBench(configuration: configuration).service
    }

    private static let long = PromptSource.text("longer than inline")

    @Test func `a short text is worked on at once`() throws {
        let answer = Mutex("")
        try Self.service().prepare(
            [.text("12345678")], for: Interest(), on: DispatchQueue(label: "q"), work: { "done" },
            reply: { value in answer.withLock { $0 = value } })
        #expect(answer.withLock { $0 } == "done")
    }

    @Test(arguments: [
        ["123456789"], ["12345", "12345"],
    ]) func `texts that are long together are worked on elsewhere`(texts: [String]) throws {
        let queue = DispatchQueue(label: "q")
        let done = DispatchSemaphore(value: 0)
        try Self.service().prepare(
            texts.map { .text($0) }, for: Interest(), on: queue,
            work: { dispatchPrecondition(condition: .notOnQueue(queue)) },
            reply: {
                dispatchPrecondition(condition: .onQueue(queue))
                done.signal()
            })
        #expect(done.wait(timeout: .now() + 10) == .success)
    }

    @Test func `a template's variables count as text, and a caller's own template is never quick`() {
        var conversation = Conversation(messages: [["role": "user", "content": "hi"]])
        let bare = PromptSource.conversation(conversation)
        #expect(!bare.bringsTemplate)
        conversation.variables = ["a": .string(String(repeating: "x", count: 1000))]
        #expect(PromptSource.conversation(conversation).textBytes == bare.textBytes + 1001)
        conversation.template = "x"
        #expect(PromptSource.conversation(conversation).bringsTemplate)
    }

    @Test func `one long prompt does not hold up another, and more than may wait are refused`() throws {
        let service = try Self.service(waiting: 2)
        let queue = DispatchQueue(label: "q")
        let (release, second) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        try service.prepare(
            [Self.long], for: Interest(), on: queue, work: { release.wait() }, reply: { second.signal() })
        let refusal = AdmissionError.workersFull(waiting: 2, limit: 2, retryAfterSeconds: 1)
        try service.prepare(
            [Self.long], for: Interest(), on: queue,
            work: {
                #expect(throws: refusal) {
                    try service.prepare([Self.long], for: Interest(), on: queue, work: {}, reply: {})
                }
            }, reply: { second.signal() })
        #expect(second.wait(timeout: .now() + 10) == .success)
        release.signal()
        #expect(second.wait(timeout: .now() + 10) == .success)
    }

    @Test func `work that nobody waits for any more is not begun`() throws {
        let service = try Self.service()
        let queue = DispatchQueue(label: "q")
        let (release, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        for _ in 0..<PromptWorkers.count {
            try service.prepare(
                [Self.long], for: Interest(), on: queue, work: { release.wait() }, reply: { done.signal() })
        }
        let interest = Interest()
        let begun = Mutex(false)
        for _ in 0..<2 {
            try service.prepare(
                [Self.long], for: interest, on: queue, work: { begun.withLock { $0 = true } }, reply: {})
        }
        interest.lose()
        for _ in 0..<PromptWorkers.count { release.signal() }
        // Behind the dropped ones, one on each worker.
        for _ in 0..<2 {
            try service.prepare([Self.long], for: Interest(), on: queue, work: {}, reply: { done.signal() })
        }
        for _ in 0..<(PromptWorkers.count + 2) { #expect(done.wait(timeout: .now() + 10) == .success) }
        #expect(!begun.withLock { $0 })
    }
}

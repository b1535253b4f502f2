// EngineTests.swift: how requests begin and end, and what one of them can do to others: nothing.
import Core
import Dispatch
import Models
import Testing

@testable import Engine

@Suite struct EngineTests {
    @Test func `a stop token ends a choice and is its last token`() throws {
        var request = variedRequest(0, prompt: 8, tokens: 20)
        let free = try generate(try makeEngine(), [request])[0][0]
        #expect(free.finish == .length && free.ids.count == 20)
        let stop = free.ids[5]
        let first = free.ids.firstIndex(of: stop)!
        request.stopping.stopTokens = [stop]
        let stopped = try generate(try makeEngine(), [request])[0][0]
        #expect(stopped.ids == Array(free.ids[...first]))
        #expect(stopped.finish == .stopToken(stop))
        request.stopping.tokensMin = 20
        let late = try generate(try makeEngine(), [request])[0][0]
        #expect(late.ids.count == 20 && !late.ids.contains(stop))
    }

    @Test(arguments: [(250, 6), (255, 1), (240, 12)])
    func `a sequence ends where the context does`(prompt: Int, tokens: Int) throws {
        let answer = try generate(try makeEngine(), [variedRequest(0, prompt: prompt)])[0][0]
        #expect(answer.ids.count == tokens)
        #expect(answer.finish == .length)
    }

    @Test func `a prompt can be scored without generating`() throws {
        var request = variedRequest(0, prompt: 256)
        request.stopping.tokensMax = 0
        request.sampling.promptLogprobs = 0
        let answer = try generate(try makeEngine(), [request])[0][0]
        #expect(answer.tokens.isEmpty && answer.finish == .length)
        #expect(answer.promptLogprobs.count == 256)
    }

    @Test func `what cannot be served is refused with the numbers`() throws {
        var shape = FakeModel.Shape()
        shape.pages = [10, 10]
        let engine = try makeEngine(shape) { $0.choicesMax = 2 }
        let collector = Collector()
        func refusal(_ change: (inout GenerationRequest) -> Void) -> SubmissionError? {
            var request = variedRequest(0, prompt: 5)
            change(&request)
            let result = engine.submit(request, on: collector.queue) { collector.receive($0) }
            guard case .failure(let error) = result else { return nil }
            return error
        }
        #expect(refusal { $0.prompt = [] } == .promptEmpty)
        #expect(
            refusal { $0.prompt = Array(repeating: 1, count: 256) }
                == .promptTooLong(tokens: 256, limit: 255))
        #expect(
            refusal { $0.prompt = Array(repeating: 1, count: 41) }
                == .cacheTooSmall(tokensNeeded: 41, tokensAvailable: 40))
        #expect(refusal { $0.choices = 3 } == .choicesTooMany(choices: 3, limit: 2))
        #expect(refusal { $0.prompt[1] = 97 } == .tokenOutOfRange(token: 97, vocabularySize: 97))
        #expect(refusal { $0.prompt[1] = -1 } == .tokenOutOfRange(token: -1, vocabularySize: 97))
    }

    @Test func `settings that leave no room are refused`() {
        #expect(throws: EngineSetupError.limitTooSmall(name: "waitingMax", value: 0, least: 1)) {
            try makeEngine { $0.waitingMax = 0 }
        }
        #expect(throws: EngineSetupError.kernelTableUnknown("abacus")) {
            try makeEngine { $0.kernelTable = "abacus" }
        }
    }

    @Test func `logits that are not numbers end their own request only`() throws {
        var shape = FakeModel.Shape()
        shape.poison = 90
        var requests = (0..<12).map { variedRequest($0) }
        for index in requests.indices {
            // Greedy and drawn continuations may stumble over the poison by themselves.
            requests[index].sampling.logitBias = [90: -100]
        }
        let expected = try generate(try makeEngine(), requests)
        requests[3].prompt[requests[3].prompt.count - 1] = 90
        requests[4].sampling.promptLogprobs = 1
        requests[4].prompt[1] = 90
        let answers = try generate(try makeEngine(shape), requests)
        for (number, answer) in answers.enumerated() {
            if number == 3 || number == 4 {
                let position = number == 3 ? requests[3].prompt.count - 1 : 1
                let words = "the model's logits at position \(position) are not finite"
                #expect(answer.allSatisfy { $0.finish == .failed(words) && $0.tokens.isEmpty })
            } else {
                #expect(answer.map(\.tokens) == expected[number].map(\.tokens))
            }
        }
    }

    @Test func `a sequence too long for the pool fails with numbers, others go on`() throws {
        var shape = FakeModel.Shape()
        shape.pages = [10, 10]
        let engine = try makeEngine(shape)
        let requests = [
            variedRequest(0, prompt: 30, tokens: 50), variedRequest(1, prompt: 12, tokens: 9),
        ]
        let answers = try generate(engine, requests)
        #expect(answers[0][0].finish == .failed("the cache holds 40 tokens, the sequence needs 41"))
        #expect(answers[0][0].ids.count == 11)
        #expect(answers[1] == (try generate(try makeEngine(), [requests[1]])[0]))
        #expect(engine.load().cacheUsage == 0)
    }

    @Test func `a cancelled choice ends, its siblings and others do not`() throws {
        var shape = FakeModel.Shape()
        let gate = DispatchSemaphore(value: 0)
        shape.gate = gate
        let engine = try makeEngine(shape)
        let collector = Collector()
        var request = variedRequest(1, prompt: 10, tokens: 30)
        request.choices = 3
        let first = try engine.submit(request, on: collector.queue) { collector.receive($0) }.get()
        let other = try engine.submit(request, on: collector.queue) { collector.receive($0) }.get()
        for _ in 0..<5 { gate.signal() }
        engine.cancel(first, choice: 0)
        engine.cancel(first, choice: 0)
        engine.cancel(RequestID(rawValue: 999), choice: nil)
        for _ in 0..<200 { gate.signal() }
        #expect(collector.wait(choices: 6))
        #expect(collector.answer(first, choice: 0).finish == .cancelled)
        // Only what came from the cache depends on when the second request arrived.
        let siblings = collector.answers(first, choices: 3).dropFirst()
        let others = collector.answers(other, choices: 3).dropFirst()
        #expect(siblings.map(\.tokens) == others.map(\.tokens))
        #expect(siblings.map(\.finish) == others.map(\.finish))
        #expect(engine.load().cacheUsage == 0)
        #expect(engine.load().running == 0)
    }

    @Test func `the queue is bounded and says so`() throws {
        var shape = FakeModel.Shape()
        let gate = DispatchSemaphore(value: 0)
        shape.gate = gate
        let engine = try makeEngine(shape) {
            $0.waitingMax = 3
            $0.sequencesMax = 1
        }
        let collector = Collector()
        var accepted = 0
        var refused: SubmissionError?
        // One may have started already; the queue takes three more, never five.
        for number in 0..<5 {
            let request = variedRequest(number * 30, prompt: 4)
            switch engine.submit(request, on: collector.queue, receive: { collector.receive($0) }) {
            case .success: accepted += 1
            case .failure(let error): refused = error
            }
        }
        #expect(refused == .queueFull(waiting: 3, limit: 3))
        #expect(accepted == 3 || accepted == 4)
        for _ in 0..<500 { gate.signal() }
        #expect(collector.wait(choices: accepted))
    }

    @Test func `shutting down refuses the new and finishes the old`() throws {
        let engine = try makeEngine()
        let collector = Collector()
        let requests = (0..<20).map { variedRequest($0 * 30) }
        let ids = try requests.map { request in
            try engine.submit(request, on: collector.queue) { collector.receive($0) }.get()
        }
        engine.shutDown(drainUntil: .distantFuture)
        let late = engine.submit(requests[0], on: collector.queue) { collector.receive($0) }
        #expect(throws: SubmissionError.shuttingDown) { try late.get() }
        engine.waitUntilStopped()
        #expect(collector.wait(choices: requests.reduce(0) { $0 + $1.choices }))
        #expect(ids.allSatisfy { collector.answer($0).finish == .length })
    }

    @Test func `what is not done by the deadline is cancelled`() throws {
        var shape = FakeModel.Shape()
        let gate = DispatchSemaphore(value: 0)
        shape.gate = gate
        let engine = try makeEngine(shape)
        let collector = Collector()
        let id = try engine.submit(variedRequest(0, tokens: 200), on: collector.queue) {
            collector.receive($0)
        }.get()
        engine.shutDown(drainUntil: .now())
        gate.signal()
        engine.waitUntilStopped()
        #expect(collector.wait(choices: 1))
        #expect(collector.answer(id).finish == .cancelled)
    }

    @Test func `updates of one step reach a queue in one block, in order`() throws {
        let engine = try makeEngine()
        let collector = Collector()
        var request = variedRequest(1, prompt: 9, tokens: 8)
        request.choices = 8
        _ = try engine.submit(request, on: collector.queue) { collector.receive($0) }.get()
        #expect(collector.wait(choices: 8))
        var outboxes = Outboxes()
        let order = Recorder()
        let index = outboxes.open(collector.queue)
        for choice in 0..<5 {
            outboxes.put(
                GenerationUpdate(request: RequestID(rawValue: 1), choice: choice), in: index
            ) {
                order.append($0.choice)
            }
        }
        collector.queue.suspend()
        outboxes.send()
        #expect(outboxes.open(DispatchQueue(label: "another")) != index)
        #expect(outboxes.open(collector.queue) == index)
        collector.queue.resume()
        collector.queue.sync {}
        #expect(order.values == [0, 1, 2, 3, 4])
    }
}

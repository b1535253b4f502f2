// RequestPlanTests.swift: what is asked of a server, and when.
import Testing
@testable import tokenmill

private func poisson(seed: UInt64, rate: Double = 10, count: Int) -> [PlannedRequest] {
    Array(
        RequestPlan(
            arrivals: .poisson(perSecond: rate, seed: seed), promptTokens: 5, outputTokens: 6,
            requestsMax: count))
}

struct RequestPlanTests {
    @Test func `the same seed gives the same arrivals`() {
        #expect(poisson(seed: 3, count: 50) == poisson(seed: 3, count: 50))
        #expect(poisson(seed: 3, count: 50) != poisson(seed: 4, count: 50))
    }

    @Test func `random arrivals have their rate, and gaps as spread as their mean`() throws {
        let times = poisson(seed: 1, rate: 20, count: 20_000).compactMap(\.due)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
        let rate = Double(times.count) / (try #require(times.last))
        #expect(abs(rate - 20) < 0.6)
        let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        #expect(abs(variance.squareRoot() / mean - 1) < 0.05)
    }

    @Test func `nothing is due after the last second`() {
        let plan = RequestPlan(
            arrivals: .poisson(perSecond: 100, seed: 1), promptTokens: 1, outputTokens: 1,
            requestsMax: 1_000_000, secondsMax: 2)
        let times = plan.compactMap(\.due)
        #expect((150...250).contains(times.count) && times.allSatisfy { $0 <= 2 })
    }

    @Test func `a closed load has no times`() {
        let plan = RequestPlan(
            arrivals: .closed(clients: 2), promptTokens: 7, outputTokens: 8, requestsMax: 3)
        #expect(Array(plan) == Array(repeating: PlannedRequest(promptTokens: 7, outputTokens: 8), count: 3))
    }

    @Test func `no two prompts begin alike, and a seed repeats them`() {
        var (one, two) = (PromptMaker(seed: 9, tokensBelow: 1000), PromptMaker(seed: 9, tokensBelow: 1000))
        let prompts = (0..<100).map { _ in one.tokens(16) }
        #expect(prompts == (0..<100).map { _ in two.tokens(16) })
        #expect(Set(prompts.map { $0.prefix(4) }).count == 100)
        #expect(prompts.joined().allSatisfy { (PromptMaker.firstToken..<1000).contains($0) })
        #expect(one.words(3).split(separator: " ").count == 3)
    }
}

struct LoadTraceTests {
    private let azure = """
        TIMESTAMP,ContextTokens,GeneratedTokens
        2023-11-16 23:59:59.5000000,374,44
        2023-11-17 00:00:01.0000000,396,109
        """

    @Test func `dates count from the first request`() throws {
        let requests = try LoadTrace.requests(in: azure, speed: 1, requestsMax: 10)
        #expect(
            requests == [
                PlannedRequest(due: 0, promptTokens: 374, outputTokens: 44),
                PlannedRequest(due: 1.5, promptTokens: 396, outputTokens: 109),
            ])
    }

    @Test func `a trace plays as fast as asked, and as long`() throws {
        let text = "timestamp_ms,prompt_tokens,output_tokens\n20,9,2\n1020,5,6\n3000,1,1\n"
        let requests = try LoadTrace.requests(in: text, speed: 2, requestsMax: 2)
        #expect(requests.map(\.due) == [0, 0.5])
    }

    @Test func `JSON lines are read as well`() throws {
        let text = #"{"timestamp": 500, "input_length": 3, "output_length": 4, "hash_ids": [1]}"#
        let requests = try LoadTrace.requests(in: text, speed: 1, requestsMax: 10)
        #expect(requests == [PlannedRequest(due: 0, promptTokens: 3, outputTokens: 4)])
    }

    @Test(arguments: [
        ("", "line 1: the trace is empty"),
        ("timestamp,prompt_tokens\n1,2", "line 2: there is no output_tokens"),
        ("timestamp,prompt_tokens,output_tokens\n1,2", "line 2: 2 cells, and the head has 3"),
        ("timestamp,prompt_tokens,output_tokens\nnoon,2,3", "line 2: 'noon' is no time"),
        ("timestamp,prompt_tokens,output_tokens\n1,0,3", "line 2: lengths are 1 to"),
        ("{\"timestamp\":1", "line 1: no JSON object"),
    ])
    func `a bad trace is named with its line`(text: String, problem: String) {
        do {
            _ = try LoadTrace.requests(in: text, speed: 1, requestsMax: 10)
            Issue.record("taken")
        } catch {
            #expect("\(error)".contains(problem), "\(error)")
        }
    }
}

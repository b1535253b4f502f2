// LoadGeneratorTests.swift: the generator against a server that answers by script, over real sockets.
import Dispatch
import Foundation
import HTTP
import HTTPTypes
import JSON
import Synchronization
import Testing
@testable import tokenmill

/// Streams as many pieces as are asked for, counts them as tokens; one path in a while refuses.
private final class ScriptedServer: Sendable {
    let bodies = Mutex<[JSONValue]>([])
    /// Every so-manieth completion is a 503; 0 for none.
    private let refuses: Int
    private let breaksOff: Bool
    private let server = Mutex<Server?>(nil)

    init(refuses: Int = 0, breaksOff: Bool = false) {
        self.refuses = refuses
        self.breaksOff = breaksOff
    }

    func start(at place: ListenAddress = .internet(host: "127.0.0.1", port: 0)) throws -> LoadTarget {
        let configuration = ServerConfiguration(listen: [place])
        let server = Server(configuration: configuration) { [self] in answer($0, $1) }
        let address = try server.start()[0]
        self.server.withLock { $0 = server }
        switch address {
        case .internet(_, let port):
            return try LoadTarget(url: "http://127.0.0.1:\(port)/v1", unixSocket: nil)
        case .unix(let path): return try LoadTarget(url: "http://model", unixSocket: path)
        }
    }

    private func answer(_ request: Request, _ exchange: Exchange) {
        switch request.path {
        case "/v1/models": json(exchange, .ok, #"{"data":[{"id":"scripted"}]}"#)
        case "/tokenize": json(exchange, .ok, Self.tokens(request.body))
        default: complete(request, exchange)
        }
    }

    /// Two tokens for each word, in llama-server's shape.
    private static func tokens(_ body: [UInt8]) -> String {
        let text = (try? JSONReader.parse(body))?["content"]?.stringValue ?? ""
        let count = 2 * text.split(separator: " ").count
        return #"{"tokens":[\#((0..<count).map(String.init).joined(separator: ","))]}"#
    }

    private func complete(_ request: Request, _ exchange: Exchange) {
        guard let body = try? JSONReader.parse(request.body), let count = body["max_tokens"]?.intValue else {
            return json(exchange, .badRequest, "{}")
        }
        let number = bodies.withLock { bodies in
            bodies.append(body)
            return bodies.count
        }
        if refuses > 0, number % refuses == 0 {
            return json(exchange, .serviceUnavailable, #"{"error":{"message":"too busy"}}"#)
        }
        exchange.beginStream(.ok, [.contentType: "text/event-stream"])
        let isChat = request.path.hasSuffix("/chat/completions")
        if isChat { event(exchange, #"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#) }
        for _ in 0..<count {
            event(
                exchange,
                isChat
                    ? #"{"choices":[{"delta":{"content":"x"}}]}"# : #"{"choices":[{"text":"x"}],"usage":null}"#)
        }
        // Letting go of the exchange cuts the stream.
        if breaksOff { return }
        event(exchange, #"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":\#(count)}}"#)
        event(exchange, "[DONE]")
        exchange.endStream()
    }

    private func event(_ exchange: Exchange, _ data: String) {
        exchange.write(Array("data: \(data)\n\n".utf8))
    }

    private func json(_ exchange: Exchange, _ status: HTTPResponse.Status, _ body: String) {
        exchange.respond(status, [.contentType: "application/json"], body: Array(body.utf8))
    }
}

private func run(
    _ target: LoadTarget, _ arrivals: Arrivals, requests: Int, api: LoadAPI = .completions
) throws -> [RequestRecord] {
    let questions = ServerQuestions(target: target, key: nil)
    let (address, model) = try questions.meet(model: nil)
    #expect(model == "scripted")
    let maker = RequestMaker(
        target: target, api: api, model: model, key: "secret", tokensPerWord: 2,
        prompts: PromptMaker(seed: 1, tokensBelow: 1000))
    var generator = LoadGenerator(
        address: address, maker: maker,
        plan: RequestPlan(
            arrivals: arrivals, promptTokens: 12, outputTokens: 5, requestsMax: requests),
        requestSecondsMax: 30)
    return generator.run()
}

@Suite(.timeLimit(.minutes(2)))
struct LoadGeneratorTests {
    @Test(arguments: [LoadAPI.completions, .chat])
    func `clients send all requests and count all tokens`(api: LoadAPI) throws {
        let server = ScriptedServer()
        let records = try run(server.start(), .closed(clients: 3), requests: 20, api: api)
        #expect(records.count == 20)
        #expect(records.allSatisfy { $0.failure == nil && $0.tokens == 5 && $0.promptTokens == 11 })
        #expect(records.allSatisfy { $0.gaps.count == 4 && $0.firstTokenSeconds ?? -1 > 0 })
        let bodies = server.bodies.withLock { $0 }
        #expect(Set(bodies).count == 20)
        let words = bodies[0]["messages"]?[0]?["content"]?.stringValue?.split(separator: " ")
        #expect(api == .chat ? words?.count == 6 : bodies[0]["prompt"]?.arrayValue?.count == 12)
        #expect(bodies.allSatisfy { $0["stream"]?.boolValue == true && $0["ignore_eos"]?.boolValue == true })
    }

    @Test func `an open load begins when it is due, not when a client is free`() throws {
        let records = try run(ScriptedServer().start(), .poisson(perSecond: 200, seed: 2), requests: 40)
        #expect(records.count == 40 && records.allSatisfy { $0.failure == nil })
        let times = records.map(\.startedAt).sorted()
        let planned = RequestPlan(
            arrivals: .poisson(perSecond: 200, seed: 2), promptTokens: 1, outputTokens: 1, requestsMax: 40
        ).compactMap(\.due)
        let seconds = times.map { Double($0 - times[0]) * 1e-9 }
        #expect(zip(seconds, planned).allSatisfy { abs($0 - ($1 - planned[0])) < 1e-6 })
    }

    @Test func `refusals are counted with what the first said`() throws {
        let server = ScriptedServer(refuses: 2)
        let target = try server.start()
        let records = try run(target, .closed(clients: 1), requests: 10)
        let report = LoadTestReport(
            target: target, model: "m", api: .completions, arrivals: .closed(clients: 1),
            targets: LatencyTargets(), records: records)
        #expect(report.answered == 5 && report.requests == 10 && report.outputTokens == 25)
        let body = #"{"error":{"message":"too busy"}}"#
        #expect(report.failures == [.init(reason: .status(503), count: 5, body: body)])
        #expect(report.text.contains("failed 5: status 503; the first said: \(body)"))
    }

    @Test func `a stream that is cut is no answer`() throws {
        let records = try run(ScriptedServer(breaksOff: true).start(), .closed(clients: 2), requests: 4)
        #expect(records.count == 4 && records.allSatisfy { $0.failure == .brokenOff })
    }

    @Test func `a Unix socket serves as well`() throws {
        let path = FileManager.default.temporaryDirectory.path + "/load-\(UInt32.random(in: 0 ... .max)).sock"
        let server = ScriptedServer()
        let records = try run(server.start(at: .unix(path: path)), .closed(clients: 1), requests: 2)
        #expect(records.count == 2 && records.allSatisfy { $0.failure == nil })
    }

    @Test func `words are sized by the server's tokenizer`() throws {
        let server = ScriptedServer()
        let questions = ServerQuestions(target: try server.start(), key: nil)
        let (address, model) = try questions.meet(model: nil)
        #expect(questions.tokensPerWord(model: model, at: address) == 2)
    }

    @Test func `a dead server is named, with what to do`() throws {
        let target = try LoadTarget(url: "http://127.0.0.1:1", unixSocket: nil)
        let failure = #expect(throws: CommandFailure.self) {
            try ServerQuestions(target: target, key: nil).meet(model: nil)
        }
        let text = failure.map { "\($0)" } ?? ""
        #expect(text.contains("no server answers at http://127.0.0.1:1"), "\(text)")
        #expect(text.contains("Connection refused") && text.contains("correct --url"))
    }

    @Test func `a server that dies during the load fails each request`() throws {
        let target = try LoadTarget(url: "http://127.0.0.1:1", unixSocket: nil)
        let maker = RequestMaker(
            target: target, api: .completions, model: "m", key: nil, tokensPerWord: 1,
            prompts: PromptMaker(seed: 1, tokensBelow: 1000))
        let plan = RequestPlan(
            arrivals: .closed(clients: 2), promptTokens: 1, outputTokens: 1, requestsMax: 6)
        var generator = LoadGenerator(
            address: try ClientAddress.resolve(target)[0], maker: maker, plan: plan, requestSecondsMax: 5)
        let records = generator.run()
        #expect(records.count == 6)
        #expect(records.allSatisfy { $0.failure == .unreachable(code: ECONNREFUSED) })
    }

    @Test(arguments: ["https://a", "nonsense", "http://", "http://a:99999"])
    func `an address that it cannot speak to is refused`(url: String) {
        #expect(throws: CommandFailure.self) { try LoadTarget(url: url, unixSocket: nil) }
    }

    @Test(arguments: [
        ("http://a", "/v1/models"), ("http://a/v1/", "/v1/models"), ("http://a/x/v1", "/x/v1/models"),
        ("http://[::1]:8080", "/v1/models"),
    ])
    func `a base address may end in v1`(url: String, path: String) throws {
        let bytes = try LoadTarget(url: url, unixSocket: nil).request("/v1/models", key: nil, body: nil)
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("GET \(path) HTTP/1.1\r\n"))
    }
}

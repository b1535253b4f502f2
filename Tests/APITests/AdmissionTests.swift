import Core
import Dispatch
import Engine
import HTTP
import HTTPTypes
import JSON
import Logging
import ScriptedModel
import Service
import Testing

@testable import API

@Suite struct AdmissionTests {
    private static func silent() -> ScriptedEngine { ScriptedEngine { _, _ in .silent } }

    private static func completion(_ fields: JSONObject = [:]) -> IncomingRequest {
        var body: JSONObject = ["prompt": "x"]
        for (key, value) in fields { body[key] = value }
        return IncomingRequest(method: "POST", path: "/v1/completions", body: JSONValue.object(body).serialized())
    }

    @Test func `a full endpoint answers 429 with a time to come back, and opens again`() throws {
        var configuration = ServiceConfiguration()
        configuration.limits.concurrentMax = 2
        let bench = try Bench(Self.silent(), configuration: configuration)
        let first = bench.begin(Self.completion())
        _ = bench.begin(Self.completion())
        let refused = try bench.send(Self.completion())
        #expect(refused.status == 429)
        #expect(Int(refused.fields[.retryAfter] ?? "") ?? 0 >= 1)
        #expect(refused.error?["message"]?.stringValue?.contains("limit is 2") == true)
        first.disconnect()
        #expect(bench.service.liveRequests == 1)
        _ = bench.begin(Self.completion())
        #expect(bench.service.liveRequests == 2)
    }

    @Test(arguments: [
        (.queueFull(waiting: 8, limit: 8), 429, "8"), (.shuttingDown, 503, "shutting down"),
        (.promptTooLong(tokens: 99, limit: 50), 400, "99"),
        (.cacheTooSmall(tokensNeeded: 70, tokensAvailable: 60), 400, "70"),
        (.choicesTooMany(choices: 3, limit: 2), 400, "3"), (.promptEmpty, 400, "no tokens"),
        (.tokenOutOfRange(token: 7, vocabularySize: 5), 400, "7"),
    ] as [(SubmissionError, Int, String)])
    func `what the engine refuses is told with status and numbers`(
        refusal: SubmissionError, status: Int, words: String
    ) throws {
        let bench = try Bench(ScriptedEngine(refusal: refusal))
        for fields in [[:], ["stream": true]] as [JSONObject] {
            let answer = try bench.send(Self.completion(fields))
            #expect(answer.status == status)
            #expect(answer.error?["message"]?.stringValue?.contains(words) == true, "\(answer.text)")
            #expect((answer.fields[.retryAfter] != nil) == (status == 429 || status == 503))
        }
        #expect(bench.service.liveRequests == 0)
    }

    @Test func `while draining new requests are refused and running ones finish`() throws {
        let bench = try Bench(Self.silent())
        let running = bench.begin(Self.completion())
        bench.service.drain(until: .now() + 10)
        let refused = try bench.send(Self.completion())
        #expect(refused.status == 503)
        #expect(refused.fields[.retryAfter] != nil)
        #expect(bench.service.liveRequests == 1)
        running.disconnect()
        #expect(bench.service.liveRequests == 0)
    }

    @Test func `a request that waits too long is told so and its work cancelled`() throws {
        var configuration = ServiceConfiguration()
        configuration.limits.queueSecondsMax = 0.01
        let bench = try Bench(Self.silent(), configuration: configuration)
        bench.service.start()
        let answer = try bench.send(Self.completion())
        #expect(answer.status == 503)
        #expect(answer.fields[.retryAfter] != nil)
        #expect(answer.error?["code"]?.stringValue == "deadline_exceeded")
        #expect(answer.error?["message"]?.stringValue?.contains("0.01") == true)
        #expect(bench.service.liveRequests == 0)
        #expect(bench.engine.cancelled.count == 1)
    }

    @Test func `a stream that lives too long ends with an error event`() throws {
        var configuration = ServiceConfiguration()
        configuration.limits.requestSecondsMax = 0.01
        let engine = ScriptedEngine { _, _ in
            var line = ScriptedEngine.Line(TestText.tokens("abc"), .length)
            line.isOpen = true
            return line
        }
        let bench = try Bench(engine, configuration: configuration)
        bench.service.start()
        let events = try #require(try bench.complete(["stream": true]).events)
        #expect(events.last?["error"]?["code"]?.stringValue == "deadline_exceeded")
    }

    @Test func `a prompt above its endpoint's limit is told that limit by name`() throws {
        var configuration = ServiceConfiguration()
        configuration.limits.promptTokensMax = 3
        let answer = try Bench(configuration: configuration).complete(["prompt": "four"])
        #expect(answer.status == 400)
        let message = answer.error?["message"]?.stringValue ?? ""
        for words in ["5 tokens", "'prompt_tokens_max'", "'tiny'", "is 3"] {
            #expect(message.contains(words), "\(message)")
        }
    }

    @Test func `many prompts may ask for one choice each, whatever the engine's bound on one prompt`() throws {
        let bench = try Bench(ScriptedEngine(choicesMax: 4))
        let prompts = JSONValue.array(Array(repeating: "x", count: 65))
        #expect(try bench.complete(["prompt": prompts]).json["choices"]?.arrayValue?.count == 65)
        let refused = try bench.complete(["prompt": prompts, "n": 2])
        #expect(refused.status == 400)
        #expect(refused.error?["param"]?.stringValue == "prompt")
        for words in ["130", "65 prompts", "limit is 128"] { #expect(refused.text.contains(words)) }
    }

    @Test func `long prompts beyond the workers' bound are a 429, short ones go on`() throws {
        var configuration = ServiceConfiguration()
        configuration.inlineTextBytesMax = 8
        configuration.longPromptsMax = 0
        let bench = try Bench(configuration: configuration)
        for path in ["/v1/completions", "/tokenize"] {
            let refused = try bench.post(path, ["prompt": "more than eight bytes"])
            #expect(refused.status == 429)
            #expect(refused.fields[.retryAfter] == "1")
            #expect(refused.text.contains("limit is 0"))
            #expect(try bench.post(path, ["prompt": "few"]).status == 200)
        }
        #expect(bench.service.liveRequests == 0)
    }

    @Test func `a caller's own template is worked on beside the connections, in few steps`() throws {
        var configuration = ServiceConfiguration()
        configuration.longPromptsMax = 0
        #expect(try Bench(configuration: configuration).chat(["chat_template": "x"]).status == 429)
        let loop = "{% for a in range(2000) %}{% for b in range(2000) %}{% endfor %}{% endfor %}"
        let refused = try Bench().chat(["chat_template": .string(loop)])
        #expect(refused.status == 400)
        #expect(refused.error?["param"]?.stringValue == "chat_template")
        #expect(refused.text.contains("2000000"), "\(refused.text)")
    }

    @Test func `a body is bounded where it arrives and nowhere else`() throws {
        let answer = try Bench().complete(["user": .string(String(repeating: "u", count: 65 << 20))])
        #expect(answer.status == 200)
    }

    @Test func `each request leaves one line in the log`() throws {
        let log = RecordedLog()
        let bench = try Bench(logger: Logger(label: "test") { _ in RecordedLogHandler(log: log) })
        _ = try bench.chat()
        #expect(log.lines(count: 1).count == 1)
        _ = try bench.chat(["temperature": 9])
        _ = try bench.get("/health")
        let written = log.lines(count: 2)
        #expect(written.count == 2)
        #expect(written.first?["outcome"] == "completed")
        #expect(written.first?["endpoint"] == "tiny")
        #expect(written.first?["generated_tokens"]?.description == "13")
        #expect(written.first?["status"]?.description == "200")
        #expect(written.last?["outcome"] == "refused")
        #expect(written.last?["status"]?.description == "400")
    }

    @Test(arguments: [(.badRequest, "broken"), (.noContent, nil)] as [(HTTPResponse.Status, String?)])
    func `what the HTTP server answers itself is told, counted and logged like all else`(
        status: HTTPResponse.Status, refusal: String?
    ) throws {
        let log = RecordedLog()
        let logger = Logger(label: "test") { _ in
            var handler = RecordedLogHandler(log: log)
            handler.logLevel = .debug
            return handler
        }
        let bench = try Bench(logger: logger)
        let answer = bench.api.ownAnswer(.init(status: status, refusal: refusal, method: .options, peer: "p"))
        let id = try #require(answer.fields[.requestID])
        #expect(log.lines.map { $0["id"]?.description } == [id])
        #expect(log.lines.first?["reason"]?.description == refusal)
        let line = #"http_requests_total{handler="none",method="OPTIONS",status="\#(status.code)"} 1"#
        #expect(try bench.get("/metrics").text.contains(line))
        guard let refusal else { return #expect(answer.body.isEmpty) }
        #expect(try JSONReader.parse(answer.body)["error"]?["message"]?.stringValue == refusal)
        #expect(answer.fields[.contentType] == "application/json")
    }
}

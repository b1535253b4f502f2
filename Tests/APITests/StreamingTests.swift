import Core
import Dispatch
import Engine
import HTTPTypes
import JSON
import ScriptedModel
import Service
import Testing

@testable import API

@Suite struct StreamingTests {
    /// What a client has when it has put a chat stream together.
    private struct Assembled: Equatable {
        var text = ""
        var logprobs: [JSONValue] = []
        var tokenIDs: [JSONValue] = []
        var finish: JSONValue?
        var stopReason: JSONValue?
    }

    private static func assemble(_ events: [JSONValue], isChat: Bool, choices: Int) -> [Assembled] {
        var result = Array(repeating: Assembled(), count: choices)
        for event in events {
            for choice in event["choices"]?.arrayValue ?? [] {
                let index = choice["index"]?.intValue ?? 0
                let text = isChat ? choice["delta"]?["content"] : choice["text"]
                result[index].text += text?.stringValue ?? ""
                let logprobs = choice["logprobs"]
                result[index].logprobs += (isChat ? logprobs?["content"] : logprobs?["tokens"])?.arrayValue ?? []
                result[index].logprobs += logprobs?["text_offset"]?.arrayValue ?? []
                result[index].tokenIDs += choice["token_ids"]?.arrayValue ?? []
                guard let finish = choice["finish_reason"], !finish.isNull else { continue }
                result[index].finish = finish
                result[index].stopReason = choice["stop_reason"]
            }
        }
        return result
    }

    private static func whole(_ json: JSONValue, isChat: Bool) -> [Assembled] {
        (json["choices"]?.arrayValue ?? []).map { choice in
            var one = Assembled()
            one.text = (isChat ? choice["message"]?["content"] : choice["text"])?.stringValue ?? ""
            let logprobs = choice["logprobs"]
            one.logprobs = (isChat ? logprobs?["content"] : logprobs?["tokens"])?.arrayValue ?? []
            one.logprobs += logprobs?["text_offset"]?.arrayValue ?? []
            one.tokenIDs = choice["token_ids"]?.arrayValue ?? []
            one.finish = choice["finish_reason"]
            one.stopReason = choice["stop_reason"]
            return one
        }
    }

    /// Chunks interleave the two arrays of plain completions; sorted they must agree.
    private static func sorted(_ choices: [Assembled]) -> [Assembled] {
        choices.map { choice in
            var choice = choice
            choice.logprobs.sort { "\($0)" < "\($1)" }
            return choice
        }
    }

    static let variants: [JSONObject] = [
        [:], ["n": 2], ["stop": ["lo, w"]], ["stop": ["xyz", "world", "orl"]], ["logprobs": true],
        ["return_token_ids": true], ["max_tokens": 3],
        ["n": 2, "logprobs": true, "top_logprobs": 3, "return_token_ids": true, "stop": "wor"],
        ["stop": "llo", "include_stop_str_in_output": true], ["skip_special_tokens": false],
    ]

    @Test(arguments: variants, [1, 3, 100]) func `a streamed chat says what an unstreamed one says`(
        fields: JSONObject, batch: Int
    ) throws {
        let engine = ScriptedEngine(batch: batch) { _, choice in .init("Hello, world \(choice) ü") }
        let bench = try Bench(engine)
        var streamed = fields
        streamed["seed"] = 7
        var unstreamed = streamed
        unstreamed["stream"] = false
        streamed["stream"] = true
        let events = try #require(try bench.chat(streamed).events)
        let whole = Self.whole(try bench.chat(unstreamed).json, isChat: true)
        #expect(Self.assemble(events, isChat: true, choices: whole.count) == whole)
    }

    static let completionVariants: [JSONObject] = [
        [:], ["echo": true], ["logprobs": 2], ["echo": true, "logprobs": 1, "n": 2],
        ["prompt": ["one", "two"], "n": 2, "return_token_ids": true], ["prompt": [72, 105], "echo": true],
        ["prompt": [[72], [105, 33]], "stop": "o"],
    ]

    @Test(arguments: completionVariants, [1, 3, 100]) func `a streamed completion says what a whole one says`(
        fields: JSONObject, batch: Int
    ) throws {
        let engine = ScriptedEngine(batch: batch) { request, choice in
            .init("Hello \(choice) after \(request.prompt.count) ü")
        }
        let bench = try Bench(engine)
        var streamed = fields
        streamed["stream"] = true
        let events = try #require(try bench.complete(streamed).events)
        let whole = Self.whole(try bench.complete(fields).json, isChat: false)
        let assembled = Self.assemble(events, isChat: false, choices: whole.count)
        #expect(Self.sorted(assembled) == Self.sorted(whole))
    }

    @Test func `the first chunk has the role, the last one the finish reason`() throws {
        let events = try #require(try Bench().chat(["stream": true]).events)
        #expect(events.first?["choices"]?[0]?["delta"]?["role"]?.stringValue == "assistant")
        #expect(events.last?["choices"]?[0]?["finish_reason"]?.stringValue == "stop")
        #expect(Set(events.map { $0["id"]?.stringValue }).count == 1)
        #expect(events.allSatisfy { $0["usage"] == nil })
    }

    @Test func `the usage comes last, alone, when asked for`() throws {
        let bench = try Bench()
        let fields: JSONObject = ["stream": true, "stream_options": ["include_usage": true]]
        let events = try #require(try bench.chat(fields).events)
        #expect(events.dropLast().allSatisfy { $0["usage"] == nil })
        #expect(events.last?["choices"] == [])
        let whole = try bench.chat().json
        #expect(events.last?["usage"] == whole["usage"])
    }

    @Test func `a stream is sent as events that no cache keeps`() throws {
        let answer = try Bench().complete(["stream": true])
        #expect(answer.fields[.contentType]?.hasPrefix("text/event-stream") == true)
        #expect(answer.fields[.cacheControl] == "no-cache")
    }

    @Test func `a caller that leaves cancels the engine's work`() throws {
        let engine = ScriptedEngine { _, _ in
            var line = ScriptedEngine.Line(TestText.tokens("never ends"), .length)
            line.isOpen = true
            return line
        }
        let bench = try Bench(engine)
        let body: JSONValue = ["prompt": "x", "stream": true]
        let exchange = bench.begin(.init(method: "POST", path: "/v1/completions", body: body.serialized()))
        exchange.queue.sync {}
        #expect(bench.service.liveRequests == 1)
        exchange.disconnect()
        #expect(engine.cancelled.values.first == [nil])
        #expect(bench.service.liveRequests == 0)
    }

    @Test func `an engine that fails in a stream says so in an event`() throws {
        let engine = ScriptedEngine { _, _ in .init(TestText.tokens("ab"), .failed("no memory")) }
        let bench = try Bench(engine)
        let events = try #require(try bench.chat(["stream": true]).events)
        #expect(events.last?["error"]?["message"]?.stringValue?.contains("no memory") == true)
        let answer = try bench.chat()
        #expect(answer.status == 500)
        #expect(answer.error?["code"]?.stringValue == "engine_failed")
    }
}

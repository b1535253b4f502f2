import Core
import Engine
import JSON
import ScriptedModel
import Testing

@testable import API

@Suite struct ChatTests {
    @Test func `a message is answered whole with usage`() throws {
        let bench = try Bench()
        let answer = try bench.chat()
        let json = try answer.json
        #expect(answer.status == 200)
        #expect(json["object"]?.stringValue == "chat.completion")
        #expect(json["model"]?.stringValue == "tiny")
        let choice = json["choices"]?[0]
        #expect(choice?["message"]?["role"]?.stringValue == "assistant")
        #expect(choice?["message"]?["content"]?.stringValue == "Hello, world")
        #expect(choice?["finish_reason"]?.stringValue == "stop")
        #expect(choice?["stop_reason"]?.isNull == true)
        let prompt = try #require(bench.engine.requests.first?.prompt)
        #expect(json["usage"]?["prompt_tokens"]?.intValue == prompt.count)
        #expect(json["usage"]?["completion_tokens"]?.intValue == 13)
        #expect(json["usage"]?["total_tokens"]?.intValue == prompt.count + 13)
        #expect(json["usage"]?["prompt_tokens_details"]?["cached_tokens"]?.intValue == prompt.count / 2)
    }

    @Test func `the template makes the prompt`() throws {
        let bench = try Bench()
        _ = try bench.chat()
        let expected =
            [TestText.turnBegin] + TestText.tokens("user\nHi") + [TestText.turnEnd] + TestText.tokens("\n")
            + [TestText.turnBegin] + TestText.tokens("assistant\n")
        #expect(bench.engine.requests.first?.prompt == expected)
    }

    @Test func `text parts are joined for a template that reads strings`() throws {
        let bench = try Bench()
        let parts: JSONValue = [["type": "text", "text": "a"], ["type": "text", "text": "b"]]
        _ = try bench.chat(["messages": [["role": "user", "content": parts]], "add_generation_prompt": false])
        let expected =
            [TestText.turnBegin] + TestText.tokens("user\na\nb") + [TestText.turnEnd] + TestText.tokens("\n")
        #expect(bench.engine.requests.first?.prompt == expected)
    }

    @Test func `the last message can be continued`() throws {
        let bench = try Bench()
        let messages: JSONValue = [
            ["role": "user", "content": "Say it"], ["role": "assistant", "content": "Once upon "],
        ]
        let answer = try bench.chat(["messages": messages, "continue_final_message": true])
        #expect(answer.status == 200)
        let prompt = try #require(bench.engine.requests.first?.prompt)
        #expect(Array(prompt.suffix(10)) == TestText.tokens("Once upon "))
    }

    @Test func `several choices come in order`() throws {
        let bench = try Bench(ScriptedEngine { _, choice in .init("choice \(choice)") })
        let choices = try bench.chat(["n": 3]).json["choices"]?.arrayValue ?? []
        #expect(choices.map { $0["index"]?.intValue } == [0, 1, 2])
        #expect(choices.map { $0["message"]?["content"]?.stringValue } == ["choice 0", "choice 1", "choice 2"])
    }

    @Test func `log-probabilities name token, bytes and alternatives`() throws {
        let bench = try Bench()
        let json = try bench.chat(["logprobs": true, "top_logprobs": 2]).json
        let content = json["choices"]?[0]?["logprobs"]?["content"]?.arrayValue ?? []
        #expect(content.count == 13)
        #expect(content.first?["token"]?.stringValue == "H")
        #expect(content.first?["bytes"] == [72])
        #expect(content.first?["logprob"]?.doubleValue == -0.75)
        #expect(content.first?["top_logprobs"]?.arrayValue?.count == 2)
        #expect(bench.engine.requests.first?.sampling.logprobs == 2)
    }

    @Test func `without top_logprobs only the chosen tokens are reported`() throws {
        let bench = try Bench()
        let json = try bench.chat(["logprobs": true]).json
        #expect(json["choices"]?[0]?["logprobs"]?["content"]?[0]?["top_logprobs"] == [])
        #expect(bench.engine.requests.first?.sampling.logprobs == 0)
    }

    @Test func `prompt log-probabilities stand beside the choices`() throws {
        let bench = try Bench()
        let json = try bench.chat(["prompt_logprobs": 1]).json
        let entries = json["prompt_logprobs"]?.arrayValue ?? []
        #expect(entries.count == bench.engine.requests.first?.prompt.count)
        #expect(entries.first?.isNull == true)
        let entry = entries.dropFirst().first?["117"]
        #expect(entry?["decoded_token"]?.stringValue == "u")
        #expect(entry?["rank"]?.intValue == 1)
    }

    @Test func `token ids are returned when asked for`() throws {
        let bench = try Bench(ScriptedEngine { _, _ in .init("ab") })
        let json = try bench.chat(["return_token_ids": true]).json
        #expect(json["choices"]?[0]?["token_ids"] == [97, 98, 257])
        let prompt = bench.engine.requests.first?.prompt.map { JSONValue.integer(Int($0)) }
        #expect(json["prompt_token_ids"] == prompt.map { .array($0) })
        #expect(try bench.chat().json["choices"]?[0]?["token_ids"] == nil)
    }

    @Test(arguments: [1, 2, 5, 64]) func `a stop string ends the text before it`(batch: Int) throws {
        let bench = try Bench(ScriptedEngine(batch: batch) { _, _ in .init("one two three") })
        let json = try bench.chat(["stop": ["two"]]).json
        #expect(json["choices"]?[0]?["message"]?["content"]?.stringValue == "one ")
        #expect(json["choices"]?[0]?["finish_reason"]?.stringValue == "stop")
        #expect(json["choices"]?[0]?["stop_reason"]?.stringValue == "two")
        #expect(json["usage"]?["completion_tokens"]?.intValue == 7)
        // With a batch that already holds the end there is nothing to cancel.
        #expect(bench.engine.cancelled.values.first == (batch < 14 ? [0] : nil))
    }

    @Test func `a stop string stays if asked for`() throws {
        let bench = try Bench(ScriptedEngine { _, _ in .init("one two three") })
        let json = try bench.chat(["stop": "two", "include_stop_str_in_output": true]).json
        #expect(json["choices"]?[0]?["message"]?["content"]?.stringValue == "one two")
    }

    @Test func `a stop string is not looked for among the first min_tokens`() throws {
        let bench = try Bench(ScriptedEngine { _, _ in .init("two and two") })
        let json = try bench.chat(["stop": "two", "min_tokens": 4]).json
        #expect(json["choices"]?[0]?["message"]?["content"]?.stringValue == "two and ")
    }

    @Test func `a stop token of the request is the stop reason`() throws {
        let engine = ScriptedEngine { _, _ in .init(TestText.tokens("ab!"), .stopToken(33)) }
        let json = try Bench(engine).chat(["stop_token_ids": [33]]).json
        #expect(json["choices"]?[0]?["message"]?["content"]?.stringValue == "ab")
        #expect(json["choices"]?[0]?["stop_reason"]?.intValue == 33)
    }

    @Test func `special tokens are shown when asked for`() throws {
        let engine = ScriptedEngine { _, _ in .init([97, TestText.turnBegin, 98], .length) }
        let bench = try Bench(engine)
        #expect(try bench.chat().json["choices"]?[0]?["message"]?["content"]?.stringValue == "ab")
        let shown = try bench.chat(["skip_special_tokens": false]).json
        #expect(shown["choices"]?[0]?["message"]?["content"]?.stringValue == "a<|im_start|>b")
    }

    @Test func `half a character never appears in a stream`() throws {
        let bench = try Bench(ScriptedEngine { _, _ in .init("a\u{1F600}é") })
        let events = try #require(try bench.chat(["stream": true]).events)
        let texts = events.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }
        #expect(texts == ["", "a", "\u{1F600}", "é"])
    }

    @Test func `a request template replaces the model's`() throws {
        let bench = try Bench(template: nil)
        #expect(try bench.chat().error?["param"]?.stringValue == "chat_template")
        #expect(try bench.chat(["chat_template": .string(TestText.template)]).status == 200)
    }
}

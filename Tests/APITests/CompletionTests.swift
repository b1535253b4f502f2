import Core
import Engine
import JSON
import ScriptedModel
import Testing

@testable import API

@Suite struct CompletionTests {
    @Test func `text goes in with the begin token and comes out`() throws {
        let bench = try Bench()
        let json = try bench.complete().json
        #expect(json["object"]?.stringValue == "text_completion")
        #expect(json["choices"]?[0]?["text"]?.stringValue == "Hello, world")
        #expect(bench.engine.requests.first?.prompt == [TestText.begin] + TestText.tokens("Once"))
    }

    @Test(arguments: [
        (["prompt": "ab"], [[256, 97, 98]]), (["prompt": ["ab", "c"]], [[256, 97, 98], [256, 99]]),
        (["prompt": [97, 98]], [[97, 98]]), (["prompt": [[97], [98, 99]]], [[97], [98, 99]]),
        (["prompt": "ab", "add_special_tokens": false], [[97, 98]]),
    ] as [(JSONObject, [[TokenID]])])
    func `prompts may be texts or token ids, one or several`(fields: JSONObject, prompts: [[TokenID]]) throws {
        let bench = try Bench()
        let json = try bench.complete(fields).json
        #expect(bench.engine.requests.map(\.prompt) == prompts)
        #expect(json["choices"]?.arrayValue?.count == prompts.count)
        #expect(json["usage"]?["prompt_tokens"]?.intValue == prompts.reduce(0) { $0 + $1.count })
    }

    @Test func `choices of several prompts are numbered through`() throws {
        let engine = ScriptedEngine { request, choice in .init("\(request.prompt.last ?? 0)/\(choice)") }
        let json = try Bench(engine).complete(["prompt": [[65], [66]], "n": 2]).json
        let choices = json["choices"]?.arrayValue ?? []
        #expect(choices.map { $0["text"]?.stringValue } == ["65/0", "65/1", "66/0", "66/1"])
        #expect(choices.map { $0["index"]?.intValue } == [0, 1, 2, 3])
    }

    @Test func `max_tokens defaults to sixteen, and to the model's own recommendation`() throws {
        let bench = try Bench()
        _ = try bench.complete(["max_tokens": nil])
        #expect(bench.engine.requests.first?.stopping.tokensMax == 16)
    }

    @Test func `echo puts the prompt before the text`() throws {
        let bench = try Bench()
        #expect(
            try bench.complete(["echo": true]).json["choices"]?[0]?["text"]?.stringValue == "OnceHello, world")
        let ids = try bench.complete(["echo": true, "prompt": [256, 79, 110]]).json
        #expect(ids["choices"]?[0]?["text"]?.stringValue == "OnHello, world")
    }

    @Test func `echo with logprobs reports the prompt's tokens first`() throws {
        let bench = try Bench(ScriptedEngine { _, _ in .init("!") })
        let json = try bench.complete(["prompt": [72, 105], "echo": true, "logprobs": 1]).json
        let logprobs = json["choices"]?[0]?["logprobs"]
        #expect(logprobs?["tokens"] == ["H", "i", "!", "</s>"])
        #expect(logprobs?["text_offset"] == [0, 1, 2, 3])
        #expect(logprobs?["token_logprobs"]?[0]?.isNull == true)
        #expect(logprobs?["token_logprobs"]?[1]?.doubleValue == -0.25)
        #expect(logprobs?["top_logprobs"]?[0]?.isNull == true)
        #expect(logprobs?["top_logprobs"]?[1]?["i"]?.doubleValue == -0.25)
        #expect(json["choices"]?[0]?["prompt_logprobs"] == nil)
    }

    @Test func `a prompt can be scored without generating`() throws {
        let engine = ScriptedEngine { _, _ in .init([], .length) }
        let bench = try Bench(engine)
        let json = try bench.complete(["prompt": [72, 105], "echo": true, "logprobs": 1, "max_tokens": 0]).json
        #expect(engine.requests.first?.stopping.tokensMax == 0)
        #expect(json["choices"]?[0]?["text"]?.stringValue == "Hi")
        #expect(json["choices"]?[0]?["finish_reason"]?.stringValue == "length")
        #expect(json["choices"]?[0]?["logprobs"]?["tokens"] == ["H", "i"])
        #expect(json["usage"]?["completion_tokens"]?.intValue == 0)
    }

    @Test func `best_of returns the likeliest and counts all`() throws {
        // Token 7 has the highest log-probability of the script, token 6 the lowest.
        let engine = ScriptedEngine { _, choice in .init([[69, 69], [70, 70], [71, 71]][choice], .length) }
        let json = try Bench(engine).complete(["best_of": 3, "n": 2]).json
        let choices = json["choices"]?.arrayValue ?? []
        #expect(choices.map { $0["text"]?.stringValue } == ["FF", "GG"])
        #expect(choices.map { $0["index"]?.intValue } == [0, 1])
        #expect(choices.first?["logprobs"]?.isNull == true)
        #expect(json["usage"]?["completion_tokens"]?.intValue == 6)
    }

    @Test func `a prompt is shortened from the left only when asked to`() throws {
        let bench = try Bench(ScriptedEngine(contextMax: 8))
        let refused = try bench.complete(["prompt": "0123456789", "max_tokens": 2])
        #expect(refused.status == 400)
        #expect(refused.error?["code"]?.stringValue == "context_length_exceeded")
        #expect(refused.error?["message"]?.stringValue?.contains("11") == true)
        #expect(refused.error?["message"]?.stringValue?.contains("8") == true)
        _ = try bench.complete(["prompt": "0123456789", "max_tokens": 2, "truncate_prompt_tokens": 3])
        #expect(bench.engine.requests.last?.prompt == TestText.tokens("789"))
        _ = try bench.complete(["prompt": "0123456789", "max_tokens": 2, "truncate_prompt_tokens": -1])
        #expect(bench.engine.requests.last?.prompt == TestText.tokens("456789"))
    }

    @Test func `output ends with the context`() throws {
        let bench = try Bench(ScriptedEngine(contextMax: 8))
        let json = try bench.complete(["prompt": [65, 66, 67], "max_tokens": 100]).json
        #expect(bench.engine.requests.last?.stopping.tokensMax == 5)
        #expect(json["choices"]?[0]?["finish_reason"]?.stringValue == "length")
    }

    @Test func `a long text is prepared elsewhere with the same outcome`() throws {
        let engine = ScriptedEngine(contextMax: 200_000)
        let bench = try Bench(engine)
        let text = String(repeating: "long ", count: 20_000)
        let answer = try bench.complete(["prompt": .string(text)])
        #expect(answer.status == 200)
        #expect(engine.requests.first?.prompt.count == 100_001)
    }
}

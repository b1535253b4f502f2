import Core
import Engine
import JSON
import ScriptedModel
import Service
import Testing

@testable import API

@Suite struct FieldTests {
    static let effects: [(JSONObject, @Sendable (GenerationRequest) -> Bool)] = [
        (["temperature": 0], { $0.sampling.temperature == 0 }),
        (["temperature": 1.5], { $0.sampling.temperature == 1.5 }),
        ([:], { $0.sampling.temperature == 1 && $0.sampling.topP == 1 && $0.sampling.topK == 0 }),
        (["top_p": 0.5], { $0.sampling.topP == 0.5 }),
        (["top_p": 0], { $0.sampling.topP > 0 && $0.sampling.topP < 1e-30 }),
        (["top_k": 5], { $0.sampling.topK == 5 }),
        (["top_k": -1], { $0.sampling.topK == 0 }),
        (["min_p": 0.25], { $0.sampling.minP == 0.25 }),
        (["repetition_penalty": 1.25], { $0.sampling.repetitionPenalty == 1.25 }),
        (["frequency_penalty": -2], { $0.sampling.frequencyPenalty == -2 }),
        (["presence_penalty": 0.5], { $0.sampling.presencePenalty == 0.5 }),
        (["seed": 42], { $0.sampling.seed == 42 }),
        (["seed": -1], { $0.sampling.seed == .max }),
        (["logit_bias": ["65": -100, "66": 1.5]], { $0.sampling.logitBias == [65: -100, 66: 1.5] }),
        (["allowed_token_ids": [65, 66]], { $0.sampling.allowedTokens == [65, 66] }),
        (["bad_words": ["ab"]], { $0.sampling.badWords.first == [97, 98] }),
        (["min_tokens": 3], { $0.stopping.tokensMin == 3 }),
        ([:], { $0.stopping.stopTokens == [257, 259] }),
        (["ignore_eos": true], { $0.stopping.stopTokens == [] }),
        (["ignore_eos": true, "stop_token_ids": [9]], { $0.stopping.stopTokens == [9] }),
        (["stop_token_ids": [9]], { $0.stopping.stopTokens == [9, 257, 259] }),
        (["priority": -3], { $0.priority == -3 }),
        (["cache_salt": "tenant"], { $0.cacheSalt == "tenant" }),
        (["prompt_logprobs": 0], { $0.sampling.promptLogprobs == 0 }),
        (["n": 2], { $0.choices == 2 }),
        (["max_tokens": 5], { $0.stopping.tokensMax == 5 }),
    ]

    @Test(arguments: effects.indices) func `a field reaches the engine`(index: Int) throws {
        let (fields, holds) = Self.effects[index]
        for isChat in [true, false] {
            let bench = try Bench()
            let answer = isChat ? try bench.chat(fields) : try bench.complete(fields)
            #expect(answer.status == 200, "\(answer.text)")
            let request = try #require(bench.engine.requests.first)
            #expect(holds(request), "\(fields) gave \(request)")
        }
    }

    @Test func `max_completion_tokens wins over max_tokens`() throws {
        let bench = try Bench()
        _ = try bench.chat(["max_completion_tokens": 4, "max_tokens": 9])
        #expect(bench.engine.requests.first?.stopping.tokensMax == 4)
    }

    @Test func `a chat may use the rest of the context`() throws {
        let bench = try Bench()
        _ = try bench.chat()
        let request = try #require(bench.engine.requests.first)
        #expect(request.stopping.tokensMax == 512 - request.prompt.count)
    }

    @Test func `the model's recommendations hold where a request says nothing`() throws {
        let configuration: JSONValue = [
            "temperature": 0.6, "top_p": 0.9, "top_k": 20, "repetition_penalty": 1.1, "max_new_tokens": 7,
        ]
        let bench = try Bench(defaults: GenerationDefaults(generationConfiguration: configuration))
        _ = try bench.chat(["top_k": 3])
        let request = try #require(bench.engine.requests.first)
        #expect(request.sampling.temperature == 0.6)
        #expect(request.sampling.topP == 0.9)
        #expect(request.sampling.topK == 3)
        #expect(request.sampling.repetitionPenalty == 1.1)
        #expect(request.stopping.tokensMax == 7)
        let shown = try bench.get("/v1/models/tiny").json["generation_defaults"]
        #expect(shown?["top_k"]?.intValue == 20)
        #expect(shown?["max_tokens"]?.intValue == 7)
    }

    @Test func `two requests without a seed draw differently`() throws {
        let bench = try Bench()
        _ = try bench.chat()
        _ = try bench.chat()
        #expect(bench.engine.requests[0].sampling.seed != bench.engine.requests[1].sampling.seed)
    }

    @Test(arguments: [
        ["user": "me"], ["store": true], ["metadata": ["a": "b"]], ["service_tier": "auto"],
        ["parallel_tool_calls": true], ["safety_identifier": "x"], ["prompt_cache_key": "x"],
        ["response_format": ["type": "text"]], ["tool_choice": "none"], ["tools": []], ["temperature": nil],
        ["suffix": ""], ["modalities": ["text"]], ["unheard_of": nil],
    ] as [JSONObject])
    func `a field that cannot change the output is taken`(fields: JSONObject) throws {
        let bench = try Bench()
        #expect(try bench.chat(fields).status == 200)
        #expect(try bench.complete(fields).status == 200)
    }

    static let refused: [(String, JSONObject, [String])] = [
        ("temperature", ["temperature": -0.1], ["-0.1", "0 and 2"]),
        ("temperature", ["temperature": 2.5], ["2.5"]),
        ("temperature", ["temperature": "hot"], ["number", "string"]),
        ("top_p", ["top_p": 1.5], ["1.5", "0 and 1"]),
        ("top_k", ["top_k": -2], ["-2"]), ("top_k", ["top_k": 1.5], ["integer"]),
        ("min_p", ["min_p": -1], ["-1"]),
        ("repetition_penalty", ["repetition_penalty": 0], ["0"]),
        ("frequency_penalty", ["frequency_penalty": 2.5], ["2.5"]),
        ("presence_penalty", ["presence_penalty": -3], ["-3"]),
        ("seed", ["seed": 1.5], ["integer"]), ("n", ["n": 0], ["0", "1 and 16"]), ("n", ["n": 17], ["17"]),
        ("stop", ["stop": 5], ["array"]), ("stop", ["stop": ""], ["empty"]), ("stop[1]", ["stop": ["a", ""]], ["0"]),
        ("stop", ["stop": .array(Array(repeating: "x", count: 17))], ["17", "16"]),
        ("stop_token_ids[0]", ["stop_token_ids": [260]], ["260", "259"]),
        ("stop_token_ids[1]", ["stop_token_ids": [1, "a"]], ["integer"]),
        ("logit_bias", ["logit_bias": ["x": 1]], ["x"]), ("logit_bias", ["logit_bias": ["999": 1]], ["999"]),
        ("logit_bias.65", ["logit_bias": ["65": 101]], ["101", "100"]),
        ("logit_bias.65", ["logit_bias": ["65": "a"]], ["number"]), ("logit_bias", ["logit_bias": [1]], ["object"]),
        ("allowed_token_ids", ["allowed_token_ids": []], ["empty"]),
        ("allowed_token_ids[0]", ["allowed_token_ids": [-1]], ["-1"]),
        ("bad_words[0]", ["bad_words": [""]], ["0"]),
        ("min_tokens", ["min_tokens": -1], ["-1"]), ("min_tokens", ["min_tokens": 9, "max_tokens": 8], ["9", "8"]),
        ("ignore_eos", ["ignore_eos": 1], ["boolean"]), ("stream", ["stream": "yes"], ["boolean"]),
        ("stream_options", ["stream_options": ["include_usage": true]], ["stream"]),
        ("stream_options.bogus", ["stream": true, "stream_options": ["bogus": 1]], ["bogus"]),
        ("truncate_prompt_tokens", ["truncate_prompt_tokens": 0], ["0"]),
        ("truncate_prompt_tokens", ["truncate_prompt_tokens": 513], ["513", "512"]),
        ("prompt_logprobs", ["prompt_logprobs": 21], ["21", "20"]), ("cache_salt", ["cache_salt": ""], ["empty"]),
        ("priority", ["priority": "high"], ["integer"]), ("model", ["model": 5], ["string"]),
        ("tools", ["tools": [["type": "function"]]], ["not supported"]),
        ("tool_choice", ["tool_choice": "auto"], ["not supported"]),
        ("response_format", ["response_format": ["type": "json_object"]], ["not supported"]),
        ("structured_outputs", ["structured_outputs": ["regex": "a"]], ["not supported"]),
        ("guided_json", ["guided_json": [:]], ["guided_json"]), ("unheard_of", ["unheard_of": 1], ["unheard_of"]),
        ("max_tokens", ["max_tokens": -1], ["-1"]), ("max_tokens", ["max_tokens": 0], ["0"]),
    ]

    @Test(arguments: refused.indices) func `a bad value is refused by name, with value and limit`(
        index: Int
    ) throws {
        let (param, fields, words) = Self.refused[index]
        for isChat in [true, false] {
            let bench = try Bench()
            let answer = isChat ? try bench.chat(fields) : try bench.complete(fields)
            #expect(answer.status == 400)
            #expect(answer.error?["param"]?.stringValue == param, "\(answer.text)")
            let message = answer.error?["message"]?.stringValue ?? ""
            #expect(message.contains(param), "\(message)")
            for word in words { #expect(message.contains(word), "\(message)") }
            #expect(bench.engine.requests.isEmpty)
            #expect(bench.service.liveRequests == 0)
        }
    }

    @Test(arguments: [
        ("messages", ["messages": nil]), ("messages", ["messages": []]), ("messages", ["messages": "hi"]),
        ("messages[0]", ["messages": ["hi"]]), ("messages[0].role", ["messages": [["content": "x"]]]),
        ("messages[0].role", ["messages": [["role": "robot", "content": "x"]]]),
        ("messages[0].content", ["messages": [["role": "user"]]]),
        ("messages[0].content", ["messages": [["role": "user", "content": 5]]]),
        ("messages[0].content[0].type",
            ["messages": [["role": "user", "content": [["type": "image_url", "image_url": ["url": "x"]]]]]]),
        ("messages[0].content[0].text", ["messages": [["role": "user", "content": [["type": "text"]]]]]),
        ("top_logprobs", ["top_logprobs": 2]), ("top_logprobs", ["logprobs": true, "top_logprobs": 21]),
        ("logprobs", ["logprobs": 2]), ("echo", ["echo": true]), ("reasoning_effort", ["reasoning_effort": "some"]),
        ("continue_final_message", ["continue_final_message": true, "add_generation_prompt": true]),
        ("chat_template_kwargs", ["chat_template_kwargs": ["messages": []]]),
        ("chat_template", ["chat_template": "{% if %}"]),
        ("chat_template", ["chat_template": "{{ raise_exception('no') }}"]),
    ] as [(String, JSONObject)])
    func `a bad chat field is refused by name`(param: String, fields: JSONObject) throws {
        let bench = try Bench()
        let answer = try bench.chat(fields)
        #expect(answer.status == 400)
        #expect(answer.error?["param"]?.stringValue == param, "\(answer.text)")
        #expect(bench.service.liveRequests == 0)
    }

    @Test(arguments: [
        ("prompt", ["prompt": nil]), ("prompt", ["prompt": 5]), ("prompt", ["prompt": []]),
        ("prompt[1]", ["prompt": ["a", 5]]), ("prompt[1]", ["prompt": [5, "a"]]), ("prompt[0]", ["prompt": [260]]),
        ("prompt[0][1]", ["prompt": [[1, -1]]]), ("prompt[1]", ["prompt": [[1], []]]),
        ("prompt[0]", ["prompt": [1.5]]), ("logprobs", ["logprobs": 21]), ("logprobs", ["logprobs": true]),
        ("best_of", ["best_of": 1, "n": 2]), ("best_of", ["best_of": 3, "stream": true]),
        ("suffix", ["suffix": "end"]), ("messages", ["messages": []]),
    ] as [(String, JSONObject)])
    func `a bad completion field is refused by name`(param: String, fields: JSONObject) throws {
        let bench = try Bench()
        let answer = try bench.complete(fields)
        #expect(answer.status == 400)
        #expect(answer.error?["param"]?.stringValue == param, "\(answer.text)")
        #expect(bench.service.liveRequests == 0)
    }

    @Test func `template variables reach the template`() throws {
        let template = "{{ mood }}{{ reasoning_effort }}"
        let bench = try Bench(template: template)
        _ = try bench.chat(["chat_template_kwargs": ["mood": "glad"], "reasoning_effort": "low"])
        #expect(bench.engine.requests.first?.prompt == TestText.tokens("gladlow"))
    }
}

import Dispatch
import Engine
import HTTPTypes
import JSON
import ScriptedModel
import Service
import Synchronization
import Testing

@testable import API

@Suite struct OperationsTests {
    @Test func `readiness follows loading and draining`() throws {
        let empty = try Bench(isLoaded: false)
        #expect(try empty.get("/health").status == 200)
        let loading = try empty.get("/ready")
        #expect(loading.status == 503)
        #expect(loading.fields[.retryAfter] != nil)
        #expect(try empty.chat().status == 503)
        let bench = try Bench()
        #expect(try bench.get("/ready").status == 200)
        bench.service.drain(until: .now() + 5)
        #expect(try bench.get("/ready").status == 503)
        #expect(try bench.get("/health").status == 200)
        #expect(bench.engine.state.withLock { $0.drainDeadline } != nil)
    }

    @Test func `the version is told`() throws {
        var configuration = ServiceConfiguration()
        configuration.version = "1.2.3"
        #expect(try Bench(configuration: configuration).get("/version").json == ["version": "1.2.3"])
    }

    @Test func `models are the endpoints that callers may name`() throws {
        let bench = try Bench()
        _ = try bench.post("/v0/dedicated_endpoints", ["name": "mine"])
        let data = try bench.get("/v1/models").json["data"]?.arrayValue ?? []
        #expect(data.map { $0["id"]?.stringValue } == ["tiny", "mine"])
        #expect(data.map { $0["root"]?.stringValue } == ["tiny", "tiny"])
        #expect(data.first?["max_model_len"]?.intValue == 512)
        #expect(data.first?["created"]?.intValue == 1_700_000_000)
        #expect(try bench.get("/v1/models/small").json["root"]?.stringValue == "tiny")
        let missing = try bench.get("/v1/models/org%2Fname")
        #expect(missing.status == 404)
        #expect(missing.error?["message"]?.stringValue?.contains("org/name") == true)
    }

    @Test(arguments: ["tiny", "small", nil] as [String?]) func `a model answers to its names`(name: String?) throws {
        let bench = try Bench()
        let model: JSONValue = name.map { .string($0) } ?? .null
        #expect(try bench.complete(["model": model]).status == 200)
    }

    @Test func `an unknown model is a 404 that names it`() throws {
        let answer = try Bench().complete(["model": "gpt-17"])
        #expect(answer.status == 404)
        #expect(answer.error?["param"]?.stringValue == "model")
        #expect(answer.error?["code"]?.stringValue == "model_not_found")
        #expect(answer.error?["message"]?.stringValue?.contains("gpt-17") == true)
    }

    @Test func `a text is tokenized as completions see it`() throws {
        let bench = try Bench()
        let json = try bench.post("/tokenize", ["prompt": "ab", "return_token_strs": true]).json
        #expect(json["tokens"] == [256, 97, 98])
        #expect(json["count"]?.intValue == 3)
        #expect(json["max_model_len"]?.intValue == 512)
        #expect(json["token_strs"] == ["<s>", "a", "b"])
        let plain = try bench.post("/tokenize", ["model": "tiny", "prompt": "ab", "add_special_tokens": false]).json
        #expect(plain["tokens"] == [97, 98])
        #expect(plain["token_strs"]?.isNull == true)
    }

    @Test func `messages are tokenized as chats see them`() throws {
        let bench = try Bench()
        let messages: JSONValue = [["role": "user", "content": "Hi"]]
        let json = try bench.post("/tokenize", ["messages": messages]).json
        _ = try bench.chat()
        let prompt = bench.engine.requests.first?.prompt.map { JSONValue.integer(Int($0)) } ?? []
        #expect(json["tokens"] == .array(prompt))
        let short = try bench.post("/tokenize", ["messages": messages, "add_generation_prompt": false]).json
        #expect((short["count"]?.intValue ?? 0) < prompt.count)
    }

    @Test func `ids become text again`() throws {
        let bench = try Bench()
        #expect(try bench.post("/detokenize", ["tokens": [256, 97, 98]]).json == ["prompt": "<s>ab"])
        for bad in [["tokens": [260]], ["tokens": "a"], [:], ["tokens": [1], "x": 1]] as [JSONValue] {
            #expect(try bench.post("/detokenize", bad).status == 400)
        }
        for bad in [[:], ["prompt": 5], ["prompt": "a", "x": 1]] as [JSONValue] {
            #expect(try bench.post("/tokenize", bad).status == 400)
        }
    }

    @Test func `the metrics page has every name that scrapers look for`() throws {
        let bench = try Bench()
        bench.engine.state.withLock { state in
            state.load.running = 3
            state.load.cacheUsage = 0.5
        }
        _ = try bench.chat()
        let answer = try bench.get("/metrics")
        #expect(answer.fields[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        let names = [
            "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
            "vllm:cache_config_info", "vllm:lora_requests_info", "vllm:num_preemptions_total",
            "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total",
            "vllm:spec_decode_num_draft_tokens_total", "vllm:spec_decode_num_accepted_tokens_total",
            "vllm:prompt_tokens_total", "vllm:generation_tokens_total",
            "vllm:request_success_total", "vllm:time_to_first_token_seconds",
            "vllm:inter_token_latency_seconds", "vllm:e2e_request_latency_seconds",
            "vllm:request_queue_time_seconds", "vllm:request_prefill_time_seconds",
            "vllm:request_decode_time_seconds", "vllm:request_prompt_tokens", "vllm:request_generation_tokens",
            "vllm:iteration_tokens_total", "http_requests_total", "http_request_duration_seconds",
            "tokenmill:desired_replicas", "tokenmill:scaling_pressure", "tokenmill:step_seconds",
            "tokenmill:tokens_per_second",
        ]
        for name in names { #expect(answer.text.contains("# TYPE \(name) "), "\(name)") }
        let labels = #"{model_name="tiny",endpoint="tiny"}"#
        for line in [
            "vllm:num_requests_running\(labels) 3.0", "vllm:kv_cache_usage_perc\(labels) 0.5",
            "vllm:generation_tokens_total\(labels) 13", "vllm:time_to_first_token_seconds_count\(labels) 1",
            "vllm:inter_token_latency_seconds_count\(labels) 12",
            #"vllm:request_success_total{model_name="tiny",endpoint="tiny",finished_reason="stop"} 1"#,
            #"vllm:cache_config_info{model_name="tiny",endpoint="tiny",block_size="16",num_gpu_blocks="64"} 1.0"#,
            #"http_requests_total{handler="/v1/chat/completions",method="POST",status="200"} 1"#,
        ] { #expect(answer.text.contains(line + "\n"), "\(line)") }
    }

    @Test func `every endpoint has the engine's gauges, and its totals stand once`() throws {
        let bench = try Bench()
        bench.engine.state.withLock { state in
            state.load.waiting = 2
            state.load.preemptions = 7
        }
        _ = try bench.post("/v0/dedicated_endpoints", ["name": "mine"])
        let text = try bench.get("/metrics").text
        for endpoint in ["tiny", "mine"] {
            let labels = #"{model_name="tiny",endpoint="\#(endpoint)"}"#
            #expect(text.contains("vllm:num_requests_waiting\(labels) 2.0\n"))
            #expect(text.contains("vllm:num_preemptions_total\(labels) 7\n") == (endpoint == "tiny"))
        }
    }

    @Test func `unknown paths share one label`() throws {
        let bench = try Bench()
        _ = try bench.get("/a")
        _ = try bench.send(IncomingRequest(method: "BREW", path: "/b"))
        let text = try bench.get("/metrics").text
        #expect(text.contains(#"http_requests_total{handler="none",method="GET",status="404"} 1"#))
        #expect(text.contains(#"http_requests_total{handler="none",method="OTHER",status="404"} 1"#))
    }
}

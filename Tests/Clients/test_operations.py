"""Health, readiness, metrics, version, models, endpoints, tokenizing, and the log."""
import gzip

import schema


def test_health_ready_version(server):
    assert server.get("/health")[0] == 200
    assert server.get("/ready")[0] == 200
    assert server.get("/version")[1]["version"]


def test_models_follow_the_published_schema(server, client, model):
    status, answer = server.get("/v1/models")
    assert status == 200
    schema.check("ListModelsResponse", answer)
    status, answer = server.get(f"/v1/models/{model}")
    assert status == 200
    schema.check("Model", answer)
    assert [entry.id for entry in client.models.list()] == [model]
    assert client.models.retrieve(model).id == model
    assert server.get("/v1/models/nothing")[0] == 404


def test_the_model_is_named_after_its_file(model):
    assert model == "SmolLM2-135M-Instruct.Q4_1"


def test_metrics_count_what_ran(server, client, model, idle):
    before = server.metrics()
    client.completions.create(model=model, prompt="One two three", max_tokens=7, temperature=0,
                              extra_body={"ignore_eos": True})
    after = server.metrics()
    assert after["vllm:generation_tokens_total"] - before["vllm:generation_tokens_total"] == 7
    grown = after["vllm:request_success_total"] - before.get("vllm:request_success_total", 0)
    assert grown == 1
    for name in ("vllm:kv_cache_usage_perc", "vllm:cache_config_info", "vllm:num_preemptions_total",
                 "vllm:prompt_tokens_total", "vllm:time_to_first_token_seconds_count",
                 "http_requests_total", "tokenmill:desired_replicas", "tokenmill:scaling_pressure"):
        assert name in after, name


def test_every_metric_has_help_and_type(server):
    page = server.request("GET", "/metrics")[2].decode().splitlines()
    typed = {line.split()[2] for line in page if line.startswith("# TYPE")}
    helped = {line.split()[2] for line in page if line.startswith("# HELP")}
    assert typed == helped
    for line in page:
        if line and not line.startswith("#"):
            name = line.split("{")[0].split(" ")[0]
            family = name
            for suffix in ("_bucket", "_sum", "_count"):
                if name.endswith(suffix) and name.removesuffix(suffix) in typed:
                    family = name.removesuffix(suffix)
            assert family in typed, line


def test_tokenize_and_back(server, model):
    text = "Grüße, 世界! 😀"
    status, answer = server.post("/tokenize", {"model": model, "prompt": text})
    assert status == 200 and answer["count"] == len(answer["tokens"]) and answer["max_model_len"] == 8192
    status, back = server.post("/detokenize", {"model": model, "tokens": answer["tokens"]})
    assert status == 200 and back["prompt"] == text


def test_endpoints_show_their_scaling_hint(server, model):
    status, answer = server.get("/v0/dedicated_endpoints")
    assert status == 200
    endpoint = answer["data"][0]
    assert endpoint["routing_key"] and endpoint["scaling"]["min_replicas"] == 1
    assert endpoint["desired_replicas"] == 1 and endpoint["reason"]
    status, hint = server.get(f"/v0/dedicated_endpoints/{endpoint['id']}/autoscaling")
    assert status == 200
    assert hint["desired_replicas"] == 1 and hint["reason"]


def test_one_log_line_per_request(server, client, model):
    answer = client.completions.with_raw_response.create(model=model, prompt="Hello", max_tokens=3, temperature=0)
    own = answer.headers["x-request-id"]
    line = server.wait_for("request", lambda line: line["id"] == own)
    assert line["status"] == 200 and line["outcome"] == "completed" and line["level"] == "info"
    assert line["seconds"] > 0 and line["prompt_tokens"] == 1 and line["generated_tokens"] == 3
    assert len([other for other in list(server.lines) if other.get("id") == own]) == 1
    assert "Hello" not in str(server.lines)


def test_a_long_answer_is_compressed_for_whom_it_suits(server):
    status, headers, packed = server.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    assert status == 200 and headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed).startswith(b"# HELP vllm:")
    status, headers, plain = server.request("GET", "/metrics")
    assert status == 200 and "content-encoding" not in headers
    assert plain.startswith(b"# HELP vllm:") and len(packed) < len(plain) / 4

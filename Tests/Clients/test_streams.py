"""Streams that end early: the sequence is freed, whoever else runs goes on."""
import http.client
import json

import openai
import pytest


def open_stream(server, model, tokens=2000):
    """A running stream and its first bytes."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.request("POST", "/v1/completions", json.dumps({
        "model": model, "prompt": "Once upon a time", "max_tokens": tokens, "stream": True,
        "ignore_eos": True}), {"Content-Type": "application/json"})
    response = link.getresponse()
    assert response.status == 200
    assert response.readline().startswith(b"data: ")
    return link, response


def test_a_client_that_vanishes_frees_its_sequence(server, model, idle):
    links = [open_stream(server, model) for _ in range(4)]
    before = server.metrics()
    assert before["vllm:num_requests_running"] >= 1
    for link, response in links:
        response.close()
        link.close()
    after = server.wait_until_idle()
    # Four times two thousand tokens were asked for; a few steps pass until the news has come.
    computed = after["vllm:iteration_tokens_total_sum"] - before["vllm:iteration_tokens_total_sum"]
    assert computed < 400


def test_the_clients_own_way_to_stop(server, lenient, model, idle):
    stream = lenient.completions.create(model=model, prompt="Once", max_tokens=2000, stream=True,
                                       extra_body={"ignore_eos": True})
    for number, _ in enumerate(stream):
        if number == 3:
            break
    stream.close()
    server.wait_until_idle(10)


def test_a_timeout_cancels(server, model, idle):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=1) as hasty:
        with pytest.raises(openai.APITimeoutError):
            hasty.completions.create(model=model, prompt="Once", max_tokens=8000,
                                     extra_body={"ignore_eos": True})
    server.wait_until_idle(10)


def test_a_slow_reader_costs_others_nothing(server, client, model, idle):
    link, response = open_stream(server, model, tokens=500)
    answer = client.completions.create(model=model, prompt="Hello", max_tokens=8, temperature=0)
    assert answer.usage.completion_tokens <= 8
    rest = response.read()
    assert rest.rstrip().endswith(b"data: [DONE]")
    link.close()

"""What is wrong is said with the field, the value and the limit, and harms nobody else."""
import http.client
import json
import socket

import openai
import pytest

import schema

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
MESSAGES = [{"role": "user", "content": "hi"}]

WRONG = [
    (CHAT, {"messages": None}, 400, "messages"),
    (CHAT, {"messages": []}, 400, "messages"),
    (CHAT, {"messages": "hi"}, 400, "messages"),
    (CHAT, {"messages": [{"content": "x"}]}, 400, None),
    (CHAT, {"temperature": -1}, 400, "temperature"),
    (CHAT, {"temperature": 3}, 400, "temperature"),
    (CHAT, {"temperature": "hot"}, 400, "temperature"),
    (CHAT, {"top_p": 1.5}, 400, "top_p"),
    (CHAT, {"n": 0}, 400, "n"),
    (CHAT, {"n": 100000}, 400, "n"),
    (CHAT, {"max_tokens": -1}, 400, "max_tokens"),
    (CHAT, {"top_logprobs": 3}, 400, "top_logprobs"),
    (CHAT, {"logit_bias": {"99999999": 1}}, 400, None),
    (CHAT, {"stop": [""]}, 400, None),
    (CHAT, {"stream": "yes"}, 400, "stream"),
    (CHAT, {"model": "no-such-model"}, 404, None),
    (CHAT, {"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "tools"),
    (CHAT, {"response_format": {"type": "json_object"}}, 400, "response_format"),
    (CHAT, {"frobnicate": 1}, 400, "frobnicate"),
    (TEXT, {"prompt": [99999999]}, 400, None),
    (TEXT, {"prompt": [-1]}, 400, None),
    (TEXT, {"prompt": {}}, 400, "prompt"),
    (TEXT, {"prompt": "x " * 9000}, 400, None),
]


@pytest.mark.parametrize("path, change, status, param", WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_field_is_named(server, model, path, change, status, param):
    body = {"model": model, "messages": MESSAGES} if path == CHAT else {"model": model, "prompt": "hi"}
    got, answer = server.post(path, {**body, "max_tokens": 4, **change})
    assert got == status, answer
    schema.check("ErrorResponse", answer)
    if param:
        assert answer["error"]["param"] == param
        assert param in answer["error"]["message"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"nonsense", b"[]", b'{"a": 1, "a": 2}', b'{"prompt": "\xff"}', b'{"prompt": "\\ud800"}',
    b'{"temperature": NaN}', b"[" * 100000, b'{"prompt": 1e999999}'], ids=lambda body: repr(body[:24]))
def test_wrong_json_is_a_400(server, body):
    status, _, answer = server.request("POST", TEXT, body, {"Content-Type": "application/json"})
    assert status == 400
    schema.check("ErrorResponse", json.loads(answer))


def test_paths_and_methods(server):
    assert server.request("GET", "/nothing")[0] == 404
    status, headers, _ = server.request("GET", CHAT)
    assert status == 405 and "POST" in headers["allow"]
    status, _, _ = server.request("POST", TEXT, b"a=b", {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 415


def test_the_prompt_that_is_too_long_gets_both_numbers(server, model):
    status, answer = server.post(TEXT, {"model": model, "prompt": [500] * 9000, "max_tokens": 1})
    assert status == 400
    assert "9000" in answer["error"]["message"] and "819" in answer["error"]["message"]


def test_a_body_above_the_limit_is_a_413(server):
    status, _, answer = server.request("POST", TEXT, b"x" * (5 << 20), {"Content-Type": "application/json"})
    assert status == 413
    schema.check("ErrorResponse", json.loads(answer))
    assert str(4 << 20) in json.loads(answer)["error"]["message"]


def test_a_header_bomb_is_a_431(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        try:
            for number in range(5000):
                link.sendall(b"X-%d: " % number + b"y" * 100 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        head, _, body = link.recv(4096).partition(b"\r\n\r\n")
    assert b" 431 " in head.split(b"\r\n", 1)[0]
    schema.check("ErrorResponse", json.loads(body))
    message = json.loads(body)["error"]["message"]
    assert str(64 << 10) in message or "200" in message


def test_the_client_raises_its_own_errors(client, model):
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="no-such-model", messages=MESSAGES)
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=model, messages=MESSAGES, temperature=9)
    assert raised.value.param == "temperature"


def test_others_are_untouched(server, client, lenient, model, idle):
    """A stream goes on while wrong requests come in beside it."""
    request = dict(model=model, prompt="Once upon a time", seed=2, max_tokens=64)
    expected = client.completions.create(**request).choices[0].text
    text = ""
    for number, chunk in enumerate(lenient.completions.create(**request, stream=True)):
        text += chunk.choices[0].text if chunk.choices else ""
        if number % 8 == 0:
            assert server.post(CHAT, {"model": model, "messages": 7})[0] == 400
    assert text == expected


def test_half_a_request_does_not_hold_up_others(server):
    link = http.client.HTTPConnection("127.0.0.1", server.port)
    link.putrequest("POST", TEXT)
    link.putheader("Content-Length", "100")
    link.endheaders()
    link.send(b"{")
    assert server.get("/health")[0] == 200
    link.close()

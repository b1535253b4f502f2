"""Bounds as callers meet them in the real process: what is told, counted and logged, and what idleness costs."""
import http.client
import json
import os
import resource
import socket
import time

import pytest

import schema
import server as servers

CONNECTIONS = 2000


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server with narrow limits."""
    settings = tmp_path_factory.mktemp("limits") / "settings.yaml"
    settings.write_text("""
engine: {cache_bytes: 256MiB, sequences_max: 8}
http: {header_seconds_max: 0.3, body_seconds_max: 0.3, request_line_bytes_max: 256, header_bytes_max: 1KiB,
       body_bytes_max: 1KiB}
endpoints:
  - {name: one-at-a-time, limits: {concurrent_max: 1}}
""")
    with servers.Server("--config", settings) as running:
        yield running


BROKEN = [
    (b"GET / HTTP/1.1\r\n\r\n", 400, "Host"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nSlow", 408, "0.3 seconds"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow", 408, "0.3 seconds"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n", 413, "1024 bytes"),
    (b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "256 bytes"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"y" * 1100 + b"\r\n\r\n", 431, "1024 bytes"),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP/2"),
]


@pytest.mark.parametrize("sent, status, words", BROKEN, ids=lambda value: str(value)[:24])
def test_what_the_protocol_forbids_is_told_counted_and_logged(strict, sent, status, words):
    with socket.create_connection(("127.0.0.1", strict.port), timeout=30) as link:
        link.sendall(sent)
        response = http.client.HTTPResponse(link)
        response.begin()
        answer = json.loads(response.read())
    assert response.status == status
    schema.check("ErrorResponse", answer)
    assert words in answer["error"]["message"]
    line = strict.wait_for("request", lambda line: line["id"] == response.headers["X-Request-Id"])
    assert line["status"] == status and line["outcome"] == "refused" and line["reason"] == answer["error"]["message"]
    page = strict.request("GET", "/metrics")[2].decode()
    assert f'http_requests_total{{handler="none",method="OTHER",status="{status}"}}' in page


def test_not_a_number_is_told_with_its_place(strict):
    status, _, answer = strict.request("POST", "/v1/completions", b'{"temperature": NaN}',
                                       {"Content-Type": "application/json"})
    assert status == 400 and "byte 16" in json.loads(answer)["error"]["message"]


def test_a_full_endpoint_is_a_429_with_a_time_to_come_back(strict):
    link = http.client.HTTPConnection("127.0.0.1", strict.port, timeout=60)
    link.request("POST", "/v1/completions", json.dumps(
        {"prompt": "Once", "max_tokens": 4000, "stream": True, "ignore_eos": True}),
        {"Content-Type": "application/json"})
    response = link.getresponse()
    assert response.readline().startswith(b"data: ")
    body = {"prompt": "Hi", "max_tokens": 1}
    status, headers, answer = strict.request("POST", "/v1/completions", body)
    assert status == 429 and int(headers["retry-after"]) >= 1
    schema.check("ErrorResponse", json.loads(answer))
    assert "limit is 1" in json.loads(answer)["error"]["message"]
    response.close()
    link.close()
    strict.wait_until_idle()
    assert strict.request("POST", "/v1/completions", body)[0] == 200


def test_more_connections_than_descriptors_are_warned_of():
    def narrow():
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))

    with servers.Server("--set", "engine.cache_bytes=256MiB", prepare=narrow) as server:
        warning = server.wait_for("too few descriptors for http.connections_max; raise the hard limit (ulimit -Hn)")
        assert warning["wanted"] == 8192 and warning["descriptors"] == 1024 and warning["possible"] < 1024


def test_two_thousand_idle_connections_cost_nothing_noticeable(server):
    def cost():
        pages = int(open(f"/proc/{server.process.pid}/statm").read().split()[1])
        fields = open(f"/proc/{server.process.pid}/stat").read().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return pages * resource.getpagesize(), ticks / os.sysconf("SC_CLK_TCK")

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server.wait_until_idle()
    memory, _ = cost()
    links = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(CONNECTIONS)]
    try:
        for link in links[::100]:
            link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert link.recv(4096).startswith(b"HTTP/1.1 200")
        grown, before = cost()
        time.sleep(2)
        spent = cost()[1] - before
        each = (grown - memory) / CONNECTIONS
        print(f"idle connections: {CONNECTIONS}, {each:.0f} bytes each, {spent / 2:.3f} CPU seconds per second")
        assert each < 16 << 10
        assert spent / 2 < 0.05
    finally:
        for link in links:
            link.close()

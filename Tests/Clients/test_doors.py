"""The ways in that settings open: TLS, a Unix socket, browsers of other origins; and the line that is printed."""
import http.client
import json
import shutil
import socket
import ssl
import subprocess

import pytest

import server as servers

SMALL = ("--set", "engine.cache_bytes=256MiB", "--set", "engine.sequences_max=8")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def complete(connection):
    """Status and answer of a short completion."""
    connection.request("POST", "/v1/completions", json.dumps({"prompt": "Hi", "max_tokens": 2}),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """A server with TLS, a Unix socket and one allowed origin, and the folder with its files."""
    folder = tmp_path_factory.mktemp("doors")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
                   check=True, capture_output=True)
    settings = folder / "settings.yaml"
    settings.write_text(f"""
listen:
  tls_certificate: "{folder}/certificate.pem"
  tls_key: "{folder}/key.pem"
  unix_socket: "{folder}/mill.sock"
http: {{cors_origins: ["https://page.example"]}}
""")
    with servers.Server(*SMALL, "--config", settings) as running:
        yield running, folder


def secure(door):
    running, folder = door
    context = ssl.create_default_context(cafile=folder / "certificate.pem")
    return http.client.HTTPSConnection("127.0.0.1", running.port, timeout=60, context=context)


def test_tls_with_the_certificate_from_the_settings(door):
    link = secure(door)
    status, answer = complete(link)
    assert status == 200 and answer["usage"]["completion_tokens"] <= 2
    assert link.sock.version() in ("TLSv1.2", "TLSv1.3")


def test_plain_http_at_the_tls_port_is_closed(door):
    with pytest.raises((http.client.HTTPException, OSError)):
        complete(http.client.HTTPConnection("127.0.0.1", door[0].port, timeout=60))


def test_a_request_through_the_unix_socket(door):
    status, answer = complete(UnixConnection(door[1] / "mill.sock"))
    assert status == 200 and answer["usage"]["completion_tokens"] <= 2
    door[0].wait_for("request", lambda line: line.get("peer") == "unix")


@pytest.mark.parametrize("origin, allowed", [("https://page.example", True), ("https://other.example", False)])
def test_browsers_of_the_allowed_origin_are_let_in(door, origin, allowed):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization"}
    link = secure(door)
    link.request("OPTIONS", "/v1/completions", headers=asked)
    preflight = link.getresponse()
    preflight.read()
    assert preflight.status == (204 if allowed else 403)
    assert (preflight.headers["Access-Control-Allow-Origin"] == origin) == allowed
    assert (preflight.headers["Access-Control-Allow-Headers"] == "authorization") == allowed
    assert preflight.headers["X-Request-Id"]
    link.request("GET", "/health", headers={"Origin": origin})
    answer = link.getresponse()
    answer.read()
    assert (answer.headers["Access-Control-Allow-Origin"] == origin) == allowed


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_printed_line_works():
    with servers.Server(*SMALL, "--set", "log.format=text", wait=False) as server:
        line = server.wait_for_line("curl -s ")
        answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["choices"][0]["message"]["content"].strip()


def test_float32_serves_as_well(model):
    with servers.Server(*SMALL, "--compute", "float32") as server:
        status, answer = server.post("/v1/completions", {"model": model, "prompt": "Hi", "max_tokens": 3})
        assert status == 200 and answer["choices"][0]["finish_reason"]

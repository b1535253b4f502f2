"""Start, drain and end of the process, and what it says when it cannot start."""
import http.client
import json
import os
import signal
import socket
import threading
import time

import pytest

import server as servers

SMALL = ("--set", "engine.cache_bytes=256MiB", "--set", "engine.sequences_max=8")


def running_stream(server, tokens):
    """Starts a stream and collects it on a thread; returns the thread and the bytes so far."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    link.request("POST", "/v1/completions", json.dumps({
        "prompt": "Once upon a time", "max_tokens": tokens, "stream": True, "ignore_eos": True,
        "model": "SmolLM2-135M-Instruct.Q4_1"}), {"Content-Type": "application/json"})
    response = link.getresponse()
    assert response.status == 200
    got = [response.readline()]

    def collect():
        try:
            got.append(response.read())
        except (OSError, http.client.HTTPException):
            got.append(b"cut")

    thread = threading.Thread(target=collect)
    thread.start()
    return thread, got


def test_start_says_what_was_loaded(capfd):
    with servers.Server(*SMALL) as server:
        loaded = server.wait_for("loaded")
        ready = server.wait_for("ready")
        assert loaded["family"] and loaded["weights"] and loaded["cache"] and loaded["seconds"] > 0
        assert str(server.port) in ready["addresses"]


def test_a_second_start_uses_the_weights_that_the_first_packed(tmp_path):
    flags = (*SMALL, "--set", f"model.packed_folder={tmp_path}/packed")
    answers = []
    for packed in ("made", "reused", "made"):
        with servers.Server(*flags) as server:
            assert server.wait_for("loaded")["packed"] == packed
            answers.append(server.post("/v1/completions", {
                "prompt": "Once upon a time", "max_tokens": 16, "temperature": 0})[1]["choices"])
            if packed == "made":
                server.wait_for("kept packed weights for the next start")
        files = list((tmp_path / "packed").iterdir())
        assert len(files) == 1 and files[0].stat().st_mode & 0o777 == 0o600
        if packed == "reused":
            # A file of another length than it says is packed again, with a word about it.
            os.truncate(files[0], 5000)
    assert any("are not used" in line["message"] and line["level"] == "warning" for line in server.lines)
    assert answers[0] == answers[1] == answers[2]


def test_weights_that_cannot_be_kept_are_said_and_nothing_else_happens(tmp_path):
    (tmp_path / "file").write_text("")
    for flags, words in (((f"model.packed_folder={tmp_path}/file/x",), "cannot create"),
                         ((f"model.packed_folder={tmp_path}/small", "model.packed_bytes_max=1MiB"), "1.0 MiB")):
        with servers.Server(*SMALL, *(part for flag in flags for part in ("--set", flag))) as server:
            line = server.wait_for_line("packed weights are not kept")
            assert words in line
            assert server.get("/ready")[0] == 200


def test_sigterm_lets_streams_finish():
    with servers.Server(*SMALL) as server:
        thread, got = running_stream(server, 400)
        server.terminate()
        server.wait_for("draining")
        assert server.get("/health")[0] == 200
        assert server.get("/ready")[0] == 503
        status, headers, _ = server.request("POST", "/v1/completions", {"prompt": "x"})
        assert status == 503 and "retry-after" in headers
        thread.join(120)
        assert got[-1].rstrip().endswith(b"data: [DONE]")
        assert server.wait() == 0
        assert server.lines[-1]["message"] == "stopped"


def test_the_drain_is_bounded():
    with servers.Server(*SMALL, "--set", "service.drain_seconds_max=1") as server:
        thread, got = running_stream(server, 8000)
        start = time.monotonic()
        server.terminate()
        assert server.wait(30) == 0
        assert time.monotonic() - start < 15
        thread.join(30)
        events = got[-1].rstrip().split(b"\n\n")
        assert events[-1] == b"data: [DONE]"
        assert json.loads(events[-2][6:])["error"]["code"] == "shutting_down"


def test_a_second_sigterm_stops_at_once():
    with servers.Server(*SMALL) as server:
        thread, _ = running_stream(server, 8000)
        server.terminate()
        server.wait_for("draining")
        start = time.monotonic()
        server.terminate()
        assert server.wait(10) == 128 + signal.SIGTERM
        assert time.monotonic() - start < 5
        thread.join(30)


def test_a_sigterm_while_the_model_loads_ends_at_once():
    for _ in range(10):
        with servers.Server(*SMALL, wait=False) as server:
            server.wait_for("listening")
            server.terminate()
            code = server.wait(10)
            # The model may have been loaded before the signal was sent: then this try shows nothing.
            if any(line["message"] == "ready" for line in server.lines):
                continue
            assert code == 128 + signal.SIGTERM
            assert not any(line["message"] == "draining" for line in server.lines)
            return
    pytest.fail("the model was loaded before the signal, ten times")


def test_a_port_in_use_is_said_and_ends():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = servers.run("serve", "--model", servers.MODEL, "--port", port)
    assert result.returncode == 1
    assert f"127.0.0.1:{port} is in use" in result.stderr and "--port" in result.stderr


@pytest.mark.parametrize("damage", ["truncated", "lying", "empty", "absent", "text"])
def test_a_corrupt_model_is_said_and_ends(tmp_path, damage):
    path = tmp_path / "damaged.gguf"
    whole = servers.MODEL.read_bytes()[:3 << 20]
    if damage == "truncated":
        path.write_bytes(whole)
    elif damage == "lying":
        path.write_bytes(whole[:8] + b"\xff" * 16 + whole[24:])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("this is no model\n" * 100)
    result = servers.run("serve", "--model", path, "--port", 0)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("tokenmill: ") and "damaged.gguf" in last
    for command in (["inspect", path], ["chat", "--model", path]):
        assert servers.run(*command).returncode == 1


def test_a_folder_without_a_model_is_said_and_ends(tmp_path):
    result = servers.run("serve", "--model", tmp_path, "--port", 0)
    assert result.returncode == 1 and str(tmp_path) in result.stderr


def test_too_little_memory_for_the_cache_is_said():
    result = servers.run("serve", "--model", servers.MODEL, "--port", 0, "--set", "engine.cache_bytes=1MiB")
    assert result.returncode == 1 and "cache" in result.stderr
    result = servers.run("serve", "--model", servers.MODEL, "--port", 0, "--set",
                         "engine.cache_bytes=15000GiB")
    assert result.returncode == 1 and "engine.cache_bytes" in result.stderr


def test_wrong_settings_are_said_with_their_place(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("listen:\n  prot: 1\n")
    result = servers.run("serve", "--model", servers.MODEL, "--config", path)
    assert result.returncode == 1
    assert f"{path}:2:3" in result.stderr and "listen.port" in result.stderr


def test_an_endpoint_for_another_model_is_said_with_its_place(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("endpoints:\n  - name: team\n    model: other\n")
    result = servers.run("serve", "--model", servers.MODEL, "--config", path)
    assert result.returncode == 1
    assert f"{path}:3:12" in result.stderr and "'other'" in result.stderr and "'team'" in result.stderr


def test_a_wrong_command_line_is_code_two():
    assert servers.run("serve", "--frobnicate").returncode == 2
    assert servers.run("serve", "--port", "x").returncode == 2
    assert servers.run("nothing").returncode == 2
    assert servers.run("--help").returncode == 0
    assert servers.run("serve", "--help").returncode == 0
    assert servers.run("--version").stdout.strip()


def test_endpoints_keys_and_sockets_from_settings(tmp_path):
    path = tmp_path / "settings.yaml"
    socket_path = tmp_path / "mill.sock"
    path.write_text(f"""
listen: {{unix_socket: "{socket_path}"}}
engine: {{cache_bytes: 256MiB, sequences_max: 8}}
api_keys:
  - {{name: blue, secret: s3cret}}
endpoints:
  - name: team
    scaling: {{min_replicas: 0, max_replicas: 3, load_targets: {{requests_per_second: 2}}}}
""")
    with servers.Server("--config", path) as server:
        assert os.path.exists(socket_path)
        assert server.get("/v1/models")[0] == 401
        key = {"Authorization": "Bearer s3cret"}
        status, _, answer = server.request("GET", "/v1/models", headers=key)
        assert status == 200 and json.loads(answer)["data"][0]["id"] == "team"
        status, _, answer = server.request("GET", "/v0/dedicated_endpoints", headers=key)
        endpoint = json.loads(answer)["data"][0]
        assert endpoint["name"] == "team" and endpoint["scaling"]["max_replicas"] == 3
        status, _, answer = server.request("POST", "/v1/completions", {
            "model": "team", "prompt": "Hi", "max_tokens": 2}, headers=key)
        assert status == 200, answer

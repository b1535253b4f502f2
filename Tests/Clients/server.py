"""A tokenmill process for tests: started on a free port, watched through its JSON log, stopped for certain."""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("TOKENMILL_BINARY", str(ROOT / ".build-test" / "release" / "tokenmill"))
MODELS = pathlib.Path(os.environ.get("TOKENMILL_MODELS", ROOT / ".models"))
MODEL = MODELS / "SmolLM2-135M-Instruct.Q4_1.gguf"
START_SECONDS_MAX = 120


def environment():
    """The caller's environment without settings of its own, leaving nothing in the caller's cache."""
    kept = {"TOKENMILL_MODELS", "TOKENMILL_CONFORMANCE"}
    return {"TOKENMILL_MODEL_PACKED_FOLDER": "off"} | {
        key: value for key, value in os.environ.items() if not key.startswith("TOKENMILL_") or key in kept}


def run(*arguments, timeout=120, stdin=subprocess.DEVNULL, **more):
    """Runs a tokenmill command to its end."""
    if "input" in more:
        stdin = None
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          stdin=stdin, env=environment(), **more)


class Server:
    """Use as a context manager; `port` is known once it is ready."""

    def __init__(self, *arguments, model=MODEL, wait=True, port=0, prepare=None):
        command = [BINARY, "serve", "--model", str(model), "--port", str(port), "--set", "log.format=json",
                   *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, env=environment(), preexec_fn=prepare)
        self.lines = []
        self.port = None
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        if wait:
            self.wait_for("ready")

    def _read(self):
        for line in self.process.stderr:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"message": line.rstrip("\n"), "level": "raw"}
            with self._news:
                found = re.search(r"https?://[^ ]*:(\d+)", event.get("address", ""))
                if event["message"] == "listening" and found:
                    self.port = int(found.group(1))
                self.lines.append(event)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, message, fits=lambda line: True, timeout=START_SECONDS_MAX):
        """The first log line with this message that fits."""
        return self._wait(message, lambda line: line["message"] == message and fits(line), timeout)

    def wait_for_line(self, beginning, timeout=START_SECONDS_MAX):
        """The first line of any kind that begins so."""
        return self._wait(beginning, lambda line: line["message"].startswith(beginning), timeout)["message"]

    def _wait(self, message, fits, timeout):
        def found():
            return next((line for line in self.lines if fits(line)), None)

        deadline = time.monotonic() + timeout
        with self._news:
            while found() is None:
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None
                assert left > 0, f"no '{message}' within {timeout} s: {self.lines}"
                assert not ended or found(), f"ended with {self.process.returncode}: {self.lines}"
                self._news.wait(min(left, 0.2))
            return found()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, headers=None, timeout=300):
        """Status, headers (lower-case names) and body of one request on its own connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                headers = {"Content-Type": "application/json", **(headers or {})}
            try:
                connection.request(method, path, body, headers or {})
            except (BrokenPipeError, ConnectionResetError):
                pass  # a refused body need not be taken whole; the answer is there all the same
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def post(self, path, body):
        """Status and parsed answer."""
        status, _, answer = self.request("POST", path, body)
        return status, json.loads(answer)

    def get(self, path):
        status, _, answer = self.request("GET", path)
        return status, json.loads(answer)

    def metrics(self):
        """Each sample's value, summed over its labels."""
        _, _, page = self.request("GET", "/metrics")
        values = {}
        for line in page.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = name.split("{", 1)[0]
                values[name] = values.get(name, 0.0) + float(value)
        return values

    def wait_until_idle(self, timeout=60):
        """Until nothing runs or waits and every page is back; returns the last figures."""
        names = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
        deadline = time.monotonic() + timeout
        while True:
            metrics = self.metrics()
            figures = {name: metrics[name] for name in names}
            if not any(figures.values()):
                return metrics
            assert time.monotonic() < deadline, f"not idle after {timeout} s: {figures}"
            time.sleep(0.02)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=60):
        return self.process.wait(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

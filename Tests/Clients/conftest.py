import openai
import pytest

import schema
import server as servers


@pytest.fixture(scope="session")
def server():
    """One server for all tests that leave it as they found it."""
    with servers.Server("--set", "engine.cache_bytes=1GiB") as running:
        yield running


@pytest.fixture(scope="session")
def model(server):
    return server.get("/v1/models")[1]["data"][0]["id"]


@pytest.fixture()
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=300,
                       _strict_response_validation=True) as made:
        yield made


@pytest.fixture()
def lenient(server):
    """A client that takes answers as OpenAI's own service sends them and its types forbid: null for the
    `finish_reason` of a completion's chunk that is not the last, null for the first echoed logprob."""
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=300) as made:
        yield made


@pytest.fixture()
def idle(server):
    """After the test nothing may be left running."""
    yield
    server.wait_until_idle()


def pytest_terminal_summary(terminalreporter):
    if schema.checked:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(schema.checked.items()))
        terminalreporter.write_line(
            f"conformance openapi: {sum(schema.checked.values())} answers valid ({counts})")
    else:
        terminalreporter.write_line(f"conformance openapi: skipped, nothing at {schema.FILE}")

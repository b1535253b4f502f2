"""The commands that run without a server."""
import json

import server as servers

MODEL = ("--model", servers.MODEL, "--set", "engine.cache_bytes=256MiB")


def test_inspect_tells_what_is_in_the_file():
    result = servers.run("inspect", servers.MODEL)
    assert result.returncode == 0, result.stderr
    for part in ("GGUF", "q4_1", "49152", "8192", "memory for one full context"):
        assert part in result.stdout, part
    answer = json.loads(servers.run("inspect", servers.MODEL, "--json", "--tensors").stdout)
    assert answer["model"]["layers"] == 30 and answer["file"]["tensors"] == 272
    assert answer["tensors"]["token_embd.weight"] == "q8_0 [49152 x 576]"


def test_chat_reads_from_a_pipe():
    results = [servers.run("chat", *MODEL, "--temperature", "0", "--max-tokens", "16",
                           input="What is the capital of France?\n/reset\n/exit\n") for _ in range(2)]
    for result in results:
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip()
    assert results[0].stdout == results[1].stdout


def test_perplexity_of_a_text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("It was the best of times, it was the worst of times. " * 40)
    result = servers.run("eval", "perplexity", *MODEL, "--text", path, "--window", 128, "--json")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert 1 < answer["perplexity"] < 20 and answer["windows"] > 1
    again = json.loads(servers.run("eval", "perplexity", *MODEL, "--text", path, "--window", 128,
                                   "--json").stdout)
    assert again["perplexity"] == answer["perplexity"]


def test_bench_gives_a_table_and_json():
    short = ("--prompt", "64", "--streams", "1,2", "--stream-prompt", "16", "--generate", "8", "--rounds", "2")
    result = servers.run("bench", *MODEL, *short)
    assert result.returncode == 0 and "tokens/s" in result.stdout, result.stderr
    answer = json.loads(servers.run("bench", *MODEL, *short, "--json").stdout)
    kinds = [(row["kind"], row["streams"]) for row in answer["results"]]
    assert kinds == [("prompt", 1), ("prompt", 1), ("generate", 1), ("prompt", 2), ("generate", 2)]
    assert all(row["tokens_per_second"] > 0 and len(row["rounds"]) == 2 for row in answer["results"])

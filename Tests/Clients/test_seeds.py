"""The same request and seed give the same text: alone, in a crowd, and after a prefix hit."""
import asyncio

import openai

STREAMS = 64


def test_equal_alone_and_among_sixty_four(server, client, model, idle):
    requests = [
        dict(model=model, prompt=f"Story number {index}: once there was" + " a very" * (index % 7),
             seed=index, temperature=0.8, max_tokens=24)
        for index in range(STREAMS)
    ]
    sample = [0, 7, 33, 63]
    alone = {index: client.completions.create(**requests[index]).choices[0].text for index in sample}

    async def together():
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0,
                                      timeout=600) as many:
            return await asyncio.gather(*(many.completions.create(**request) for request in requests))

    crowd = [answer.choices[0].text for answer in asyncio.run(together())]
    assert len(set(crowd)) > STREAMS // 2
    for index in sample:
        assert crowd[index] == alone[index], f"request {index} differs in the crowd"


def test_equal_with_and_without_a_prefix_hit(server, model, idle):
    body = {"model": model, "prompt": "A long way to go. " * 30 + "And then", "seed": 9, "temperature": 1.0,
            "max_tokens": 24}
    answers = [server.post("/v1/completions", {**body, "cache_salt": "seeds"})[1] for _ in range(2)]
    cached = [answer["usage"]["prompt_tokens_details"]["cached_tokens"] for answer in answers]
    assert cached[0] == 0 and cached[1] > 0
    assert answers[0]["choices"][0]["text"] == answers[1]["choices"][0]["text"]


def test_different_seeds_differ(client, model):
    texts = {client.completions.create(model=model, prompt="Once", seed=seed, temperature=1.0,
                                       max_tokens=16).choices[0].text for seed in range(4)}
    assert len(texts) > 1

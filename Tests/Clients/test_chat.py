"""Chat completions, with the real client and against the published schema."""
import json

import schema

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]


def test_an_answer_makes_sense(client, model):
    answer = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=16)
    assert "Paris" in answer.choices[0].message.content
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.model == model
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens <= 16


def test_answers_follow_the_published_schema(server, model):
    bodies = [
        {},
        {"n": 3, "seed": 4},
        {"logprobs": True, "top_logprobs": 5},
        {"stop": ["."], "max_completion_tokens": 30},
        {"presence_penalty": 0.5, "frequency_penalty": 0.5, "logit_bias": {"5": -100}, "user": "u"},
    ]
    for extra in bodies:
        status, answer = server.post("/v1/chat/completions", {
            "model": model, "messages": QUESTION, "max_tokens": 12, **extra})
        assert status == 200, answer
        if "max_completion_tokens" not in extra:
            assert len(answer["choices"]) == extra.get("n", 1)
        schema.check("CreateChatCompletionResponse", answer)


def stream(server, body):
    """The events of a streamed answer, raw."""
    status, headers, bytes_ = server.request("POST", "/v1/chat/completions", {**body, "stream": True})
    assert status == 200, bytes_
    assert headers["content-type"].startswith("text/event-stream")
    events = [event for event in bytes_.decode().split("\n\n") if event]
    assert events[-1] == "data: [DONE]"
    chunks = []
    for event in events[:-1]:
        assert event.startswith("data: ")
        chunks.append(json.loads(event[6:]))
    return chunks


def test_streamed_chunks_follow_the_published_schema(server, model):
    chunks = stream(server, {"model": model, "messages": QUESTION, "max_tokens": 12, "n": 2, "seed": 1,
                             "logprobs": True, "top_logprobs": 2,
                             "stream_options": {"include_usage": True}})
    for chunk in chunks:
        schema.check("CreateChatCompletionStreamResponse", chunk)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] > 0
    finished = [choice["index"] for chunk in chunks for choice in chunk["choices"]
                if choice["finish_reason"]]
    assert sorted(finished) == [0, 1]


def test_streamed_and_whole_answers_are_equal(client, model):
    request = dict(model=model, messages=[{"role": "user", "content": "Tell a story about a fox."}],
                   seed=11, temperature=0.9, max_tokens=48, n=2)
    whole = client.chat.completions.create(**request)
    texts, reasons, roles = {0: "", 1: ""}, {}, {}
    for chunk in client.chat.completions.create(**request, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            roles[choice.index] = roles.get(choice.index) or choice.delta.role
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
    for choice in whole.choices:
        assert texts[choice.index] == choice.message.content
        assert reasons[choice.index] == choice.finish_reason
        assert roles[choice.index] == "assistant"
    assert texts[0] != texts[1]


def test_logprobs_are_sorted_and_belong_to_the_text(client, model):
    answer = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=8,
                                            logprobs=True, top_logprobs=4)
    choice = answer.choices[0]
    # The end token is reported too, and is no part of the text.
    said = b"".join(bytes(token.bytes) for token in choice.logprobs.content)
    assert said.decode().startswith(choice.message.content)
    for token in choice.logprobs.content:
        assert len(token.top_logprobs) == 4
        values = [entry.logprob for entry in token.top_logprobs]
        assert values == sorted(values, reverse=True)
        assert max(values) <= 0 and token.logprob == values[0]


def test_stop_strings_end_the_answer_and_stay_out_of_it(client, model):
    request = dict(model=model, messages=[{"role": "user", "content": "Count from 1 to 9."}],
                   temperature=0, max_tokens=60)
    whole = client.chat.completions.create(**request).choices[0].message.content
    assert len(whole) > 8
    stop = whole[4:7]
    answer = client.chat.completions.create(**request, stop=[stop]).choices[0]
    assert answer.message.content == whole[:whole.index(stop)]
    assert answer.finish_reason == "stop"
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in
                       client.chat.completions.create(**request, stop=[stop], stream=True) if chunk.choices)
    assert streamed == answer.message.content


def test_a_conversation_goes_on_from_the_prefix_cache(client, model):
    messages = [{"role": "system", "content": "You are a patient teacher of history. " * 20},
                {"role": "user", "content": "Who was Napoleon?"}]
    first = client.chat.completions.create(model=model, messages=messages, max_tokens=16, temperature=0)
    messages += [{"role": "assistant", "content": first.choices[0].message.content},
                 {"role": "user", "content": "Go on."}]
    second = client.chat.completions.create(model=model, messages=messages, max_tokens=4, temperature=0)
    assert second.usage.prompt_tokens_details.cached_tokens > 50
    assert second.usage.prompt_tokens_details.cached_tokens < second.usage.prompt_tokens


def test_extensions_are_taken(client, model):
    answer = client.chat.completions.create(
        model=model, messages=QUESTION, max_tokens=8, temperature=0,
        extra_body={"top_k": 5, "min_p": 0.01, "repetition_penalty": 1.1, "return_token_ids": True})
    assert answer.choices[0].message.content

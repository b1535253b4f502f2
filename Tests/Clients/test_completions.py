"""Plain completions: prompts of every form, echo, logprobs, usage."""
import schema

PROMPT = "The capital of France is"


def test_an_answer_makes_sense(client, model):
    answer = client.completions.create(model=model, prompt=PROMPT, temperature=0, max_tokens=4)
    assert "Paris" in answer.choices[0].text
    assert answer.usage.prompt_tokens == 5


def test_every_form_of_prompt_gives_the_same(server, client, model):
    tokens = server.post("/tokenize", {"model": model, "prompt": PROMPT})[1]["tokens"]
    assert tokens == [504, 3575, 282, 4649, 314]
    texts = {client.completions.create(model=model, prompt=form, temperature=0, max_tokens=8).choices[0].text
             for form in (PROMPT, [PROMPT], tokens, [tokens])}
    assert len(texts) == 1


def test_several_prompts_and_choices_come_in_order(client, model):
    prompts = [PROMPT, "1, 2, 3, 4,"]
    answer = client.completions.create(model=model, prompt=prompts, n=2, temperature=0, max_tokens=6)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    texts = [choice.text for choice in answer.choices]
    assert texts[0] == texts[1] and texts[2] == texts[3] and texts[0] != texts[2]
    assert answer.usage.completion_tokens == 24


def test_echo_and_logprobs_cover_the_prompt(lenient, model):
    answer = lenient.completions.create(model=model, prompt=PROMPT, echo=True, logprobs=2, temperature=0,
                                       max_tokens=3)
    choice = answer.choices[0]
    assert choice.text.startswith(PROMPT)
    assert len(choice.logprobs.tokens) == 8
    assert choice.logprobs.token_logprobs[0] is None
    assert all(value <= 0 for value in choice.logprobs.token_logprobs[1:])
    assert "".join(choice.logprobs.tokens) == choice.text
    assert choice.logprobs.text_offset[0] == 0


def test_answers_follow_the_published_schema(server, model):
    for extra in ({}, {"n": 2}, {"logprobs": 3}, {"stop": "\n"}, {"suffix": None}, {"best_of": 1}):
        status, answer = server.post("/v1/completions", {
            "model": model, "prompt": PROMPT, "max_tokens": 8, **extra})
        assert status == 200, answer
        schema.check("CreateCompletionResponse", answer)


def test_streamed_and_whole_answers_are_equal(client, lenient, model):
    request = dict(model=model, prompt="Once upon a time", seed=5, temperature=1.0, max_tokens=40)
    whole = client.completions.create(**request).choices[0].text
    parts = [chunk.choices[0].text for chunk in lenient.completions.create(**request, stream=True)
             if chunk.choices]
    assert "".join(parts) == whole
    assert len(parts) > 5


def test_unicode_arrives_whole(client, lenient, model):
    request = dict(model=model, prompt="Emoji: 😀 😃 😄 😁 日本語 中文 한국어 😀 😃 😄 😁", seed=3, max_tokens=40,
                   temperature=0.3)
    whole = client.completions.create(**request).choices[0].text
    parts = [chunk.choices[0].text for chunk in lenient.completions.create(**request, stream=True)
             if chunk.choices]
    assert "".join(parts) == whole


def test_prompt_logprobs_come_with_every_token_but_the_first(server, model):
    status, answer = server.post("/v1/completions", {
        "model": model, "prompt": PROMPT, "max_tokens": 1, "prompt_logprobs": 1, "temperature": 0})
    assert status == 200, answer
    logprobs = answer["choices"][0]["prompt_logprobs"]
    assert len(logprobs) == 5 and logprobs[0] is None and all(logprobs[1:])


def test_token_ids_are_returned_when_asked_for(server, model):
    status, answer = server.post("/v1/completions", {
        "model": model, "prompt": PROMPT, "max_tokens": 4, "return_token_ids": True, "temperature": 0})
    assert status == 200, answer
    ids = answer["choices"][0]["token_ids"]
    assert len(ids) == 4
    status, text = server.post("/detokenize", {"model": model, "tokens": ids})
    assert status == 200 and text["prompt"] == answer["choices"][0]["text"]

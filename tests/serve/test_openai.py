"""The official client talks to it as to any other server of its kind."""

from __future__ import annotations

import openai
import pytest


@pytest.fixture
def ai(client):
    client.base_url = "http://127.0.0.1:8377"
    return openai.OpenAI(base_url="http://127.0.0.1:8377/v1", api_key="none", http_client=client, max_retries=0)


def _say(ai, text, **more):
    return ai.chat.completions.create(model="hippo", messages=[{"role": "user", "content": text}], **more)


def test_what_is_told_is_answered_with_its_source(ai):
    told = _say(ai, "Ana works at the clinic.")
    assert told.hippo["outcomes"][0]["kind"] == "stored"
    answer = _say(ai, "Where does Ana work?")
    assert "clinic" in answer.choices[0].message.content.lower()
    assert answer.choices[0].finish_reason == "stop"
    assert [s["text"] for s in answer.hippo["sources"]] == ["Ana works at the clinic."]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_the_stream_says_the_same_as_the_whole(ai):
    asked = {"max_tokens": 8, "seed": 3, "temperature": 1.0, "extra_body": {"metadata": {"memory": "off"}}}
    whole = _say(ai, "Write a line about rain.", **asked)
    chunks = list(_say(ai, "Write a line about rain.", stream=True, stream_options={"include_usage": True}, **asked))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == whole.choices[0].finish_reason


def test_user_selects_the_memory_and_off_is_off(ai):
    _say(ai, "Ana works at the clinic.", user="ana")
    assert "clinic" in _say(ai, "Where does Ana work?", user="ana").choices[0].message.content.lower()
    other = _say(ai, "Where does Ana work?", user="ben", max_tokens=4)
    assert other.hippo["sources"] == []
    off = _say(ai, "Where does Ana work?", user="ana", max_tokens=4, extra_headers={"X-Hippo-Memory": "off"})
    assert (off.hippo["memory"], off.hippo["sources"], off.hippo["outcomes"]) == ("off", [], [])


def test_errors_are_those_of_the_client(ai):
    with pytest.raises(openai.NotFoundError, match="does not exist") as unknown:
        ai.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hi"}])
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.UnprocessableEntityError, match="messages"):
        ai.chat.completions.create(model="hippo", messages=[])
    with pytest.raises(openai.BadRequestError, match="user's"):
        ai.chat.completions.create(model="hippo", messages=[{"role": "assistant", "content": "hi"}])
    with pytest.raises(openai.BadRequestError, match="maybe"):
        _say(ai, "hi", extra_body={"metadata": {"memory": "maybe"}})


def test_models_and_embeddings(ai):
    names = [m.id for m in ai.models.list()]
    assert ai.models.retrieve(names[1]).id == names[1]
    vectors = ai.embeddings.create(model="hippo", input=["a red boat", "a red boat", "the tax law"]).data
    first, again, other = (v.embedding for v in vectors)
    assert first == again
    assert sum(x * y for x, y in zip(first, other, strict=True)) < 0.9
    assert sum(x * x for x in first) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        ai.embeddings.create(model="hippo", input="x", dimensions=7)

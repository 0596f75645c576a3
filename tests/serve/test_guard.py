"""What a request must be like before anything reads it."""

from __future__ import annotations

import pytest

from hippo_mem.serve.guard import Guard, Limits


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8377", "", "127.0.0.1.evil.example", "[::2]:8377"])
def test_a_name_that_is_not_ours_is_refused(client, host):
    answer = client.get("/health", headers={"host": host})
    assert answer.status_code == 403
    assert "not served here" in answer.json()["error"]["message"]


@pytest.mark.parametrize("host", ["127.0.0.1:8377", "localhost:8377", "[::1]:8377", "LOCALHOST:8377"])
def test_our_names_are_served(client, host):
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:9999", "null", "http://localhost.evil.example:8377", "file://"]
)
def test_a_page_of_another_site_is_refused(client, origin):
    refused = client.post("/api/memories", json={"text": "Eve was here."}, headers={"origin": origin})
    assert refused.status_code == 403
    assert client.get("/api/memories").json()["memories"] == []


def test_our_own_page_is_served(client):
    assert client.get("/health", headers={"origin": "http://localhost:8377"}).status_code == 200


def test_a_body_beyond_the_limit_is_refused_whether_it_says_so_or_not(serve):
    client = serve(limits=Limits(body_bytes=1000))
    text = {"text": "x" * 2000}
    assert client.post("/api/memories", json=text).status_code == 413
    pieces = (piece for piece in [b'{"text": "', b"x" * 2000, b'"}'])
    refused = client.post("/api/memories", content=pieces, headers={"content-type": "application/json"})
    assert refused.status_code == 413
    assert "1,000 bytes" in refused.json()["error"]["message"]
    assert client.get("/api/memories").json()["memories"] == []


def test_a_file_may_be_larger_than_other_bodies(serve):
    client = serve(limits=Limits(body_bytes=1000, file_bytes=100_000))
    client.post("/api/memories", json={"text": "Ana works at the clinic.", "pin": True})
    export = client.get("/api/export").content
    assert len(export) > 1000
    taken = client.post("/api/import", files={"file": ("x.jsonl", export)}, headers={"X-Hippo-User": "ben"})
    assert taken.status_code == 201, taken.text
    large = client.post("/api/import", files={"file": ("x.jsonl", b" " * 100_000)}, headers={"X-Hippo-User": "ben"})
    assert (large.status_code, "100,000 bytes" in large.json()["error"]["message"]) == (413, True)


def test_a_client_that_asks_too_often_is_told_when_to_come_back(serve):
    client = serve(limits=Limits(rate_per_s=0.001, burst=3))
    codes = [client.get("/health").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    assert client.get("/health").headers["retry-after"] == "1"


def test_the_bucket_fills_with_time():
    import asyncio

    now, sent = [0.0], []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def note(message):
        sent.append(message.get("status"))

    guard = Guard(app, hosts=frozenset({"a"}), limits=Limits(rate_per_s=1.0, burst=1), clock=lambda: now[0])
    scope = {"type": "http", "path": "/", "headers": [(b"host", b"a")], "client": ("1.2.3.4", 5)}
    for at in (0.0, 0.5, 1.6):
        now[0] = at
        asyncio.run(guard(scope, None, note))
    assert [s for s in sent if s] == [200, 429, 200]


def test_answers_say_what_a_page_may_load(client):
    headers = client.get("/health").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in headers["content-security-policy"]

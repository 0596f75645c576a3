"""The REST API does to a memory what its OpenAPI page says."""

from __future__ import annotations

import json

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.home import open_home
from hippo_mem.storage.snapshot import restore, snapshot


def _tell(client, text, **more):
    answer = client.post("/api/memories", json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["outcomes"][0]


def test_told_recalled_changed_and_forgotten(client):
    told = _tell(client, "Ana works at the clinic.", source="diary")
    assert told["kind"] == "stored"
    found = client.post("/api/recall", json={"cue": "Where does Ana work?"}).json()
    assert found["hits"][0]["trace"]["text"] == "Ana works at the clinic."
    assert found["hits"][0]["trace"]["provenance"]["source"] == "diary"
    one = client.get(f"/api/memories/{told['trace_id']}").json()
    assert [(f["head"], f["relation"], f["tail"]) for f in one["facts"]] == [("Ana", "works_at", "clinic")]

    new = client.patch(f"/api/memories/{told['trace_id']}", json={"text": "Ana works at the school.", "pin": True})
    assert new.json()["memory"]["salience"]["pin"] is True
    answer = client.post("/api/answer", json={"question": "Where does Ana work?"}).json()
    assert (answer["text"], answer["details"]["decided_by"]) == ("school", "graph")
    assert client.get(f"/api/memories/{told['trace_id']}").json()["memory"]["valid_to"] is not None

    assert client.delete(f"/api/memories/{new.json()['memory']['id']}").json() == {"forgotten": 1}
    assert client.delete("/api/memories", params={"source": "diary"}).json() == {"forgotten": 1}
    assert client.get("/api/memories").json() == {"memories": [], "next": None}


def test_a_batch_is_stored_whole_or_not_at_all(client):
    good = [{"text": f"Fact number {i} is about item {i}."} for i in range(3)]
    assert len(client.post("/api/memories/batch", json={"memories": good}).json()["outcomes"]) == 3
    bad = [{"text": "The lamp is green."}, {"text": "   "}]
    refused = client.post("/api/memories/batch", json={"memories": bad})
    assert refused.status_code == 400
    assert "event 1" in refused.json()["error"]["message"]
    assert len(client.get("/api/memories").json()["memories"]) == 3


def test_pages_of_memories_go_back_in_time_without_gaps(client):
    texts = [f"The {name} is kept in drawer {i}." for i, name in enumerate(["saw", "map", "kite", "lens", "flute"])]
    client.post("/api/memories/batch", json={"memories": [{"text": t, "pin": True} for t in texts]})
    seen, before = [], None
    while True:
        page = client.get("/api/memories", params={"limit": 2, **({"before": before} if before else {})}).json()
        seen += [m["text"] for m in page["memories"]]
        before = page["next"]
        if before is None:
            break
    assert seen == texts[::-1]
    only = client.get("/api/memories", params={"contains": "KITE"}).json()["memories"]
    assert [m["text"] for m in only] == [texts[2]]
    assert client.get("/api/memories", params={"contains": "%"}).json()["memories"] == []


def test_facts_can_be_put_right_and_taken_back(client):
    _tell(client, "Ana works at the clinic.")
    (fact,) = client.get("/api/facts", params={"about": "Ana"}).json()["facts"]
    edited = client.patch(f"/api/facts/{fact['id']}", json={"tail": "bakery"}).json()["fact"]
    assert edited["tail"] == "bakery"
    drawn = client.get("/api/graph").json()
    assert {n["name"] for n in drawn["nodes"]} == {"Ana", "bakery"}
    assert client.delete(f"/api/facts/{edited['id']}").status_code == 200
    assert client.get("/api/facts").json()["facts"] == []
    assert client.post(f"/api/facts/{edited['id']}/reopen").status_code == 200
    history = client.get("/api/facts", params={"history": True}).json()["facts"]
    assert {f["tail"] for f in history} == {"clinic", "bakery"}


def test_what_was_refused_can_be_seen_and_kept(client):
    assert _tell(client, "Thank you!")["kind"] == "gated"
    (refused,) = client.get("/api/refused").json()["refused"]
    assert refused["event"]["text"] == "Thank you!"
    kept = client.post(f"/api/refused/{refused['id']}/keep")
    assert (kept.status_code, kept.json()["memory"]["salience"]["pin"]) == (201, True)
    assert client.get("/api/refused").json() == {"refused": []}
    assert client.post(f"/api/refused/{refused['id']}/keep").status_code == 404


def test_the_map_shows_the_way(client):
    _tell(client, "The kitchen is north of the hallway. The garden is east of the hallway.")
    way = client.post("/api/route", json={"start": "kitchen", "goal": "garden"}).json()
    assert way["places"] == ["kitchen", "hallway", "garden"]
    missing = client.post("/api/route", json={"start": "kitchen", "goal": "attic"})
    assert (missing.status_code, "attic" in missing.json()["error"]["message"]) == (400, True)


def test_everything_goes_out_and_comes_in_again(client):
    _tell(client, "Ana works at the clinic.")
    export = client.get("/api/export")
    assert "attachment" in export.headers["content-disposition"]
    other = {"X-Hippo-User": "ben"}
    assert client.get("/api/memories", headers=other).json()["memories"] == []
    taken = client.post("/api/import", files={"file": ("x.jsonl", export.content)}, headers=other)
    assert taken.status_code == 201, taken.text
    assert [m["text"] for m in client.get("/api/memories", headers=other).json()["memories"]] == [
        "Ana works at the clinic."
    ]
    cut = client.post(
        "/api/import", files={"file": ("x.jsonl", export.content[:-200])}, headers={"X-Hippo-User": "cat"}
    )
    assert cut.status_code == 400
    assert client.get("/api/memories", headers={"X-Hippo-User": "cat"}).json()["memories"] == []


def test_one_user_never_sees_another(serve, house):
    _, ana = house.access.tokens.issue("ana")
    _, ben = house.access.tokens.issue("ben")
    client = serve(open=False)
    as_ana, as_ben = ({"authorization": f"Bearer {t}"} for t in (ana, ben))
    client.post("/api/memories", json={"text": "The safe's number is 8841."}, headers=as_ana)
    assert len(client.get("/api/memories", headers=as_ana).json()["memories"]) == 1
    assert client.get("/api/memories", headers=as_ben).json()["memories"] == []
    assert client.get("/api/memories", headers=as_ben, params={"user": "ana"}).status_code == 403
    assert client.get("/api/memories", headers={**as_ben, "X-Hippo-User": "ana"}).status_code == 403
    for path in ("/api/status", "/api/export", "/v1/models", "/mcp", "/api/schedule", "/"):
        assert client.get(path).status_code == 401, path


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "/api/memories", {"text": ""}, 422),
        ("post", "/api/memories", {"text": "x", "sourse": "me"}, 422),
        ("post", "/api/memories", {"text": "x", "time": "yesterday"}, 422),
        ("get", "/api/memories/999", None, 404),
        ("delete", "/api/memories/999", None, 404),
        ("delete", "/api/memories", None, 400),
        ("patch", "/api/facts/999", {"tail": "x"}, 404),
        ("post", "/api/nights/undo", None, 400),
        ("delete", "/api/sleep", None, 400),
        ("get", "/api/nights/7/report", None, 404),
        ("put", "/api/schedule", {"at": "25:00"}, 422),
        ("get", "/api/nothing", None, 404),
        ("get", "/api/memories?user=..%2Fana", None, 400),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(client, method, path, body, status):
    answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "sent", "words"),
    [
        ("POST", "/api/memories", {"content": b"x", "headers": {"content-type": "application/json"}}, "not JSON"),
        ("POST", "/api/memories", {"data": {"text": "hello"}}, "application/json"),
        ("POST", "/api/memories", {"json": ["hello"]}, "JSON object"),
        ("GET", "/api/nothing", {}, "nothing at /api/nothing"),
        ("PUT", "/api/memories", {}, "PUT cannot be used"),
        ("POST", "/v1/chat/completions",
         {"json": {"model": "hippo", "messages": [{"role": "user", "content": "hi"}], "tools": [1]}}, "not offered"),
    ],
)  # fmt: skip
def test_what_was_sent_wrongly_is_said_in_plain_words(client, method, path, sent, words):
    answer = client.request(method, path, **sent)
    assert 400 <= answer.status_code < 500
    assert words in answer.json()["error"]["message"]


def test_the_schedule_is_kept(client):
    assert client.get("/api/schedule").json() == {"at": None, "when_full": True, "capacity": 50}
    client.put("/api/schedule", json={"at": "03:30", "capacity": 20})
    assert client.get("/api/schedule").json() == {"at": "03:30", "when_full": True, "capacity": 20}


def test_the_openapi_page_loads_nothing_from_elsewhere(client):
    page = client.get("/api/docs").text
    assert "/api/docs-assets/swagger-ui-bundle.js" in page
    assert "cdn" not in page
    assert client.get("/api/docs-assets/swagger-ui-bundle.js").status_code == 200
    json.loads(client.get("/api/openapi.json").text)


def test_a_question_longer_than_the_model_takes_is_refused_and_the_next_is_answered(client):
    _tell(client, "Ana works at the clinic.")
    refused = client.post("/api/answer", json={"question": "0" * 16_000})
    assert refused.status_code == 400
    assert "tokens, " in refused.json()["error"]["message"]
    assert client.post("/api/answer", json={"question": "Where does Ana work?"}).json()["text"] == "clinic"


def test_after_a_restore_by_another_process_the_next_request_is_answered(client, house, tmp_path):
    _tell(client, "Bob works at the mill.")
    home = open_home(house.people.root, "default")
    with Awake.open(home.root, "default", embedder=HashingEmbedder()) as other:
        snapshot(other.database, home, tmp_path / "kept.hippo")
    _tell(client, "Bob works at the quarry.")
    restore(home, tmp_path / "kept.hippo")
    ask = {"cue": "Where does Bob work?"}
    first = client.post("/api/recall", json=ask)
    assert first.status_code == 409
    assert "was restored" in first.json()["error"]["message"]
    again = client.post("/api/recall", json=ask)
    assert again.status_code == 200, again.text
    assert [h["trace"]["text"] for h in again.json()["hits"]] == ["Bob works at the mill."]

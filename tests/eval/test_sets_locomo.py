"""LoCoMo: the format of its files, and evidence that is recalled or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_eval.sets.choose import run_set
from hippo_eval.sets.conversations import event_of
from hippo_eval.sets.evidence import Found, distinct, figures, recall_at
from hippo_eval.sets.locomo import Question, read_folder
from hippo_eval.sets.tables import rows
from hippo_mem.errors import InputError, StoreFormatError


def turn(name: str, number: str, text: str, **more: str) -> dict[str, str]:
    return {"speaker": name, "dia_id": number, "text": text, **more}


def conversation() -> dict:
    return {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ana", "speaker_b": "Ben",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                turn("Ana", "D1:1", "I adopted a greyhound called Pesto."),
                turn("Ben", "D1:2", "Look at this.", blip_caption="a photo of a sailing boat in the harbor"),
                turn("Ana", "D1:3", "ok"),
            ],
            "session_2_date_time": "10:05 am on 2 June, 2023",
            "session_2": [
                turn("Ben", "D2:1", "My cousin Olga moved to Bergen last week."),
                turn("Ana", "D2:2", "Pesto won a race on Sunday."),
            ],
            "session_3_date_time": "10:05 am on 3 June, 2023",
        },
        "qa": [
            {"question": "What is Ana's greyhound called?", "answer": "Pesto", "evidence": ["D1:1"], "category": 4},
            {"question": "Where did Olga move?", "answer": "Bergen", "evidence": ["D2:2"], "category": 4},
            {"question": "What did Pesto do?", "answer": "x", "evidence": ["D1:1; D:2:2", "D", "D9:9"], "category": 1},
            {"question": "What did nobody say?", "adversarial_answer": "x", "evidence": [], "category": 5},
        ],
    }  # fmt: skip


CORRECTION = {
    "question_id": "locomo_7_qa1", "question": "Where did Olga move?", "category": 4, "cited_evidence": ["D2:2"],
    "correct_evidence": ["D2:1"], "error_type": "WRONG_CITATION",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "locomo"
    place.mkdir()
    (place / "any_name.json").write_text(json.dumps([conversation()]))
    (place / "fixes.json").write_text(json.dumps([CORRECTION]))
    (place / "other.json").write_text('[{"something": "else"}]')
    return place


def test_turns_have_their_session_speaker_photo_and_time(folder):
    data = read_folder(folder)
    assert data.files == ("any_name.json", "fixes.json")
    (talk,) = data.conversations
    assert [t.id for t in talk.turns] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    event = event_of(talk, talk.turns[1], pin=True)
    assert event.text == "Ben: Look at this. (shares a photo of a sailing boat in the harbor)"
    assert (event.source, event.doc_id, event.context, event.pin) == ("Ben", "session 1", "conv-1", True)
    assert talk.turns[0].time == 1683554160.0  # date -u -d "2023-05-08 13:56" +%s


def test_evidence_is_corrected_where_a_correction_names_the_question(folder):
    data = read_folder(folder)
    questions = data.conversations[0].questions
    assert (questions[1].evidence, questions[1].published) == (((2, 1),), ((2, 2),))
    assert questions[2].evidence == ((1, 1), (2, 2))
    assert (data.n_corrected, data.unknown_turns) == (1, ("conv-1 D9:9",))
    (folder / "fixes.json").unlink()
    assert read_folder(folder).n_corrected == 0


def test_one_conversation_need_not_be_in_a_list(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(conversation()))
    assert len(read_folder(tmp_path).conversations) == 1


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", StoreFormatError, "bad.json is not JSON"),
        ("[]", InputError, "holds no file of locomo; there is bad.json"),
        ('[{"conversation": {"session_1": [{}]}, "qa": []}]', StoreFormatError, "conversation bad-1: KeyError"),
        ('[{"sample_id": "c", "conversation": {}, "qa": [{"question": "Q"}]}]', StoreFormatError, "conversation c"),
        (
            '[{"sample_id": "c", "conversation": {"session_1": [], "session_1_date_time": "noon"}, "qa": []}]',
            StoreFormatError,
            "conversation c: ValueError",
        ),
    ],
)
def test_a_file_that_is_not_locomo_says_so(tmp_path, text, error, message):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(error, match=message):
        read_folder(tmp_path)


def test_recall_at_k_by_hand():
    assert recall_at(2, ["a", "b", "c"], ["b", "d"]) == 0.5
    assert recall_at(5, ["a"], ["a", "a"]) == 1.0
    with pytest.raises(ValueError, match="without evidence"):
        recall_at(5, ["a"], [])


@given(st.lists(st.integers(0, 9)), st.sets(st.integers(0, 9), min_size=1), st.integers(1, 12))
def test_recall_grows_with_k_and_is_a_share(ranked, wanted, k):
    ranked = distinct(ranked)
    assert 0.0 <= recall_at(k, ranked, wanted) <= recall_at(k + 1, ranked, wanted) <= 1.0


def test_figures_by_hand():
    def asked(category: int, *evidence: tuple[int, int]) -> Question:
        return Question(text="Q?", category=category, evidence=evidence, published=((9, 9),))

    found = [
        Found(question=asked(1, (1, 1), (2, 1)), turns=((1, 1), (3, 1)), sessions=(1, 3)),
        Found(question=asked(4, (1, 1)), turns=((5, 5),) * 1, sessions=(5, 1)),
        Found(question=asked(4), turns=((1, 1),), sessions=(1,)),
    ]
    level = figures(found)
    assert (level["n"], level["n_without_evidence"]) == (2, 1)
    assert level["turn"] == {"recall_at_5": 0.25, "recall_at_10": 0.25}
    assert level["session"] == {"recall_at_5": 0.75, "recall_at_10": 0.75}
    assert level["category_4"]["session"]["recall_at_10"] == 1.0
    assert level["category_1"]["name"] == "multi-hop"
    assert figures(found, published=True)["turn"]["recall_at_10"] == 0.0


def test_the_whole_set_through_a_memory(folder):
    result = run_set("locomo", data=folder, model="dummy")
    assert (result["n"], result["n_without_evidence"], result["n_turns"]) == (3, 1, 5)
    assert result["turn"]["recall_at_5"] == 1.0  # five turns: all are among the first five
    assert result["session"]["recall_at_10"] == 1.0
    for level in (result["gate_on"], result["gate_adaptive"], result["peers"]["bm25"], result["peers"]["dense"]):
        assert set(level["turn"]) == {"recall_at_5", "recall_at_10"}
        assert level["category_4"]["n"] == 2
    assert result["outcomes"] == {"stored": 5}
    assert set(result["gate_on"]["dropped"]) == {
        "turns", "evidence_turns", "questions_losing_some", "questions_losing_all", "evidence_texts"
    }  # fmt: skip
    titles = [row[0] for row in rows(result)]
    assert titles[:4] == ["evidence recall", "gate off", "  multi-hop", "  single-hop"]
    assert titles[-3:-1] == ["BM25 alone", "vectors alone"]
    assert titles[-1].startswith("answers: EM 0.")

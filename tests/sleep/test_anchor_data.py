"""The packaged anchors and unknown questions: counts, shape, and what they must not hold."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from hippo_mem.errors import StoreFormatError
from hippo_mem.sleep import phrasings
from hippo_mem.sleep.anchors import load_anchors, load_unknown
from hippo_mem.sleep.anchors.rows import packaged_rows


def words(text: str) -> list[str]:
    return re.findall(r"[\w'+]+", text.lower())


def test_there_are_enough_anchors_of_every_kind() -> None:
    counts = Counter(anchor.kind for anchor in load_anchors())
    minimum = {"question": 120, "cloze": 120, "instruction": 60, "chat": 40, "text": 80}
    assert sum(counts.values()) >= 420
    assert {kind: n for kind, n in counts.items() if n < minimum[kind]} == {}


def test_questions_cover_every_question_word() -> None:
    first = Counter(anchor.text.split()[0].lower() for anchor in load_anchors() if anchor.kind == "question")
    for word in ("what", "who", "where", "when", "why", "how"):
        assert first[word] >= 5, f"only {first[word]} anchor questions begin with {word!r}"


def test_no_anchor_or_unknown_is_there_twice() -> None:
    texts = [" ".join(words(entry.text)) for entry in (*load_anchors(), *load_unknown())]
    assert [text for text, n in Counter(texts).items() if n > 1] == []


def test_texts_are_clean() -> None:
    for entry in (*load_anchors(), *load_unknown()):
        assert entry.text == entry.text.strip()
        assert not [mark for mark in ("\r", "\t", "<|") if mark in entry.text], entry.text


def test_a_cloze_is_open_and_a_question_is_a_question() -> None:
    for anchor in load_anchors():
        if anchor.kind == "cloze":
            assert anchor.text[-1].isalpha(), anchor.text
        if anchor.kind == "question":
            assert anchor.text.endswith("?"), anchor.text


def test_raw_passages_are_short_and_varied() -> None:
    passages = [anchor.text for anchor in load_anchors() if anchor.kind == "text"]
    sizes = [len(words(text)) for text in passages]
    assert min(sizes) >= 5
    assert max(sizes) <= 80
    vocabulary = Counter(word for text in passages for word in set(words(text)))
    assert len(vocabulary) >= 800


def test_unknown_questions_name_what_they_are_about() -> None:
    unknown = load_unknown()
    assert len(unknown) >= 60
    assert len({entry.topic for entry in unknown}) == len(unknown)
    counts = Counter(entry.kind for entry in unknown)
    assert counts["self"] >= 20
    assert counts["person"] >= 20
    for entry in unknown:
        assert entry.text.endswith("?")
        if entry.kind == "person":
            assert entry.topic in entry.text
        if entry.kind == "self":
            assert {"my", "i", "me"} & set(words(entry.text))


def test_anchors_hold_nobody_that_is_unknown() -> None:
    anchored = " ".join(anchor.text for anchor in load_anchors())
    assert [entry.topic for entry in load_unknown() if entry.kind == "person" and entry.topic in anchored] == []


def test_no_anchor_uses_a_phrasing_that_verifies_the_night() -> None:
    openings = {
        " ".join(words(phrasing.split("{")[0]))
        for phrases in (*phrasings.STOP.values(), *phrasings.VERIFY.values())
        for phrasing in phrases
    }
    openings = {opening for opening in openings if len(opening.split()) >= 3}
    texts = [" ".join(words(entry.text)) for entry in (*load_anchors(), *load_unknown())]
    assert [text for text in texts for opening in openings if text.startswith(opening + " ")] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"kind": "a", "text": "x"}\n{"kind": "a", "te', r"rows\.jsonl, line 2 is not valid JSON: the file ends"),
        ('{"kind": "a"}\n', r"rows\.jsonl, line 1: expected the keys kind, text"),
        ('["a", "x"]\n', r"rows\.jsonl, line 1 must be a JSON object, got list"),
        ('{"kind": "z", "text": "x"}\n', r"rows\.jsonl, line 1: kind must be one of a, b, got 'z'"),
        ('{"kind": "a", "text": " "}\n', r"rows\.jsonl, line 1: text must be text, got ' '"),
        ('{"kind": "a", "text": 3}\n', r"rows\.jsonl, line 1: text must be text, got 3"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(
    content: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "packaged_sample"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rows.jsonl").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "packaged_sample", raising=False)
    with pytest.raises(StoreFormatError, match=message):
        packaged_rows("packaged_sample", "rows.jsonl", {"kind": ("a", "b"), "text": ()})

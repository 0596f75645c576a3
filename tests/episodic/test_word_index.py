import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.episodic.word_index import WordIndex, tokens, top

WORDS = ("amber", "boat", "cellar", "drum", "the")
rows = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=12)


def index_of(texts: list[str]) -> WordIndex:
    index = WordIndex()
    for text in texts:
        index.append(text)
    return index


def bm25(texts: list[str], cue: set[str]) -> list[float]:
    """The formula, term by term."""
    told = [text.split() for text in texts]
    mean = sum(map(len, told)) / len(told)
    scores = []
    for row in told:
        score = 0.0
        for word in cue:
            df = sum(word in other for other in told)
            tf = row.count(word)
            idf = math.log(1 + (len(told) - df + 0.5) / (df + 0.5))
            score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(row) / mean)) if tf else 0.0
        scores.append(score)
    return scores


@given(texts=rows, cue=st.sets(st.sampled_from(WORDS[:4]), min_size=1), data=st.data())
def test_ranks_are_those_of_the_formula(texts: list[str], cue: set[str], data: st.DataObject) -> None:
    index = index_of(texts)
    if texts and data.draw(st.booleans()):
        keep = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1))))
        index.keep(np.array(keep, dtype=np.int64))
        texts = [texts[i] for i in keep]
    assert len(index) == len(texts)
    expected = bm25(texts, cue) if any(texts) else [0.0] * len(texts)
    allowed = np.array([data.draw(st.booleans()) for _ in texts], dtype=bool)
    found = index.search(" ".join(sorted(cue)), 20, allowed).tolist()
    assert sorted(found) == [i for i, score in enumerate(expected) if score > 0 and allowed[i]]
    assert [expected[i] for i in found] == pytest.approx(sorted((expected[i] for i in found), reverse=True), abs=1e-5)


def test_frequent_words_are_left_out_only_where_they_cannot_matter() -> None:
    rng = np.random.default_rng(0)
    texts = []
    for i in range(600):
        rare = [f"rare{rng.integers(120)}"] if i % 3 else []
        common = [w for w, share in (("often", 0.9), ("half", 0.5), ("some", 0.1)) if rng.random() < share]
        texts.append(" ".join([*rare, *common, *["filler"] * int(rng.integers(6))]) or "nothing")
    index = index_of(texts)
    for cue in ({"rare3", "often"}, {"rare3", "half", "some", "often"}, {"some", "half"}, {"rare5", "rare6", "often"}):
        expected = np.array(bm25(texts, cue))
        for k, share in ((1, 1.0), (3, 0.5), (8, 1.0), (40, 0.3)):
            allowed = rng.random(600) < share
            found = index.search(" ".join(sorted(cue)), k, allowed)
            best = np.sort(expected[allowed & (expected > 0)])[::-1][:k]
            np.testing.assert_allclose(expected[found], best, atol=1e-4)
            assert allowed[found].all()


def test_one_worked_example() -> None:
    index = index_of(["a red boat", "red red drum", "one old long cellar"])
    # red: df 2 of 3, idf ln(1 + 1.5/2.5); mean length 10/3; row 1 has tf 2 and length 3.
    idf = math.log(1.6)
    norm = 1.2 * (0.25 + 0.75 * 3 / (10 / 3))
    assert idf * 2 * 2.2 / (2 + norm) > idf * 2.2 / (1 + norm)
    assert index.search("red", 5).tolist() == [1, 0]
    assert index.search("red", 1).tolist() == [1]


def test_words_meet_by_stem_case_and_accent() -> None:
    index = index_of(["She repaired CLOCKS in the café.", "Straße 12", "snake_case names", "山 川"])
    for cue, row in (("repairing a clock", 0), ("Cafe", 0), ("strasse", 1), ("snake", 2), ("山", 3)):
        assert index.search(cue, 3).tolist() == [row], cue
    assert tokens("snake_case, it's Ünï-code 3.5") == ["snake", "case", "it", "s", "uni", "code", "3", "5"]


def test_words_that_say_little_count_only_alone() -> None:
    index = index_of(["who are you", "a boat of hers"])
    assert index.search("who are you", 3).tolist() == [0]
    assert index.search("who has the boat", 3).tolist() == [1]
    for nothing in ("", "!?", "zebra"):
        assert index.search(nothing, 3).tolist() == []
    assert index.search("boat", 0).tolist() == []
    assert WordIndex().search("boat", 3).tolist() == []


def test_rare_words_surprise_more() -> None:
    index = index_of(["the boat is in the harbor"] * 20 + ["a zebra crossed"])
    assert index.surprise("the boat is in the harbor") < index.surprise("the zebra is in the harbor")
    assert index.surprise("a zebra crossed") < index.surprise("quantum flux")
    assert index.surprise("?!") == 0.0
    total = 20 * 6 + 3 + 8 + 1  # words told, different stems, one for all that are unknown
    assert index.surprise("boat") == pytest.approx(math.log(total / 21))
    assert WordIndex().surprise("boat") == pytest.approx(0.0)


@given(scores=st.lists(st.integers(-1, 4), max_size=30), k=st.integers(1, 10))
def test_the_best_scores_and_the_lowest_positions(scores: list[int], k: int) -> None:
    found = top(np.array(scores, dtype=np.float32), k).tolist()
    assert found == sorted((i for i, s in enumerate(scores) if s > 0), key=lambda i: (-scores[i], i))[:k]


def test_more_words_than_are_remembered_as_written_are_all_found() -> None:
    index = WordIndex()
    for i in range(0, 12_000, 4):
        index.append(f"walking w{i} w{i + 1} w{i + 2} w{i + 3}")
    assert index.search("w0", 3).tolist() == [0]
    assert index.search("w11999", 3).tolist() == [2_999]
    assert len(index.search("walked", 5_000)) == 3_000

"""Texts in batches: all of them once, none too large, and little filled up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.lm.batching import in_batches

LENGTHS = st.lists(st.integers(0, 60), max_size=40)


def filled(batches: list[list[int]], lengths: list[int]) -> int:
    return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)


@given(LENGTHS, st.integers(1, 400), st.integers(0, 20), st.integers(1, 16))
def test_every_text_is_in_one_batch_and_no_batch_is_too_large(lengths, most, extra, passes):
    batches = in_batches(lengths, most, extra=extra, passes=passes)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * (max(lengths[i] for i in batch) + extra) <= most


@given(LENGTHS, st.integers(60, 400))
def test_it_costs_no_more_than_filling_one_batch_after_the_other(lengths, most):
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    plain: list[list[int]] = []
    for i in order:
        if plain and (len(plain[-1]) + 1) * lengths[i] <= most:
            plain[-1].append(i)
        else:
            plain.append([i])
    found = in_batches(lengths, most)
    assert filled(found, lengths) + 64 * len(found) <= filled(plain, lengths) + 64 * len(plain)


def test_one_long_text_is_not_what_all_are_filled_up_to():
    lengths = [10] * 60 + [200]
    assert [len(batch) for batch in in_batches(lengths, 8192)] == [60, 1]


def test_words_that_come_one_by_one_keep_texts_together():
    lengths = [10] * 30 + [14] * 30
    assert len(in_batches(lengths, 8192)) == 2
    assert len(in_batches(lengths, 8192, extra=16, passes=16)) == 1


def test_texts_of_one_length_are_divided_into_full_batches():
    assert sorted(len(batch) for batch in in_batches([10] * 25, 100)) == [5, 10, 10]
    assert in_batches([], 100) == []
    assert in_batches([500], 100) == [[0]]

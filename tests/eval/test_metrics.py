"""Every metric with an example that a pencil can check."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_eval.metrics import (
    KINDS,
    ModelShape,
    answer_rank,
    backward_transfer,
    contradiction_rate,
    contradicts,
    exact_match,
    f1,
    flips,
    forgetting,
    format_faults,
    forward_flops,
    hit_rate_at_k,
    holds_answer,
    is_refusal,
    kind_of,
    kv_cache_bytes,
    latency,
    mean_reciprocal_rank,
    normalize,
    raw_match,
    recall_at_k,
    reciprocal_rank,
    reuse_rate,
    share_saved,
    steps_saved,
    write_score,
)
from hippo_mem.errors import InputError


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The brass  compass.", "brass compass"),
        ("a well-known place", "well known place"),
        ("AN apple, a day!", "apple day"),
        ("$5", "5"),
        ("the", ""),
        ("ﬁsh", "fish"),
        ("Ātman", "ātman"),
    ],
)
def test_normalize(text, plain):
    assert normalize(text) == plain


def test_exact_and_raw():
    assert exact_match("The boathouse.", "boathouse")
    assert not exact_match("in the boathouse", "the boathouse")
    assert raw_match(" boathouse\n", "boathouse")
    assert not raw_match("Boathouse", "boathouse")
    assert exact_match("", "the")


@pytest.mark.parametrize(
    ("said", "wanted", "score"),
    [
        ("the brass compass", "brass compass", 1.0),
        ("compass", "brass compass", 2 / 3),  # precision 1, recall 1/2
        ("Friday Friday morning", "Friday morning", 0.8),  # precision 2/3, recall 1
        ("barn", "attic", 0.0),
        ("", "attic", 0.0),
        ("the", "a", 1.0),
    ],
)
def test_f1(said, wanted, score):
    assert f1(said, wanted) == pytest.approx(score)


@given(st.text(), st.text())
def test_f1_is_a_share_the_same_both_ways_and_1_for_a_match(a, b):
    assert 0.0 <= f1(a, b) <= 1.0
    assert f1(a, b) == pytest.approx(f1(b, a))
    assert not exact_match(a, b) or f1(a, b) == 1.0


@given(st.text())
def test_normalizing_matches_itself(text):
    assert exact_match(text, text)


@pytest.mark.parametrize(
    ("said", "refuses"),
    [
        ("I don't know.", True),
        ("I’m sorry, but that is not mentioned.", True),
        ("", True),
        ("As an AI language model I have no body", True),
        ("the boathouse", False),
        ("They do not know it", False),
    ],
)
def test_refusals(said, refuses):
    assert is_refusal(said) is refuses


@pytest.mark.parametrize(
    ("said", "wanted", "kind"),
    [
        ("The brass compass.", "brass compass", "exact"),
        ("It was the brass compass, I think", "brass compass", "overlong"),
        ("I don't know.", "brass compass", "refusal"),
        ("I don't know, the brass compass?", "brass compass", "overlong"),  # it says the answer all the same
        ("", "brass compass", "refusal"),
        ("a brass lamp", "brass compass", "partial"),
        ("brasses", "brass compass", "wrong"),
        ("", "", "exact"),
    ],
)
def test_every_answer_is_of_one_kind(said, wanted, kind):
    assert kind_of(said, wanted) == kind
    assert kind in KINDS


@given(st.text(), st.text())
def test_the_kinds_agree_with_exact_match(said, wanted):
    assert (kind_of(said, wanted) == "exact") is exact_match(said, wanted)


@pytest.mark.parametrize(
    ("said", "faults"),
    [
        ("the boathouse", ()),
        ("the boathouse\n", ()),
        ("  \n", ("empty",)),
        ("the boathouse\nQuestion: who?", ("several_lines",)),
        ("Answer: the boathouse", ("label",)),
        ("The answer is: the boathouse", ("label",)),
        ("answering machine: new", ()),
        ("the boathouse<|im_end|>", ("template_token",)),
        ("Answer:\nthe boathouse</s>", ("several_lines", "label", "template_token")),
        ("Marta: 3 < 4 > 2", ()),
    ],
)
def test_format_faults(said, faults):
    assert format_faults(said) == faults


def test_an_answer_is_held_as_whole_words():
    assert holds_answer(["nothing", "It lay in the Boathouse."], "boathouse")
    assert not holds_answer(["boathouses"], "boathouse")
    assert not holds_answer(["anything"], "the")  # nothing is left of it


def test_contradictions_count_where_something_was_refuted():
    # She moved from Lund to Malmo. Asked three times, and once about a thing nobody contradicted:
    # "Lund" contradicts; "Malmo" does not; "Malmo, not Lund" says the truth; the fourth is not counted. 1 of 3.
    rate = contradiction_rate(
        ["Lund", "Malmo", "Malmo, not Lund", "Oslo"], ["Malmo"] * 3 + ["Bath"], [["Lund"]] * 3 + [[]]
    )
    assert rate == pytest.approx(1 / 3)
    assert contradiction_rate(["Oslo"], ["Bath"], [[]]) is None
    assert not contradicts("Oslo", "Malmo", ["Lund"])


def test_recall_at_k_by_hand():
    # relevant: 2 and 5; ranked 7, 2, 9, 5. Among the first 2 there is one of two, among the first 4 both.
    ranked = [7, 2, 9, 5]
    assert recall_at_k({2, 5}, ranked, 1) == 0.0
    assert recall_at_k({2, 5}, ranked, 2) == 0.5
    assert recall_at_k({2, 5}, ranked, 4) == 1.0
    assert recall_at_k({2, 5}, [2, 2, 2], 3) == 0.5  # one thing three times is one thing
    assert recall_at_k(set(), ranked, 2) is None
    assert reciprocal_rank({2, 5}, ranked) == 0.5
    assert reciprocal_rank({4}, ranked) == 0.0
    with pytest.raises(InputError, match="k >= 1, got 0"):
        recall_at_k({2}, ranked, 0)


def test_mean_reciprocal_rank_by_hand():
    # ranks 1, 2, none, 4: (1 + 1/2 + 0 + 1/4) / 4 = 0.4375; two of four at rank 2 or better
    ranks = [1, 2, None, 4]
    assert mean_reciprocal_rank(ranks) == 0.4375
    assert (hit_rate_at_k(ranks, 1), hit_rate_at_k(ranks, 2), hit_rate_at_k(ranks, 8)) == (0.25, 0.5, 0.75)
    assert mean_reciprocal_rank([]) is None
    assert hit_rate_at_k([], 3) is None
    assert answer_rank(["Ana lives in Bath.", "She moved to Lund."], "Lund") == 2
    assert answer_rank(["Ana lives in Bath."], "Lund") is None


def test_paired_flips_by_hand():
    # right before: 1 2 3 4; lost: 4; gained: 6. One of four lost, two of six changed, and the mean is the same.
    before = [True, True, True, True, False, False]
    after = [True, True, True, False, False, True]
    found = flips(before, after)
    assert (found.n, found.n_right_before, found.n_lost, found.n_gained) == (6, 4, 1, 1)
    assert found.lost_share == 0.25
    assert found.flip_share == pytest.approx(1 / 3)
    assert sum(before) == sum(after)
    assert flips([], []).flip_share is None
    assert flips([False], [True]).lost_share is None
    with pytest.raises(InputError, match="2 items before and 1 after"):
        flips([True, True], [True])


def test_forgetting_by_hand():
    # task 0: 0.8, then 0.9, then 0.6: forgot 0.3 of its best. task 1: 0.7, then 0.8: forgot -0.1. Mean 0.1.
    # backward transfer: (0.6 - 0.8) + (0.8 - 0.7), halved: -0.05.
    scores = [[0.8], [0.9, 0.7], [0.6, 0.8, 1.0]]
    assert forgetting(scores) == pytest.approx(0.1)
    assert backward_transfer(scores) == pytest.approx(-0.05)
    assert forgetting([[0.8]]) is None
    assert backward_transfer([]) is None
    with pytest.raises(InputError, match="night 1 has 1 scores"):
        forgetting([[0.8], [0.9]])


def test_write_precision_and_recall_by_hand():
    # written a b c, worth b c d e: 2 of 3 writes were worth it, 2 of 4 worthy ones were written
    score = write_score({"a", "b", "c"}, {"b", "c", "d", "e"})
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == 0.5
    nothing = write_score(set(), {"a"})
    assert (nothing.precision, nothing.recall) == (None, 0.0)


def test_macros_by_hand():
    # five steps become one, four stay four, two become three: (4/5 + 0 - 1/2) / 3 = 0.1
    assert steps_saved([5, 4, 2], [1, 4, 3]) == pytest.approx(0.1)
    assert reuse_rate([True, False, True, True]) == 0.75
    assert steps_saved([], []) is None
    assert reuse_rate([]) is None
    with pytest.raises(InputError, match="pairs of step counts"):
        steps_saved([0], [0])


def test_latency_percentiles_by_hand():
    # 1..5 ms: the middle is 3; the 95th percentile lies at place 0.95 * 4 = 3.8, between 4 and 5: 4.8
    found = latency([0.001, 0.002, 0.003, 0.004, 0.005])
    assert found == pytest.approx({"n": 5, "mean_ms": 3, "p50_ms": 3, "p95_ms": 4.8, "p99_ms": 4.96, "max_ms": 5})
    assert latency([]) is None
    with pytest.raises(InputError, match="finite and 0 or more"):
        latency([1.0, float("nan")])


# A decoder to count by hand: 2 layers, 4 heads of width 3, 2 of them for keys and values, 100 parameters in the layers.
SHAPE = ModelShape(
    n_layers=2, n_heads=4, n_kv_heads=2, head_width=3, width=12, vocabulary=10, n_params=100, value_bytes=2
)


def test_the_cache_of_keys_and_values_by_hand():
    # keys and values (2) x 2 layers x 2 heads x 3 wide x 2 bytes = 48 bytes a token
    assert kv_cache_bytes(SHAPE, 1) == 48
    assert kv_cache_bytes(SHAPE, 100) == 4800


def test_operations_by_hand():
    # 3 tokens read: 2 * 100 * 3 = 600. They see 1 + 2 + 3 = 6 places: 4 * 2 layers * 12 wide * 6 = 576.
    assert forward_flops(SHAPE, 3) == 600 + 576
    # two tokens predicted: one more is read (4 tokens, 10 places), and the table of 10 x 12 is multiplied twice
    assert forward_flops(SHAPE, 3, 2) == 2 * 100 * 4 + 4 * 2 * 12 * 10 + 2 * (2 * 10 * 12)
    # 6 tokens in two sequences of 3: twice the first line
    assert forward_flops(SHAPE, 6, n_context=3) == 2 * (600 + 576)
    assert forward_flops(SHAPE, 0) == 0
    assert share_saved(forward_flops(SHAPE, 3), forward_flops(SHAPE, 6)) == pytest.approx(1 - 1176 / 3216)
    assert share_saved(1, 0) is None
    with pytest.raises(InputError, match="0 or more, got -1"):
        forward_flops(SHAPE, -1)


def test_the_shape_of_a_real_configuration():
    # SmolLM2-135M's config.json: 30 layers, 9 heads of 64, 3 for keys and values, tied vectors of 49152 x 576.
    config = SimpleNamespace(
        hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, vocab_size=49152,
        tie_word_embeddings=True,
    )  # fmt: skip
    shape = ModelShape.of(config, n_params=134_515_008)
    assert shape.n_params == 134_515_008 - 49152 * 576
    assert kv_cache_bytes(shape, 1) == 2 * 30 * 3 * 64 * 2  # 23 040 bytes
    with pytest.raises(InputError, match="no shape"):
        ModelShape.of(object(), 1)

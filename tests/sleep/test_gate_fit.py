"""The gate on made-up states: a subject moves a state one way, a wording another, and what is general lies apart."""

from __future__ import annotations

import numpy as np
import pytest

from hippo_mem.sleep.gate_fit import fit_gate

D, SUBJECTS, WORDINGS = 48, 30, 12


def states(rng: np.random.Generator, subjects: np.ndarray, wordings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every subject in every wording, the wording weighing three times as much: (S * W, D), (S * W,)."""
    x = subjects[:, None] + 3.0 * wordings[None] + 0.1 * rng.standard_normal((len(subjects), len(wordings), D))
    return x.reshape(-1, D).astype(np.float32), np.repeat(np.arange(len(subjects)), len(wordings))


@pytest.fixture(scope="module")
def world() -> dict[str, np.ndarray]:
    """Wordings differ in eight directions, subjects in the others; strangers are asked for in the night's wordings."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.standard_normal((D, D)))[0]
    wording = lambda n: rng.standard_normal((n, 8)) @ directions[:8]  # noqa: E731
    subject = lambda n: rng.standard_normal((n, D - 8)) @ directions[8:]  # noqa: E731
    own, strangers, told = subject(SUBJECTS), subject(60), wording(WORDINGS)
    learned, of = states(rng, own, told)
    return {
        "learned": learned,
        "of": of,
        "unseen": states(rng, own, wording(4))[0],
        "strangers": states(rng, strangers, told)[0],
        "other": states(rng, subject(40), wording(10))[0],
        "held_other": states(rng, subject(20), wording(10))[0],
    }


def fitted(w: dict[str, np.ndarray]):
    alone = np.zeros(len(w["learned"]), dtype=bool)
    return fit_gate((1,), w["learned"], w["of"], alone, w["other"], w["unseen"][::2], w["held_other"])


def test_it_opens_for_what_was_learned_in_unseen_wordings_and_for_no_stranger_in_known_ones(world):
    fit = fitted(world)
    assert fit.gate.opens(world["unseen"][1::2]).mean() > 0.95
    assert fit.gate.opens(world["strangers"]).mean() < 0.05
    assert fit.opens_for_learned > 0.95
    assert fit.opens_for_other <= 0.02 + 1 / len(world["held_other"])
    assert (fit.n_learned, fit.n_other) == (len(world["learned"]), len(world["other"]))


def test_a_prompt_that_stands_alone_opens_the_gate_however_unlike_its_memory_it_looks(world):
    raw = world["learned"][:3] + 40.0 * np.eye(D, dtype=np.float32)[:3]
    w = {**world, "learned": np.concatenate([world["learned"], raw]), "of": np.concatenate([world["of"], [0, 1, 2]])}
    alone = np.arange(len(w["learned"])) >= len(world["learned"])
    fit = fit_gate((1,), w["learned"], w["of"], alone, w["other"], w["unseen"], w["held_other"])
    np.testing.assert_allclose(fit.gate.cosines(raw), 1.0, atol=1e-4)
    assert fit.gate.opens(raw).all()


def test_what_anybody_asks_about_the_same_is_not_what_was_learned(world):
    """The same subjects, half remembered, in a register of general prompts: near, and not the user's own."""
    rng = np.random.default_rng(1)
    register = np.linalg.qr(rng.standard_normal((D, D)))[0][0].astype(np.float32) * 8.0

    def by_anybody(n: int) -> np.ndarray:
        drawn = world["learned"][rng.integers(len(world["learned"]), size=n)]
        return drawn + 0.8 * rng.standard_normal(drawn.shape).astype(np.float32) + register

    w = {**world, "other": np.concatenate([world["other"], by_anybody(400)])}
    fit, asked = fitted(w), by_anybody(200)
    near = fit.gate.cosines(asked)
    asked = asked[(near > fit.gate.threshold) & (near < 0.6)]  # what is nearer is all but the same
    assert len(asked) > 20
    assert fit.gate.opens(asked).mean() < 0.25  # by nearness alone all would
    assert fit.gate.opens(world["unseen"][1::2]).mean() > 0.9


def test_one_memory_is_enough(world):
    of_one = world["of"] == 0
    w = {**world, "learned": world["learned"][of_one], "of": world["of"][of_one], "unseen": world["unseen"][:4]}
    fit = fitted(w)
    assert fit.opens_for_learned == 1.0
    assert fit.gate.opens(world["strangers"]).mean() < 0.1


def test_what_an_earlier_night_learned_and_this_one_does_not_rehearse_still_opens_the_gate(world):
    old, new = world["of"] < 20, world["of"] >= 20
    first = fitted({**world, "learned": world["learned"][old], "of": world["of"][old], "unseen": world["unseen"][:80]})
    w = {**world, "learned": world["learned"][new], "of": world["of"][new], "unseen": world["unseen"][80:]}
    alone = np.zeros(new.sum(), dtype=bool)
    arguments = (1,), w["learned"], w["of"], alone, w["other"], w["unseen"], w["held_other"]
    assert fit_gate(*arguments).gate.opens(world["unseen"][:80]).mean() < 0.1
    fit = fit_gate(*arguments, first.gate)
    assert fit.gate.opens(world["unseen"][:80]).mean() > 0.9
    assert fit.gate.opens(world["unseen"][80:]).mean() > 0.9
    assert sorted(set(fit.gate.memories.tolist())) == list(range(SUBJECTS))
    # Once it is rehearsed again, what stands for it is what it looks like now.
    again = fit_gate((1,), world["learned"], world["of"], np.zeros(len(world["of"]), dtype=bool), *arguments[4:],
                     fit.gate)  # fmt: skip
    assert len(again.gate.centers) == SUBJECTS


@pytest.mark.parametrize("missing", ["learned", "other", "unseen", "held_other"])
def test_a_kind_without_prompts_is_an_error(world, missing):
    with pytest.raises(ValueError, match="prompts of both kinds"):
        fitted({**world, missing: world[missing][:0]})

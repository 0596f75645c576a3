"""Figures to sentences: does long context or RAG explain a gain, and which part changes nothing (milestone 9.5).

Each sentence is chosen by figures alone, in this order: the corrected p-value says whether there is a difference, the
interval says whether one that matters could still be there. Knows nothing of how pages look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hippo_eval.report.figures import Pairing
from hippo_eval.statistics import Interval

ALPHA = 0.05
# A difference within this, in EM, is taken for none that matters: one question in twenty.
MATTERS = 0.05
# Who answers from evidence in the prompt, and who from nothing but the weights.
EVIDENCE = {"baselines/longctx": "long context", "baselines/rag": "RAG"}
ALONE = ("baselines/core", "baselines/span_short")

Finding = Literal["higher", "lower", "same", "unclear", "identical"]
Explains = Literal["no", "yes", "undecided", "no gain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """One sentence with what it says: "good" for the memory or part, "bad" against it, "open" undecided.

    `explains` is the answer in a word, where the question is whether evidence in the prompt explains a gain.
    """

    tone: Literal["good", "bad", "open"]
    text: str
    explains: Explains | None = None


def finding(pairing: Pairing) -> Finding:
    """How the first stands to the second in EM.

    identical: every question scored alike. higher, lower: the corrected p is below `ALPHA`. same: the whole interval
    lies within `MATTERS`. unclear: neither a difference nor its absence is shown.
    """
    changed = pairing.em.flips
    if changed is not None and changed.n_lost + changed.n_gained == 0:
        return "identical"
    gap = pairing.em.difference
    if pairing.p_em < ALPHA:
        return "higher" if gap.mean > 0 else "lower"
    return "same" if gap.low >= -MATTERS and gap.high <= MATTERS else "unclear"


def explanation(pairing: Pairing, alone: Sequence[Pairing]) -> Judgment:
    """Whether evidence in the prompt explains what a memory gains over the weights alone.

    Args:   pairing: a memory against long context or RAG. alone: the same memory against those that have no evidence.
    """
    what = EVIDENCE.get(pairing.second, pairing.second)
    who = named(pairing.first)
    reached = f"{what} {_percent(pairing.second_em.mean)}, {who} {_percent(pairing.first_em.mean)} ({_gap(pairing)})"
    best = max(alone, key=lambda p: p.second_em.mean, default=None)
    if best is not None and finding(best) != "higher":
        text = (
            f"There is no gain to explain: {who} answers {_percent(best.first_em.mean)}, "
            f"{best.second} without any evidence {_percent(best.second_em.mean)} ({_gap(best)})."
        )
        return Judgment(tone="bad", text=text, explains="no gain")
    part = _share_reached(pairing, best)
    found = finding(pairing)
    if found == "higher":
        overlap = "do not overlap" if pairing.apart else "still overlap"
        much = f" It reaches {part} of the gain." if part else ""
        text = f"No, {what} does not explain the gain: {reached}; the two 95 % intervals {overlap}.{much}"
        return Judgment(tone="good", text=text, explains="no")
    if found == "lower":
        text = f"Yes, {what} explains the whole gain and does better: {reached}."
        return Judgment(tone="bad", text=text, explains="yes")
    if found in ("same", "identical"):
        how = "the same questions are right" if found == "identical" else f"no difference above {_percent(MATTERS)}"
        return Judgment(tone="bad", text=f"Yes, {what} explains the gain: {reached}; {how}.", explains="yes")
    text = f"Not decided whether {what} explains the gain: {reached}; more questions would tell."
    return Judgment(tone="open", text=text, explains="undecided")


def above_all(pairings: Sequence[Pairing]) -> Judgment:
    """Whether one memory is above every baseline of its board, intervals apart (the bar of the comparison)."""
    who = named(pairings[0].first)
    above = [p for p in pairings if p.apart and p.em.difference.mean > 0]
    if len(above) == len(pairings):
        best = max(pairings, key=lambda p: p.second_em.mean)
        return Judgment(
            tone="good",
            text=f"{who} is above all {len(pairings)} baselines with intervals that do not overlap: "
            f"{_with_interval(best.first_em)}; the best baseline, {best.second}, {_with_interval(best.second_em)}.",
        )
    missed = [p for p in pairings if p not in above]
    names = "; ".join(f"{p.second} {_with_interval(p.second_em)}" for p in missed)
    return Judgment(
        tone="bad",
        text=f"{who} is not clearly above {len(missed)} of {len(pairings)} baselines: it has "
        f"{_with_interval(pairings[0].first_em)}, against {names}.",
    )


def part_judgment(pairing: Pairing, effects: Sequence[str] = ()) -> Judgment:
    """What taking a part away, or adding one, changed; `first` of the pairing has the change.

    Args:   effects: what else it changed, in words (`hippo_eval.report.effects`).
    """
    change = change_of(pairing)
    change = change[0].upper() + change[1:]
    n, gap = pairing.em.difference.n, _gap(pairing)
    found = finding(pairing)
    besides = f" Besides: {'; '.join(effects)}." if effects else ""
    if at_floor(pairing):
        return Judgment(tone="open", text=f"{change} nothing can be seen: EM is 0 with it and without.{besides}")
    if found == "identical":
        n_other = n - pairing.n_same_answer
        words = f"{n_other} of {n} are worded otherwise" if n_other else "word for word the same"
        text = f"{change} nothing changes: every answer is as right or wrong as before, {words}.{besides}"
        return Judgment(tone="open" if effects else "bad", text=text)
    if found == "same":
        return Judgment(
            tone="open" if effects else "bad", text=f"{change} nothing that matters changes: {gap}.{besides}"
        )
    if found == "unclear":
        text = f"{change} no effect on EM is shown, and none is ruled out: {gap}.{besides}"
        return Judgment(tone="open", text=text)
    helps = (found == "lower") is _takes_away(pairing)
    said = "so it helps" if helps else "so it does harm here"
    return Judgment(tone="good" if helps else "bad", text=f"{change} EM is {found}, {said}: {gap}.{besides}")


def at_floor(pairing: Pairing) -> bool:
    """Whether nobody answers anything, so that no part can show what it is worth."""
    return pairing.first_em.mean == 0 == pairing.second_em.mean


def part_of(pairing: Pairing) -> str:
    """The part that the change is about: `no_gate` is about the gate."""
    names = pairing.board.cell(pairing.first).ablations or (pairing.first,)
    return " and ".join(name.removeprefix("no_").replace("_", " ") for name in names)


def change_of(pairing: Pairing) -> str:
    """`without gate` or `with completion added`."""
    part = part_of(pairing)
    return f"without {part}" if _takes_away(pairing) else f"with {part} added"


def _takes_away(pairing: Pairing) -> bool:
    return all(name.startswith("no_") for name in pairing.board.cell(pairing.first).ablations)


def _share_reached(pairing: Pairing, best: Pairing | None) -> str | None:
    """How much of the memory's gain over the weights alone the evidence reaches, in words of a share."""
    if best is None:
        return None
    gain = pairing.first_em.mean - best.second_em.mean
    reached = pairing.second_em.mean - best.second_em.mean
    return _percent(min(1.0, max(0.0, reached / gain))) if gain > 0 else None


def named(label: str) -> str:
    """A label as words of a sentence."""
    return f"{label.replace('+sleep', '')} after sleep, memory off," if label.endswith("+sleep") else label


def _gap(pairing: Pairing) -> str:
    d = pairing.em.difference
    return (
        f"{100 * d.mean:+.1f} points of EM, 95 % interval {100 * d.low:+.1f} to {100 * d.high:+.1f}, {_p(pairing.p_em)}"
    )


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _with_interval(interval: Interval) -> str:
    return f"{_percent(interval.mean)} ({_percent(interval.low)} to {_percent(interval.high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")

"""What a question asks of the procedures that were told: all steps, the one after or before a step, one by its number.

In: a question, and the procedures of its context, newest first. Out: an `Answered`, or None. What is asked for is read
off a few words ("after", "next", "how do I"); which procedure and which step are meant is found by their own words in
the question, in any inflection and with other words between. A step that no named procedure has is looked up in all of
them: what followed it, and those done before it, wherever they occur in this order [habits]. Knows nothing of stores.

Source: the continuation after the longest known context, as in a variable-order Markov model (Begleiter et al. 2004).
Differs: the answer is given only where all known continuations of that context agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hippo_mem.spatial.procedures import Procedure, stems

_SLACK = 2  # words that may stand between those of a goal or step: "the kettle has been filled"
_NUMBERS = {w: i for i, w in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)}
_AFTER = re.compile(
    r"\b(?:next|after(?:wards?)?|follow(?:s|ed|ing)?|comes? (?:now|then)|what now|now what|then what|what then|"
    r"continue|go on|carry on|proceed|subsequent|what (?:do|should|must|would) (?:i|you|we|one) (?:normally |usually )?"
    r"do (?:now|then))\b|\b(?:done|finished|completed)\b.*\bnow\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:before|precede[sd]?|preceding|prior to|previous|just done|comes? ahead of)\b", re.IGNORECASE
)
_LAST = re.compile(r"\b(?:last|final(?:ly)?|end with|ends? with|finish with|at the (?:very )?end)\b", re.IGNORECASE)
_START = re.compile(
    r"\b(?:(?:start|begin|beginning|starting)(?: off)?(?: with)?|at the (?:very )?beginning|to begin)\b[^?]*\?*$", re.I
)
_NTH = re.compile(
    rf"\b(?:step (?:number )?(?P<n>\d{{1,2}})|(?P<w>{'|'.join(_NUMBERS)}|\d{{1,2}}(?:st|nd|rd|th)) "
    r"(?:step|thing|move|action|part)|(?:do|comes?|is|be|should i do|must i do) (?P<d>first))\b",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\bhow many (?:\w+ )?(?:steps|things|actions|stages|parts)\b", re.IGNORECASE)
_WHOLE = re.compile(
    r"\bhow (?:do|can|could|should|would|to|does|must|is|are)\b|\b(?:steps|step by step|step-by-step|procedure|recipe|"
    r"routine|instructions?|process|method|script|list|explain|describe|walk me|talk me|guide me|from start to finish|"
    r"start to end|everything|in order|way to|what (?:do|must|should) (?:i|you|we|one))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer in the procedures' own words; `procedure` is the index of the one it rests on, `path` why."""

    text: str
    procedure: int
    path: tuple[str, ...]
    others: tuple[str, ...] = ()
    sure: float = 1.0


def answer(question: str, known: Sequence[Procedure]) -> Answered | None:
    """The answer that the procedures give by themselves.

    Args: known: those that may be meant, newest first; each may have been told several times.
    """
    asked = stems(question)
    named = _named(asked, known)
    if named is None:
        return _by_habit(question, asked, known)
    at, goal = named
    procedure = known[at]
    taken = set(range(*goal))
    done = _mentioned(asked, procedure.steps, taken)
    path = (f"to {procedure.goal}",)

    def said(i: int) -> Answered | None:
        if not 0 <= i < len(procedure.steps):
            return None
        return Answered(text=procedure.steps[i], procedure=at, path=(*path, f"step {i + 1} of {len(procedure.steps)}"))

    if done:
        if _AFTER.search(question):
            return said(max(done) + 1)
        if _BEFORE.search(question):
            return said(min(done) - 1)
        return None
    if _foreign_step(question, asked, known, taken):
        return _by_habit(question, asked, known)  # a known goal, begun in a way that was told of others
    if _COUNT.search(question):
        return Answered(text=str(len(procedure.steps)), procedure=at, path=path)
    if nth := _NTH.search(question):
        return said(_ordinal((nth["n"] or nth["w"] or nth["d"]).casefold()) - 1)
    if _LAST.search(question) and not re.search(r"\bfrom (?:start|first|beginning) to\b", question, re.IGNORECASE):
        return said(len(procedure.steps) - 1)
    if _START.search(question) and not _WHOLE.search(question):
        return said(0)
    if not _WHOLE.search(question):
        return None
    same = [p for i, p in enumerate(known) if i != at and stems(p.goal) == stems(procedure.goal)]
    text = "; ".join(procedure.steps)
    others = tuple(dict.fromkeys(o for o in ("; ".join(p.steps) for p in same) if o.casefold() != text.casefold()))
    return Answered(text=text, procedure=at, path=path, others=others)


def _ordinal(word: str) -> int:
    return _NUMBERS[word] if word in _NUMBERS else int(re.sub(r"\D", "", word))


def _named(asked: Sequence[str], known: Sequence[Procedure]) -> tuple[int, tuple[int, int]] | None:
    """The procedure whose goal stands in the question, the longest goal and then the newest, and where it stands."""
    best: tuple[int, tuple[int, int]] | None = None
    length = 0
    for i, procedure in enumerate(known):
        goal = stems(procedure.goal)
        if len(goal) > length and (span := _span(goal, asked)):
            best, length = (i, span), len(goal)
    return best


def _mentioned(asked: Sequence[str], steps: Sequence[str], taken: set[int]) -> list[int]:
    """Which steps stand in the question, the goal's own words aside; of those that overlap the longest."""
    spans = []
    for i, step in enumerate(steps):
        if span := _span(stems(step), asked, taken):
            spans.append((span[1] - span[0], i, set(range(*span))))
    found: list[int] = []
    used: set[int] = set()
    for _, i, words in sorted(spans, key=lambda s: (-s[0], s[1])):
        if not words & used:
            found.append(i)
            used |= words
    return found


def _foreign_step(question: str, asked: Sequence[str], known: Sequence[Procedure], taken: set[int]) -> bool:
    """Whether the question asks what follows a step that the named procedure lacks."""
    return bool(_AFTER.search(question)) and any(_mentioned(asked, p.steps, taken) for p in known)


def _by_habit(question: str, asked: Sequence[str], known: Sequence[Procedure]) -> Answered | None:
    """What always followed the steps that the question says are done."""
    if not _AFTER.search(question):
        return None
    steps = {tuple(stems(s)): s for p in known for s in p.steps}
    done = sorted(
        (span[0], key) for key in steps if (span := _span(key, asked)) is not None
    )  # fmt: skip
    order = [key for _, key in done]
    for n in range(len(order), 0, -1):
        last = order[-n:]
        following: dict[tuple[str, ...], list[int]] = {}
        for i, procedure in enumerate(known):
            keys = [tuple(stems(s)) for s in procedure.steps]
            for j in range(len(keys) - n):
                if keys[j : j + n] == last:
                    following.setdefault(keys[j + n], []).append(i)
        if not following:
            continue
        if len(following) > 1:
            return None
        ((key, where),) = following.items()
        told = [known[i] for i in where]
        seen = tuple(dict.fromkeys(f"to {p.goal}" if p.goal else "; ".join(p.steps) for p in told))
        return Answered(text=steps[key], procedure=where[0], path=seen, sure=0.9 if len(seen) > 1 else 0.7)
    return None


def _span(
    wanted: Sequence[str], asked: Sequence[str], taken: set[int] | frozenset[int] = frozenset()
) -> tuple[int, int] | None:
    """Where all words of `wanted` stand close together in `asked`, outside of `taken`; the first such place."""
    if not wanted:
        return None
    need = set(wanted)
    for start in range(len(asked)):
        if asked[start] not in need or start in taken:
            continue
        missing = set(need)
        for at in range(start, min(len(asked), start + len(wanted) + _SLACK)):
            if at not in taken:
                missing.discard(asked[at])
            if not missing:
                return start, at + 1
    return None

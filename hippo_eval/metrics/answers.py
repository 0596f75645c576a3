"""How right an answer is. In: said and wanted. Out: 0, 1 or between. Knows nothing of who answered, or how.

Normalized means: lower case, no punctuation, no English articles, single spaces (Rajpurkar et al. 2016, SQuAD).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal

Kind = Literal["exact", "overlong", "refusal", "partial", "wrong"]
KINDS: tuple[Kind, ...] = ("exact", "overlong", "refusal", "partial", "wrong")

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_REFUSAL = re.compile(
    r"\b(i (do not|don't|don’t) (know|have)|i('m|’m| am) (not sure|sorry|unable)|i (cannot|can't|can’t)|as an ai|"
    r"no information|not (specified|mentioned|provided))\b"
)
_FAULTS: dict[str, re.Pattern[str]] = {
    "empty": re.compile(r"\A\s*\Z"),
    "several_lines": re.compile(r"\S[^\n]*\n\s*\S"),
    "label": re.compile(r"\A\s*(the )?(final )?(answer|response|span|assistant)\b( is)?\s*:", re.IGNORECASE),
    "template_token": re.compile(r"<\|[^|>]*\|>|</?s>|\[/?INST\]|<(start|end)_of_turn>"),
}


def normalize(text: str) -> str:
    """`"The brass  compass."` -> `"brass compass"`."""
    lower = unicodedata.normalize("NFKC", text).lower()
    bare = "".join(" " if c in "-–—/" else c for c in lower if c in "-–—/" or unicodedata.category(c)[0] not in "PS")
    return " ".join(_ARTICLE.sub(" ", bare).split())


def exact_match(said: str, wanted: str) -> bool:
    """Whether both are the same once normalized. An empty answer matches only an empty one."""
    return normalize(said) == normalize(wanted)


def raw_match(said: str, wanted: str) -> bool:
    """Whether both are the same, outer whitespace aside."""
    return said.strip() == wanted.strip()


def f1(said: str, wanted: str) -> float:
    """Harmonic mean of precision and recall over normalized words, counted with multiplicity, 0..1."""
    a, b = normalize(said).split(), normalize(wanted).split()
    if not a or not b:
        return float(a == b)
    shared = sum((Counter(a) & Counter(b)).values())
    return 2 * shared / (len(a) + len(b))


def is_refusal(said: str) -> bool:
    """Whether the answer declines to answer, or is empty."""
    return not said.strip() or _REFUSAL.search(said.lower()) is not None


def holds_answer(texts: Sequence[str], answer: str) -> bool:
    """Whether one of the texts has the answer in it as whole words, once both are normalized.

    An answer of which nothing is left once it is normalized is in no text.
    """
    wanted = normalize(answer)
    return bool(wanted) and any(f" {wanted} " in f" {normalize(text)} " for text in texts)


def kind_of(said: str, wanted: str) -> Kind:
    """What sort of answer it is; every answer is of one kind, the first that fits.

    exact: the same once normalized. overlong: the wanted answer and more words around it. refusal: declines, or is
    empty. partial: shares a word with the wanted answer. wrong: shares none.
    """
    if exact_match(said, wanted):
        return "exact"
    if holds_answer([said], wanted):
        return "overlong"
    if is_refusal(said):
        return "refusal"
    return "partial" if f1(said, wanted) > 0 else "wrong"


def format_faults(said: str) -> tuple[str, ...]:
    """What is wrong with the form of a short answer: `empty`, `several_lines`, `label` ("Answer: ..."),
    `template_token` (a chat template's mark leaked into the text). None for a well-formed one.
    """
    return tuple(name for name, pattern in _FAULTS.items() if pattern.search(said))


def contradicts(said: str, wanted: str, refuted: Sequence[str]) -> bool:
    """Whether the answer states something that was told to be otherwise: a refuted value and not the wanted one."""
    return not holds_answer([said], wanted) and any(holds_answer([said], value) for value in refuted)


def contradiction_rate(said: Sequence[str], wanted: Sequence[str], refuted: Sequence[Sequence[str]]) -> float | None:
    """Share of answers that contradict what was told, among the questions about which something was refuted.

    Args:   refuted: for each question the values it once had, or that were denied; none for most questions.
    Returns: 0..1; None when no question has a refuted value.
    """
    judged = [contradicts(s, w, r) for s, w, r in zip(said, wanted, refuted, strict=True) if r]
    return sum(judged) / len(judged) if judged else None

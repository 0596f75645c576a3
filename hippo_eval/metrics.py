"""How right an answer is. In: said and wanted. Out: 0, 1 or between. Knows nothing of who answered, or how.

Normalized means: lower case, no punctuation, no English articles, single spaces (Rajpurkar et al. 2016, SQuAD).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_REFUSAL = re.compile(
    r"\b(i (do not|don't|don’t) (know|have)|i('m|’m| am) (not sure|sorry|unable)|i (cannot|can't|can’t)|as an ai|"
    r"no information|not (specified|mentioned|provided))\b"
)


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

"""A span without what the question says already: "oat milk and no sugar" is "oat milk" where milk is asked for.

Text in, text out. Knows nothing of memories or scores.
"""

from __future__ import annotations

import re

_CALLED = re.compile(r"^(?:an?|the|my|our|your) .*?\b(?:named|called) (\w.*)$", re.IGNORECASE)
_TOKEN = r"[\w'-]+"
_GOVERNING = frozenset("for of to with from about in on at by into".split())
_OWNED = re.compile(r"^(?:my|our|your) (?P<role>[a-z][\w -]*?) (?P<name>[A-Z].*)$")

_THE_ONE = re.compile(
    r"^(?:the|a|an) (?:one|place|spot|building|house) (?:on|in|at|by|near|next to|opposite|behind) (?P<where>.+)$",
    re.IGNORECASE,
)


def trimmed(span: str, question: str, wanted: str, noun: str) -> str:
    """What of a span answers the question.

    "a hamster named Caesar" -> "Caesar" where a name is asked for; "my husband Florian" -> "Florian" where the
    husband is; "5:40 on weekdays" -> "5:40" where the question says "on weekdays"; "tickets for the opera" -> "the
    opera" where tickets for something are; "a bad left knee" -> "left knee" where it asks which knee is bad.
    """
    if (wanted in ("name", "who", "where") or noun) and (called := _CALLED.match(span)):
        return called[1]
    asked = f" {' '.join(re.findall(_TOKEN, question.casefold()))} "
    if wanted == "where" and (spot := _THE_ONE.match(span)):
        return spot["where"]
    if wanted in ("name", "who") and (owned := _OWNED.match(span)) and f" {owned['role'].casefold()} " in asked:
        return owned["name"]
    if wanted == "how":  # "my steak medium rare", how I like my steak
        of_span = span.split()
        ahead = (n for n in range(len(of_span) - 1, 1, -1) if f" {' '.join(of_span[:n]).casefold()} " in asked)
        span = " ".join(of_span[next(ahead, 0) :])
    parts = re.split(r",? and ", span)
    about = [p for p in parts if noun and noun.casefold() in p.casefold().split()]
    if len(parts) > 1 and len(about) == 1:
        span = about[0]
    words = span.split()
    for n in range(1, len(words)):
        tail = " ".join(re.findall(_TOKEN, " ".join(words[n:]).casefold()))
        if words[n].casefold() in _GOVERNING and len(words) - n > 1 and f" {tail} " in asked:
            words = words[:n]
            break
    for n in range(len(words) - 1, 1, -1):
        said = [w.casefold() for w in words[:n]]
        if (said[-1] in _GOVERNING or said[0] == "to") and f" {' '.join(said)} " in asked:
            return " ".join(words[n:])
    return _without_modifiers(words, asked, noun)


def _without_modifiers(words: list[str], asked: str, noun: str) -> str:
    """Adjectives of the question before the noun it asks for: "a bad left knee", which knee is bad."""
    low = [w.casefold() for w in words]
    if not noun or len(words) < 3 or not any(w.startswith(noun.casefold().rstrip("s")) for w in low[1:]):
        return " ".join(words)
    start = 1 if low[0] in ("a", "an", "the", "my", "our") else 0
    stem = noun.casefold().rstrip("s")
    if len(words) > start + 2 and low[start].startswith(stem) and low[start + 1] == "of":
        return " ".join(words[start + 2 :])  # "the smell of cedar wood", which smell
    kept = start
    while kept < len(words) - 2 and f" {low[kept]} " in asked and not low[kept].startswith(stem):
        kept += 1
    return " ".join(words[kept:] if kept > start else words)

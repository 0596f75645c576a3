"""The spans of one memory that may answer, each with how well it fits what is asked for.

In: a question as read, a memory's sentences and frames. Out: `Span`s, best first. Knows nothing of other memories, of
retrieval or of the language model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hippo_mem.reader.adjuncts import adjuncts
from hippo_mem.relational import asking as ask
from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.frames import Frame

Alike = Callable[[str, Sequence[str]], Sequence[float]]  # a noun and spans -> cosines, -1..1

# How well a span's role fits what is asked for, 0..1; a missing pair is _UNLIKELY.
_FIT: dict[str, dict[str, float]] = {
    "who": {"who": 1.0, "name": 0.9, "is": 0.8, "what": 0.6, "with": 0.9, "to": 0.9, "for": 0.6, "from": 0.6},
    "what": {"what": 1.0, "is": 1.0, "name": 0.6, "as": 0.6, "who": 0.5, "where": 0.2, "when": 0.1, "for": 0.3},
    "where": {"where": 1.0, "is": 0.2, "what": 0.3, "for": 0.4, "to": 0.3},
    "when": {"when": 1.0, "is": 0.3},
    "name": {"name": 1.0, "is": 0.9, "what": 0.5, "who": 0.5},
    "job": {"as": 1.0, "is": 0.9},
    "whose": {"owner": 1.0, "who": 0.3}, "amount": {"for": 0.6, "what": 0.3, "is": 0.6, "to": 0.3},
    "count": {"is": 0.4}, "age": {"is": 0.06}, "color": {"is": 0.4}, "how_long": {"for": 0.8, "is": 0.4},
    "why": {"why": 1.0, "purpose": 0.5, "for": 0.4}, "how": {"how": 1.0, "with": 0.7, "by": 0.6},
    "how_often": {"often": 1.0, "when": 0.3}, "measure": {"is": 0.3, "to": 0.2},
}  # fmt: skip
_KIND: dict[str, dict[str, float]] = {
    "who": {"person": 0.35}, "name": {"person": 0.4}, "where": {"place": 0.3}, "when": {"time": 0.5},
    "whose": {"owner": 1.0}, "amount": {"money": 0.95, "measure": 0.9, "number": 0.2}, "count": {"number": 0.9},
    "age": {"number": 0.95, "measure": 0.5}, "color": {"color": 1.0}, "how_long": {"time": 0.5, "measure": 0.5},
    "measure": {"measure": 1.0, "number": 0.8},
}  # fmt: skip
_UNLIKELY = 0.05
_TYPED = frozenset(
    {"color", "count", "age", "amount", "when", "where", "who", "whose", "job", "why", "how", "how_often", "measure"}
)
_NUMERIC = frozenset({"amount", "measure", "count", "age"})
# A span without any word of number says nothing about a number.
_QUANTITY = re.compile(
    r"\d|\b(?:half|quarter|a lot|lots|plenty|little|few|no|none|nothing|dozens?|couple|pair|several|some|much|many|"
    r"once|twice)\b",
    re.IGNORECASE,
)
_CODED = lex.word_set("number code pin password combination plate login key")
_DENIES = re.compile(r"\b(?:not|never|no longer|nobody|nothing|cannot)\b|n['\u2019]t\b", re.IGNORECASE)
# A preposition whose noun is asked for: at the end, or before a word of time.
_STRANDED = re.compile(
    r"\b(?:to|in|at|from|on|into|through|near)"
    r"(?: (?:every|each|now|today|on \w+days|in the|at night|these)\b.*)?\s*\?*$",
    re.IGNORECASE,
)
_COMPARED = re.compile(r"\b(?:than|less|worse)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"\b(?:I|we|he|she|they)\s|^(?:you|it)\s", re.IGNORECASE)  # a span with a subject is none
_DETERMINERS = lex.word_set("a an the my our your his her their its this that these those all some any every each of")
_EMPTY = lex.word_set("place thing item object stuff person time day one best most")
_NOBODY = lex.word_set("i we me you nobody nothing somebody someone something everybody everyone everything anybody")
_MAX_CHARS = 120
_MAX_REST = 4  # words
_MAX_SPANS = 12  # of one memory that the model weighs
_LEFT_OVER = 0.5  # how well what fits "what" fits there
_WHOLE = 0.5  # share of a question that asks how
_STRANGER = 0.55  # what is said of somebody else's doing, where "I" is asked about
_DENIED = 0.2  # what a memory denies, where the question does not
_FAR = 0.15  # cosine below which a span is not what the noun of the question says
_APART, _NEAR = 0.35, 1.6  # weight of a span's likeness to the noun of the question


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A text that may answer, the part it plays in its memory, how well it fits (0..1), whether it surely does."""

    text: str
    role: str
    fit: float
    sure: bool = False


def fitting(
    asked: ask.Asked,
    question: str,
    doc: Any,
    frames: Sequence[Frame],
    *,
    share: Callable[[str], float],
    of_me: bool = False,
    alike: Alike | None = None,
) -> list[Span]:
    """The spans of a memory that may answer the question, best first.

    Args:
        doc: the parsed memory; `frames` what it says.
        share: how much of the question a sentence of it speaks of, 0..1.
        of_me: whether it is asked what "I" did.
        alike: how near spans are in meaning to a noun, where the question has one ("which herb").
    """
    denied = _DENIES.search(question) is not None
    spelled = {t.lower_: t.lemma_.lower() for t in doc}
    covered = share(doc.text) if len(asked.words) > 1 else 0.0
    # "How is that dated?", of a memory that is surely meant: whatever the question leaves out.
    whole = covered >= (_WHOLE if asked.wanted == "how" else 1.0) and asked.wanted in ("how", "where", "job")
    best: dict[str, Span] = {}
    for filler, weight in _found(doc, frames, share, of_me, denied):
        fit = max(_FIT[asked.wanted].get(filler.role, _UNLIKELY), _KIND.get(asked.wanted, {}).get(filler.kind, 0.0))
        if filler.role in asked.prepositions and filler.role not in ("to",):
            fit = max(fit, 0.9)  # "Which company does Max work for?"
        if filler.role == "where" and asked.wanted == "what" and _STRANDED.search(question):
            fit = max(fit, 0.9)  # "Which continent have I never been to?"
        if asked.wanted == "what" and filler.kind in ("person", "time") and filler.role not in ("is", "name"):
            fit *= 0.5
        if asked.wanted in ("what", "measure") and asked.words & _CODED and filler.role == "code":
            fit = 1.0
        elif filler.role in ("code", "measure", "often", "how", "why", "purpose") and fit <= _UNLIKELY:
            continue
        if asked.wanted in _TYPED and fit <= _UNLIKELY and not whole:
            continue  # a memory without any color says nothing about a color
        if whole and fit <= _UNLIKELY:
            fit = _LEFT_OVER * _FIT["what"].get(filler.role, _UNLIKELY)
        if asked.wanted == "name" and filler.role != "name" and (filler.text.islower() or filler.kind == "time"):
            continue  # nobody is called "two cats"
        if asked.wanted in _NUMERIC and not _is_quantity(filler.text):
            continue
        if f" than {filler.text} " in f"{doc.text.rstrip(' .!')} " and not _COMPARED.search(question):
            fit *= _DENIED
        if " but " in doc.text and re.search(rf"\bnot (?:\w+ ){{0,2}}{re.escape(filler.text)},? but\b", doc.text, re.I):
            fit *= _DENIED  # "not in the barn but in the shed"
        sure = _KIND.get(asked.wanted, {}).get(filler.kind, 0.0) >= 0.9
        fit *= 1.0 - 0.6 * _echo(filler.text, asked, spelled)
        if asked.wanted == "count" and filler.kind == "number" and not _counts(filler.text, asked.noun, doc.text):
            fit *= 0.5
        text = _apart(filler.text.strip(" ,;"), asked, spelled)
        if not text or len(text) > _MAX_CHARS or _CLAUSE.search(text) or _said(text, question, asked, spelled):
            continue
        span = Span(text=text, role=filler.role, fit=fit * weight, sure=sure)
        key = answer_key(text)
        if key and (key not in best or span.fit > best[key].fit):
            best[key] = span
    if (
        (numbered := _numbered(asked, question, doc.text))
        and answer_key(numbered)
        and not _said(numbered, question, asked, spelled)
    ):
        best[answer_key(numbered)] = Span(text=numbered, role="is", fit=1.0, sure=True)
        return [best[answer_key(numbered)]]
    if (
        not best
        and asked.wanted == "what"
        and (rest := _rest(asked, doc))
        and not _said(rest, question, asked, spelled)
    ):
        best[answer_key(rest)] = Span(text=rest, role="what", fit=_LEFT_OVER)
    longer = [s.text for s in best.values() if s.role == "measure" and " " in s.text]
    if asked.wanted != "count":  # "164 centimeters" rather than "164"
        best = {k: s for k, s in best.items() if not any(t.startswith(f"{s.text} ") for t in longer)}
    spans = _like_the_noun(asked, list(best.values()), alike)
    return sorted(spans, key=lambda s: -s.fit)[:_MAX_SPANS]


def answer_key(text: str) -> str:
    """Case, punctuation and articles aside."""
    return " ".join(w for w in re.sub(r"[^\w\s]", " ", text.casefold()).split() if w not in ("a", "an", "the"))


def _found(
    doc: Any, frames: Sequence[Frame], share: Callable[[str], float], of_me: bool, denied: bool
) -> Iterator[tuple[ask.Filler, float]]:
    """Every filler of a memory with what its sentence makes of it."""
    mine = not of_me or not frames or any(f.subject_kind == "first" for f in frames)
    for frame in frames:
        weight = 0.5 + share(frame.text) / 2
        if of_me and frame.subject_kind == "person":
            weight *= _STRANGER
        if frame.negated and not denied:
            weight *= _DENIED
        yield from ((filler, weight) for filler in ask.fillers(frame))
    for sentence in doc.sents:
        own = [f for f in frames if f.text == sentence.text.strip()]
        weight = (0.5 + share(sentence.text) / 2) * (1.0 if mine else _STRANGER)
        if own and all(f.negated for f in own) and not denied:
            weight *= _DENIED
        yield from ((filler, weight) for filler in ask.spans(sentence))
        yield from ((filler, weight) for filler in adjuncts(sentence))


def _like_the_noun(asked: ask.Asked, spans: list[Span], alike: Alike | None) -> list[Span]:
    """ "Which herb": what is nearer in meaning to a herb weighs more, and what is called a herb most."""
    noun = asked.noun
    if not noun or asked.wanted not in ("what", "who", "name", "where") or not spans or noun in _EMPTY:
        return spans
    stem = noun.removesuffix("s")
    bare = [" ".join(w for w in s.text.split() if w.casefold() not in _DETERMINERS) for s in spans]
    kept = [(s, b) for s, b in zip(spans, bare, strict=True) if answer_key(b).removesuffix("s") != stem]
    called = [any(w.removesuffix("s") == stem for w in answer_key(b).split()) for _, b in kept]
    if any(called):
        return [replace(s, fit=s.fit * (_NEAR if own else 1.0), sure=s.sure or own)
                for (s, _), own in zip(kept, called, strict=True)]  # fmt: skip
    if alike is None or not kept:
        return [s for s, _ in kept]
    near = alike(noun, [b for _, b in kept])
    return [replace(s, fit=s.fit * (_APART + _NEAR * n)) for (s, _), n in zip(kept, near, strict=True) if n >= _FAR]


def _apart(text: str, asked: ask.Asked, spelled: dict[str, str]) -> str:
    """ "lactose" of "lactose intolerant", where the intolerance is asked for."""
    words = text.split(" ")
    kind = ask.concept(asked.noun.removesuffix("s"))
    last = words[-1].casefold()
    if len(words) < 2 or not kind or last == asked.noun or ask.concept(spelled.get(last, last)) != kind:
        return text
    return " ".join(words[:-1])


def _rest(asked: ask.Asked, doc: Any) -> str:
    """What one sentence says besides all that is asked, where it is one run of words: no parse is needed for it."""
    wanted = asked.words - {ask.concept(asked.noun.removesuffix("s"))}
    for sentence in doc.sents:
        if not wanted or not wanted <= ask.lemmas(sentence):
            continue
        left = [t for t in sentence if not t.is_punct and ask.lemmas([t]) - asked.words]
        if left and left[-1].i - left[0].i == len(left) - 1 and len(left) <= _MAX_REST:
            return str(doc[left[0].i : left[-1].i + 1].text)
    return ""


def _numbered(asked: ask.Asked, question: str, text: str) -> str:
    """ "B14" of "gate B14", where it asks which gate; "42" of "a size 42 shoe", where it asks for the shoe size."""
    if asked.wanted != "what":
        return ""
    nouns = [asked.noun] if asked.noun else [w for w in re.findall(r"[a-z]{3,}", question) if w not in _DETERMINERS]
    told = [re.search(rf"\b{re.escape(n)} (?:number |no\.? )?(?P<which>\w*\d[\w-]*)\b", text, re.I) for n in nouns]
    found = {m["which"] for m in told if m is not None}
    return found.pop() if len(found) == 1 else ""


def _is_quantity(text: str) -> bool:
    return bool(_QUANTITY.search(text)) or any(
        p in lex.NUMBER_WORDS for w in text.casefold().split() for p in w.split("-")
    )


def _said(span: str, question: str, asked: ask.Asked, spelled: dict[str, str]) -> bool:
    """Whether the question itself says the span, maybe in other words: what is asked for is not in the question."""
    words = [w for w in answer_key(span).split() if w not in ("my", "our", "your")]
    said = set(answer_key(question).split())
    plain = [ask.concept(spelled.get(w, w)) for w in words if w not in said and w not in _EMPTY]
    return (bool(words) and all(w in asked.words for w in plain)) or span.lower() in _NOBODY


def _echo(span: str, asked: ask.Asked, spelled: dict[str, str]) -> float:
    """Share of a span's words that the question says already."""
    words = [spelled.get(w, w) for w in answer_key(span).split()]
    return sum(w in asked.words for w in words) / len(words) if words else 0.0


def _counts(number: str, noun: str, text: str) -> bool:
    """Whether `number` stands before the counted noun in `text`."""
    return bool(noun) and re.search(rf"\b{re.escape(number)}\s+(\w+\s+)?{re.escape(noun[:5])}", text, re.I) is not None

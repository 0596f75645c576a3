"""What a question about space asks: a relation, what is there, a way, a direction, a distance, a place.

In: a question. Out: an `Asking`, or None for a question that is not about space. English word patterns around the
vocabulary. Knows nothing of any map: whether the names are known is for `deciding.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hippo_mem.spatial.names import key_of, place_name
from hippo_mem.spatial.vocabulary import PHRASE, relation_of

Kind = Literal["is", "which", "whose", "route", "reach", "where", "direction", "distance"]
Style = Literal["letters", "words", "names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """`subject` stands (or not) in `relation` to `object`; a way leads from `object` to `subject`. Names are keys.

    "which": what stands in `relation` to `object`. "whose": to what does `subject` stand in it.
    """

    kind: Kind
    subject: str = ""
    object: str = ""
    relation: str = ""
    style: Style | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The keys that the map has to know."""
        return tuple(n for n in (self.subject, self.object) if n)


_POLITE = re.compile(
    r"^(?:(?:so|and|now|ok|okay|well|please|hey|hi)[,!]? )*(?:(?:can|could|would|will) you (?:please )?(?:tell|"
    r"show|explain to|remind) (?:me|us)|"
    r"(?:please )?tell me|do you (?:know|remember)|i(?:'d| would) like to know|i want to know|remember|show "
    r"me),? (?:that )?",
    re.IGNORECASE,
)
_BE = r"(?:is|are|was|were|lies?|would|does|do|did)"
_IS = re.compile(
    rf"^(?:is|are|was|were|does|do) (?P<s>.+?) (?:lie |located |situated |found |still |directly "
    rf")?(?P<rel>{PHRASE}) (?P<o>.+)$",
    re.I,
)
_WHICH = re.compile(
    rf"^(?:what|which|who)(?:'s| else)?(?: (?:place|room|thing|object|building|city|shape|block|area|location|one)s?)?"
    rf"(?: is| are| was| lies| can be found| do you (?:find|see|reach)| is there| is located| is situated)? "
    rf"(?P<rel>{PHRASE}) (?P<o>.+)$",
    re.IGNORECASE,
)  # fmt: skip
_WHOSE = re.compile(rf"^(?:what|which \w+) (?:is|are|was) (?P<s>.+?) (?P<rel>{PHRASE})$", re.IGNORECASE)
_FROM_TO = re.compile(r"\bfrom (?P<o>.+?) (?:in)?to (?P<s>.+)$", re.IGNORECASE)
_TO_FROM = re.compile(
    r"\b(?:to|reach|enter|into) (?P<s>.+?) (?:(?:if|when|once) (?:i am|i'm|you are|you're|we are) (?:in|at)|"
    r"(?:starting |coming )?from|starting (?:in|at)) (?P<o>.+)$",
    re.I,
)
_BETWEEN = re.compile(r"\bbetween (?P<o>.+?) and (?P<s>.+)$", re.IGNORECASE)
_GO = r"(?:go|get|walk|travel|come|move|reach|drive|navigate|proceed|head|run|arrive)"
_ROUTE = re.compile(
    rf"^(?:how (?:do|does|can|could|would|should|will|to|might) ?(?:\w+ )??{_GO}\b|how to {_GO}\b|(?:what|"
    rf"which) (?:is|are|was) (?:the |a )?"
    r"(?:\w+ )?(?:way|route|path|directions?|moves?)\b|(?:what|which) (?:way|route|path|directions?|moves?|"
    r"steps)\b|(?:what|which) (?:rooms|places|stops|stations|nodes)\b.*\bfrom\b.*\bto\b|(?:find|give|plan|describe|"
    r"compute|name|list|tell|show)\b.*\b(?:way|route|path|directions)\b"
    rf"|(?:the )?(?:\w+ )?(?:route|path|directions|way) (?:from|to)\b|{_GO} from\b)",
    re.IGNORECASE,
)  # fmt: skip
_REACH = re.compile(
    rf"^(?:(?:can|could) (?:you|i|we|one|someone|\w+) {_GO}|is there (?:a |any )?(?:way|path|route|connection)|"
    rf"is it possible to {_GO})\b",
    re.I,
)
_REACHABLE = re.compile(r"^(?:is|are) (?P<s>.+?) (?:reachable|accessible) from (?P<o>.+)$", re.IGNORECASE)
_DISTANCE = re.compile(
    r"^(?:how far|how many (?:steps|moves|blocks|rooms|hops|stops)|what is the (?:\w+ )?(?:distance|path "
    r"length|number of (?:steps|moves)))\b",
    re.I,
)
_HOW_FAR = re.compile(
    r"^how (?:far|many \w+)(?: away)? (?:is|are|lies) (?P<s>.+?)(?: away)? from (?P<o>.+)$", re.IGNORECASE
)
_RELATIVE = re.compile(
    r"^(?:where (?:is|are|was|does|lies)|(?:in )?(?:what|which) (?:direction|way|side) (?:is|are|lies)|what is "
    r"the (?:position|location|direction|relation|relationship|"
    r"relative position|spatial relation) of|(?:in )?what (?:direction|relation) (?:is|does)) (?P<s>.+?)(?: "
    r"lie| located| situated| stand)?,? (?:relative to|compared (?:to|with)|in relation to|with respect to|"
    r"(?:as )?seen from|when seen from|from|to) (?P<o>.+)$",
    re.IGNORECASE,
)  # fmt: skip
_WHERE = re.compile(
    r"^where(?:'s| is| are| was| were| can (?:i|you|we) find| would (?:i|you) find| do (?:i|you) find) "
    r"(?P<s>.+?)(?: located| situated| to be found)?$",
    re.I,
)


# "I am in the hall and need to be in the attic. Which directions do I take?"
_BEING = re.compile(
    rf"^(?:i am|i'm|we are|we're|you are|you're|one is) (?:now |currently |standing )?(?:in|at) (?P<o>.+?)"
    rf"(?:,? (?:and|but)|[.,;]) .*?\b(?:be (?:in|at)|{_GO}(?: back| over| on)?(?: (?:in)?to)?) "
    r"(?P<s>[^.,;?]+?)(?:[.,;?]|$)",
    re.IGNORECASE,
)
_WAY_WANTED = re.compile(
    r"\b(?:which|what) (?:directions?|way|route|path|moves?|turns?)\b|\bhow (?:do|can|should|would) (?:i|we|you|one)\b|"
    r"\b(?:tell|show|give) me the (?:way|route|path|directions)\b",
    re.IGNORECASE,
)


def read_question(question: str) -> Asking | None:
    """What `question` asks of the map; None where it asks something else. Never raises."""
    text = " ".join(question.split()).strip()
    text = re.sub(r"\s*(?:,? (?:please|now|then))?[?.!\s]*$", "", text)
    text = _POLITE.sub("", text)
    if not text or len(text) > 400:
        return None
    if (match := _BEING.match(text)) and _WAY_WANTED.search(text):
        return _pair("route", match)
    if match := _REACHABLE.match(text):
        return _pair("reach", match)
    if _REACH.match(text):
        return _pair("reach", _ways(text))
    if (match := _HOW_FAR.match(text)) and match["s"].casefold() != "it":
        return _pair("distance", match)
    if _DISTANCE.match(text):
        return _pair("distance", _ways(text))
    if match := _RELATIVE.match(text):
        return _pair("direction", match)
    if _ROUTE.match(text):
        style: Style | None = None
        low = question.casefold()
        if re.search(
            r"\b(?:which|what|list|name|give|tell me)(?: me)?(?: all)?(?: the)? "
            r"(?:rooms|places|stops|stations|nodes)\b|\bthrough which\b",
            low,
        ):
            style = "names"
        elif re.search(r"\b(?:in|as|using) (?:full )?words\b|\bspelled out\b", low):
            style = "words"
        elif re.search(r"\bletters?\b|\binitials\b", low):
            style = "letters"
        text = re.sub(
            r"[,.;:]? (?:in|as|using|by) (?:full )?(?:words|letters|initials).*$", "", text, flags=re.IGNORECASE
        )
        return _pair("route", _ways(text), style)
    for kind, pattern in (("is", _IS), ("which", _WHICH), ("whose", _WHOSE)):
        if match := pattern.match(text):
            relation = relation_of(match["rel"])
            if relation is None:
                continue
            names = {g: _key(match[g]) for g in ("s", "o") if g in pattern.groupindex}
            if all(names.values()):
                return Asking(
                    kind=kind,  # type: ignore[arg-type]
                    subject=names.get("s", ""), object=names.get("o", ""), relation=relation.name,
                )  # fmt: skip
    if match := _WHERE.match(text):
        subject = _key(match["s"])
        return Asking(kind="where", subject=subject) if subject else None
    return None


def _ways(text: str) -> re.Match[str] | None:
    return _TO_FROM.search(text) if not _FROM_TO.search(text) else _FROM_TO.search(text) or _BETWEEN.search(text)


def _pair(kind: Kind, match: re.Match[str] | None, style: Style | None = None) -> Asking | None:
    if match is None:
        return None
    subject, thing = _key(match["s"]), _key(match["o"])
    return Asking(kind=kind, subject=subject, object=thing, style=style) if subject and thing else None


def _key(text: str) -> str:
    """The key of a name in a question; "" where it can be none. A bare word is taken for a name: the map will know."""
    name = place_name(text) or (text.strip() if len(text.split()) <= 4 else "")
    return key_of(name) if name else ""

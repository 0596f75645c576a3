"""From told sentences to statements about space: which place stands how to which.

In: any text. Out: `Statement`s in reading order, none where nothing spatial is said; a question, a denial, a wish
states nothing. English word patterns around the vocabulary; no parser and no model. Knows nothing of stores, of what
was told before, or of grids (`grid.py` reads those).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hippo_mem.spatial.names import is_place_noun, place_name
from hippo_mem.spatial.vocabulary import HEADING, PHRASE, RELATIONS, Relation, move_of, relation_of, wording
from hippo_mem.spatial.walking import legs


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`subject` stands in `relation` to `object`: "kitchen", "north", "hallway".

    `distance` is how many steps (or meters) lie between, 1 where nothing is said. `moved`: somebody went from
    `object` to `subject`. `passable` False: the way is closed, True: it is open again, None: nothing is said.
    """

    subject: str
    relation: str
    object: str
    distance: float = 1.0
    moved: bool = False
    passable: bool | None = None

    @property
    def text(self) -> str:
        """In words: "kitchen is north of hallway"."""
        if self.passable is not None:
            return f"the way from {self.object} to {self.subject} is {'open' if self.passable else 'closed'}"
        return f"{self.subject} is {wording(RELATIONS[self.relation])} {self.object}"


_NUMBERS = {w: float(i) for i, w in enumerate("zero one two three four five six seven eight nine ten".split())}
_NUMBERS |= {"a": 1.0, "an": 1.0, "a couple of": 2.0}
# Steps of any kind count as one; lengths are turned into meters.
_UNITS = {"kilometer": 1000.0, "kilometre": 1000.0, "km": 1000.0, "mile": 1609.344, "foot": 0.3048, "feet": 0.3048,
          "yard": 0.9144}  # fmt: skip
_STEP = "steps?|blocks?|rooms?|cells?|squares?|tiles?|doors?|houses?|units?|floors?|streets?|places?|stops?"
_LENGTH = "meters?|metres?|m|kilometers?|kilometres?|km|miles?|feet|foot|yards?"
_QUANTITY = (
    rf"(?:(?:about |roughly |exactly |only )?(?P<n>\d+(?:\.\d+)?|{'|'.join(_NUMBERS)}) "
    rf"(?P<unit>{_STEP}|{_LENGTH}) (?:away )?)"
)
_BE = (
    r"(?:(?:is|are|was|were|'s)(?: now| also| still| both| all)?"
    r"(?: (?:located|situated|positioned|placed|found|built|set|standing|lying|sitting))?"
    r"|lies|lie|sits|stands|stand|can be found|could be found)"
)
_ADVERB = r"(?:(?:also|just|directly|immediately|exactly|somewhere|further|a bit|slightly|right|there) )?"
_RELATED = rf"{_ADVERB}{_QUANTITY}?{_ADVERB}(?P<rel>{PHRASE})(?= )"
_INSIDE_GUARD = re.compile(
    r"^(?:front|between|the (?:middle|center|centre|midst|way|process|end|mood)|order|case)\b", re.I
)

_A = re.compile(rf"^(?P<s>.+?) {_BE} {_RELATED} (?P<rest>.+)$", re.IGNORECASE)
_B = re.compile(
    rf"^{_ADVERB}{_QUANTITY}?(?P<rel>{PHRASE}) (?P<o>.+?),? (?:{_BE}|(?:you|one|we|i)(?: can| will|'ll)? "
    rf"(?:find|see|reach|have)"
    r"|there (?:is|are|was|were)|there's) (?P<s>.+)$",
    re.IGNORECASE,
)
_C = re.compile(
    r"^(?:there (?:is|are|was|were)|there's|(?:you|one|we|i) (?:can |will |'ll )?(?:find|see|have)) "
    rf"(?P<s>.+?) {_RELATED} (?P<rest>.+)$",
    re.IGNORECASE,
)
_D = re.compile(
    r"^(?P<o>.+?) (?:has|had|contains) (?P<s>.+?) (?:to|on|at|in) (?:the|its) (?P<dir>"
    + HEADING
    + r")(?: side| end)?$",
    re.IGNORECASE,
)
_NEXT = re.compile(rf"(?:,\s*(?:and |but )?|\s+(?:and|but)\s+)(?:(?:it )?{_BE} )?(?:also )?{_RELATED} ", re.IGNORECASE)
_SEEN = re.compile(
    rf"^(?:seen |viewed |looking )?from (?P<o>[^,]+),? (?P<s>.+?) {_BE} (?:to|on|in) (?:the |its "
    rf")(?P<dir>{HEADING})(?: side)?$",
    re.IGNORECASE,
)
_LEADS = re.compile(
    r"^(?P<s>.+?) (?:(?:directly )?(?:connects?|leads?|links?|joins?|opens?)(?: directly)? (?:to|into|onto|with|on to)"
    r"|(?:directly )?(?:adjoins?|borders?|neighbou?rs|connects|joins|touches|faces)) (?P<o>.+?)"
    r"(?: (?:to|on|in|at) (?:the|its) (?P<dir>" + HEADING + r")(?: side| end)?)?$",
    re.IGNORECASE,
)
_PAIR = re.compile(
    rf"^(?P<s>.+?) and (?P<o>.+?) {_BE} (?:directly )?(?:(?P<adj>connected|adjacent|adjoining|neighbou?rs|side "
    rf"by side|linked|joined)"
    r"(?: to each other| by a .+)?|(?P<next>next to|beside|near|close to) (?:each other|one another))$",
    re.IGNORECASE,
)
_WAY = (
    r"(?:a |an |the |one )?(?:\w+ )?(?:door|doorway|passage|passageway|path|footpath|pathway|walkway|road|corridor|"
    r"bridge|way|tunnel|stairway|staircase|stairs|gate|connection|route|street|alley|avenue|lane|track|trail|line|"
    r"railway|canal|ferry|link|edge|hatch|ladder)"
)
_DOOR = re.compile(
    rf"^there(?: is|'s| was) {_WAY} (?:(?:that |which )?"
    rf"(?:connects|links|joins|leads from|runs between|runs from)|between|from|connecting|joining|linking) "
    rf"(?P<s>.+?) (?:and|to|with) (?P<o>.+)$",
    re.I,
)
_JOINS = re.compile(
    rf"^{_WAY} (?:connects|joins|links|runs between|leads from|runs from) (?P<s>.+?) (?:and|to|with) (?P<o>.+)$", re.I
)
_SHUT = re.compile(
    rf"^{_WAY} (?:between|from) (?P<s>.+?) (?:and|to) (?P<o>.+?) (?:is|was|has been|are) (?:now |currently )?"
    r"(?P<how>blocked|closed|locked|shut|barred|impassable|open|opened|reopened|unlocked|clear|passable)(?: "
    r"again| now)?$",
    re.IGNORECASE,
)
_CUT = re.compile(
    r",.*$|\s+(?:which|that|where|who|because|since|while|whereas|when|so|but|if|though|although|with|as well)\b.*$"
    r"|\s+(?:on|in) (?:the|this|my|our) (?:\w+ )?(?:floor|map|picture|image|plan|house|building|grid|diagram)\b.*$"
    r"|\s+-+\s.*$|\s*\(.*$",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:and|but|so|also|then|well|now|okay|ok|first|next|finally|remember|note|actually|please note|as you know|"
    r"imagine|you should know|i (?:think|know|believe|remember|noticed|learned|learnt)|(?:he|she|they|\w+) "
    r"(?:said|says|told (?:me|us)))"
    r"(?: that)?,? |on the map,? |in (?:the|this|my|our) (?:house|home|building|flat|apartment|picture|image|"
    r"map|town|city|village|office),? )+",
    re.IGNORECASE,
)
_UNSAID = re.compile(
    r"\b(?:not|n't|isn't|aren't|never|no longer|neither|nor|would|should|might|may|wish|hope|pretend|suppose|used to|"
    r"whether|perhaps|maybe|nothing|nobody)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_CONJUNCTION = re.compile(r"(?:,\s*|\s+)(?:and|but|while|whereas)\s+", re.IGNORECASE)
_MAX_SENTENCE = 600  # characters; nobody says where something is in a longer one
_ABBREVIATION = re.compile(r"\b(St|Mt|Dr|Mr|Mrs|Ms|No|Ft)\.(?= )")


def read_statements(text: str) -> list[Statement]:
    """Every spatial statement of `text`; `[]` for a text without any. Never raises."""
    found: list[Statement] = []
    here: str | None = None  # where the walk of this text has come to
    last = ""  # what "it" stands for
    for sentence in _SENTENCE.split(_ABBREVIATION.sub(r"\1", text)):
        sentence = " ".join(sentence.split())
        if not sentence or sentence.endswith("?") or len(sentence) > _MAX_SENTENCE:
            continue
        sentence = _LEAD.sub("", sentence.rstrip(".!; "))
        shut = _closed(sentence)
        if shut:
            found += shut
            continue
        if _UNSAID.search(sentence):
            continue
        walked, here = legs(sentence, here)
        if walked:
            found += [
                Statement(subject=w.to, relation=w.relation.name, object=w.start, distance=w.distance, moved=True)
                for w in walked
            ]
            continue
        for clause in _clauses(sentence):
            for statement in _clause(clause, last):
                found.append(statement)
                last = statement.subject
    return list(dict.fromkeys(found))


def _clauses(sentence: str) -> Iterator[str]:
    """The sentence cut where "and" joins two whole statements."""
    start = 0
    for conjunction in _CONJUNCTION.finditer(sentence):
        left, right = sentence[start : conjunction.start()], sentence[conjunction.end() :]
        if _states(left) and _states(right):
            yield left
            start = conjunction.end()
    yield sentence[start:]


def _states(clause: str) -> bool:
    if (match := _A.match(clause)) or (match := _C.match(clause)) or (match := _LEADS.match(clause)):
        return bool(_names(match["s"])) or match["s"].casefold() == "it"
    return False


def _clause(clause: str, last: str) -> list[Statement]:
    for pattern in (_PAIR, _DOOR, _JOINS):
        if match := pattern.match(clause):
            near = "next" in pattern.groupindex and match["next"] in ("near", "close to")
            return _related(match["s"], RELATIONS["near" if near else "adjacent"], _cut(match["o"]))
    for pattern in (_C, _A):
        if match := pattern.match(clause):
            subject = last if match["s"].casefold() == "it" else match["s"]
            if found := list(_chain(subject, match)):
                return found
    if match := _B.match(clause):
        relation = relation_of(match["rel"])
        if relation and (found := _related(_cut(match["s"]), relation, match["o"], _distance(match))):
            return found
    if match := _SEEN.match(clause) or _D.match(clause):
        relation = move_of(match["dir"])
        if relation:
            return _related(match["s"], relation, match["o"])
    if match := _LEADS.match(clause):
        subject, goal = match["s"], _cut(match["o"])
        names = (*_names(subject), *_names(goal))
        if len(names) >= 2 and (any(is_place_noun(n) for n in names) or all(n[0].isupper() for n in names)):
            heading = move_of(match["dir"]) if match["dir"] else None
            return _related(goal, heading or RELATIONS["adjacent"], subject)
    return []


def _chain(subject: str, match: re.Match[str]) -> Iterator[Statement]:
    """One subject and each of its relations: "is north of the hall and west of the garden"."""
    rest, relation, distance = match["rest"], relation_of(match["rel"]), _distance(match)
    while relation is not None:
        following = _NEXT.search(rest)
        while following and relation_of(following["rel"]) is None:
            following = _NEXT.search(rest, following.end())
        thing = rest[: following.start()] if following else rest
        if relation.name == "inside" and _INSIDE_GUARD.match(thing):
            return
        yield from _related(subject, relation, _cut(thing), distance)
        if following is None:
            return
        rest, relation, distance = rest[following.end() :], relation_of(following["rel"]), _distance(following)


def _related(
    subjects: str, relation: Relation, objects: str, distance: float = 1.0, passable: bool | None = None
) -> list[Statement]:
    """Statements of every named pair; a pair in which one side names no place gives none."""
    found = []
    for subject in _names(subjects):
        for thing in _names(objects):
            if relation.name == "inside" and not _region(subject, thing):
                continue
            found.append(
                Statement(
                    subject=subject, relation=relation.name, object=thing, distance=distance, passable=passable
                )
            )  # fmt: skip
    return found


def _region(subject: str, thing: str) -> bool:
    """Whether "A is in B" tells of two places; "Mary is in the kitchen" and "milk is in the fridge" tell of a thing."""
    return is_place_noun(subject) and (is_place_noun(thing) or thing[0].isupper())


def _closed(sentence: str) -> list[Statement]:
    match = _SHUT.match(sentence)
    if match is None:
        return []
    opened = match["how"].casefold() in ("open", "opened", "reopened", "unlocked", "clear", "passable")
    both = _related(match["s"], RELATIONS["adjacent"], match["o"], passable=opened)
    return [replace(s, subject=s.object, object=s.subject) for s in both]


def _names(text: str) -> list[str]:
    """ "the kitchen and the pantry" -> both; `[]` unless every part is a name."""
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+", text.strip())
    names = [place_name(p) for p in parts if p.strip()]
    if all(names):
        return [n for n in names if n]
    whole = place_name(text)
    return [whole] if whole else []


def _cut(text: str) -> str:
    return _CUT.sub("", text, count=1).strip() if not re.match(r"^[^,]+, (?:and )?(?:the|a) ", text) else text


def _distance(match: re.Match[str]) -> float:
    if match["n"] is None:
        return 1.0
    number = match["n"].casefold()
    value = _NUMBERS[number] if number in _NUMBERS else float(number)
    unit = match["unit"].casefold()
    return value * _UNITS.get(unit, _UNITS.get(unit.rstrip("s"), 1.0))

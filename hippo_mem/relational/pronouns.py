"""Whom a pronoun stands for: the nearest earlier mention that agrees, subjects before others.

In: mentions in the order of the text, then a pronoun. Out: the names it stands for, or none. The rule is measured by
`benchmarks/tuples.py` as part of the whole. Knows nothing of parsers or relations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.tuples import USER, Kind

Gender = Literal["she", "he", ""]

_SHE = lex.word_set(
    "mother sister daughter wife girlfriend fiancee aunt niece grandmother grandma granny granddaughter landlady "
    "stepmother godmother woman girl lady actress waitress queen mrs ms miss mom mum madam nun policewoman widow "
    # first names
    "mary anna ana anne emma olivia ava sophia sofia isabella mia charlotte amelia harper evelyn abigail emily ella "
    "elizabeth camila luna victoria aria grace chloe penelope layla lucy zoe nora lily hannah lillian ellie natalie "
    "leah hazel violet aurora audrey bella claire skylar julie julia sandra susan linda karen sarah nancy betty helen "
    "carol ruth sharon michelle laura kim deborah jessica cynthia angela melissa rebecca stephanie kathleen amy alice "
    "jane rose rachel catherine kate margaret martha diana eva elena maria marta nina ingrid greta rosa clara ines "
    "irene caroline melanie joanna lea priya aisha leila yuki mina petra"
)
_HE = lex.word_set(
    "father brother son husband boyfriend uncle nephew grandfather grandpa grandson landlord stepfather godfather man "
    "boy gentleman actor waiter king mr sir dad monk priest policeman fireman widower "
    "john james robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark "
    "donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary "
    "nicholas eric jonathan stephen larry justin scott brandon benjamin samuel frank gregory raymond patrick jack "
    "dennis jerry tyler aaron henry douglas peter adam nathan zachary walter kyle harold carl jeremy keith roger bill "
    "fred jeff tom tim tony bob jim joe max leo luca hugo otto karl hans lars sven omar ali ahmed mustafa ravi raj "
    "kenji noah liam oliver lucas ethan mateo pedro juan carlos antonio marco paulo victor viktor ivan dimitri emil "
    "bruno felix jonas oskar stefan klaus ben theo greg bernard lukas jan nate"
)
_TITLE = re.compile(r"^(mr|mrs|ms|miss|sir|uncle|aunt|king|queen)\b", re.IGNORECASE)


def gender_of(name: str) -> Gender:
    """What a name or description is called by, where its words tell: `Mrs. Hall` gives "she"."""
    low = name.lower()
    title = _TITLE.match(low)
    words = [title[1]] if title else re.findall(r"[^\W\d]+", low)
    for word in (*words[:1], *words[-1:]):
        if word in _SHE:
            return "she"
        if word in _HE:
            return "he"
    return ""


def _leaning(name: str) -> Gender:
    """For names not listed: most that end in -a are women's. A leaning only breaks ties."""
    return "she" if name.split(" ")[0].lower().endswith("a") else ""


@dataclass(slots=True)
class _Mention:
    names: tuple[str, ...]
    kind: Kind
    plural: bool
    gender: Gender
    subject: bool
    clause: int


def _may_be(mention: _Mention, gender: Gender) -> bool:
    return not mention.plural and mention.gender in (gender, "")


@dataclass(slots=True)
class Pronouns:
    """The mentions of one text so far."""

    _mentions: list[_Mention] = field(default_factory=list)
    _clause: int = 0

    def next_clause(self) -> None:
        """What follows belongs to a new clause."""
        self._clause += 1

    def mention(self, names: tuple[str, ...], kind: Kind, *, plural: bool, subject: bool) -> None:
        """Note that `names` were mentioned together in the current clause."""
        if not names or USER in names or any(n.lower() in lex.PRONOUNS for n in names):
            return
        if kind == "thing" and names[0][:1].isupper() and gender_of(names[0]):
            kind = "person"
        called: Gender = gender_of(names[0]) if len(names) == 1 and kind == "person" else ""
        for earlier in reversed(self._mentions):
            if earlier.names == names and earlier.gender:
                called = earlier.gender
                break
        self._mentions.append(
            _Mention(names=names, kind=kind, plural=plural or len(names) > 1, gender=called, subject=subject,
                     clause=self._clause)
        )  # fmt: skip

    def resolve(self, pronoun: str, *, subject: bool = False, possessive: bool = False) -> tuple[str, ...]:
        """Whom `pronoun` stands for; `()` where nothing agrees.

        `subject` says where the pronoun stands: one that is not a subject is never the subject of its own clause
        ("Tom saw him"), except where it is `possessive` ("Tom saw his mother").
        """
        word = pronoun.lower()
        if word in ("he", "him", "his"):
            return self._person("he", subject, possessive)
        if word in ("she", "her", "hers"):
            return self._person("she", subject, possessive)
        if word in ("they", "them", "their", "theirs"):
            fits = [m for m in self._mentions if m.plural]
            return self._pick(fits, subject, possessive)
        if word in ("it", "its"):
            fits = [m for m in self._mentions if not m.plural and m.kind in ("thing", "place")]
            return self._pick(fits, subject, possessive)
        return ()

    def _person(self, gender: Gender, subject: bool, possessive: bool) -> tuple[str, ...]:
        fits = [m for m in self._mentions if _may_be(m, gender) and m.kind == "person"]
        # A rare name may not have been known for a person's.
        fits = fits or [
            m for m in self._mentions if _may_be(m, gender) and m.names[0][:1].isupper() and m.kind == "thing"
        ]
        sure = [m for m in fits if m.gender == gender]
        leaning = [m for m in fits if not m.gender and _leaning(m.names[0]) == gender]
        apart = [m for m in fits if m in sure or _leaning(m.names[0]) in (gender, "")]
        if not possessive and sure and (gender == "she" or len(sure) == len(fits)):
            fits = sure
        elif gender == "she" and leaning and not sure:
            fits = leaning
        elif apart:
            fits = apart
        found = self._pick(fits, subject, possessive)
        for m in self._mentions:
            if found and m.names == found:
                m.gender = gender  # who was once "she" is not "he" later in the text
        return found

    def _pick(self, fits: list[_Mention], subject: bool, possessive: bool) -> tuple[str, ...]:
        here = {m.names for m in self._mentions if m.clause == self._clause and m.subject}
        if not subject and not possessive:
            fits = [m for m in fits if m.names not in here]
        if not fits:
            return ()
        if possessive:
            own = [m for m in fits if m.clause == self._clause and m.subject]
            if own:
                return own[-1].names
        latest = max(m.clause for m in fits)
        last = [m for m in fits if m.clause == latest]
        return next((m.names for m in last if m.subject), last[-1].names)

"""What sort of thing an entity is, from the relations it stands in: who lives somewhere is a person, where somebody
lives a settlement, where somebody works an organization.

In: entities and the facts at them. Out: sorts, and whether an entity may answer a question word or is what a noun
calls it. No list of places or of first names is consulted. Knows nothing of how a question was put.
"""

from __future__ import annotations

from typing import Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.entities import Entity
from hippo_mem.relational.lookups import Lookups
from hippo_mem.relational.relation_words import singular
from hippo_mem.relational.vocabulary import role_name

Sort = Literal["person", "settlement", "organization", "place", "thing", "language"]

_TAILS: dict[str, Sort] = {
    **dict.fromkeys(("lives_in", "moved_to", "move_from", "born_in", "died_in", "hometown", "grow_up_in", "retire_to",
                     "emigrate_to", "resident_in", "reside_in", "capital"), "settlement"),
    **dict.fromkeys(("works_at", "employer", "studies_at", "graduated_from", "work_for"), "organization"),
    **dict.fromkeys(("located_at", "located_in", "based_in"), "place"),
    **dict.fromkeys(("spouse", "owner", "engaged_to"), "person"), "speaks": "language", "owns": "thing",
    "has": "thing",
}  # fmt: skip
_HEADS: dict[str, Sort] = {
    **dict.fromkeys(("lives_in", "works_at", "works_as", "spouse", "born_in", "speaks", "plays", "studies", "likes",
                     "engaged_to", "studies_at", "drives", "moved_to"), "person"),
    **dict.fromkeys(("employ", "publish", "employer_of"), "organization"), "owner": "thing",
}  # fmt: skip
SETTLEMENTS = lex.word_set("city town village")
REGIONS = lex.word_set("country state region county province nation")
_PLACES = lex.word_set(
    "place room street location area building spot neighborhood neighbourhood island harbor harbour port address home"
)
_PEOPLE = lex.word_set("person man woman one guy lady girl boy someone somebody people gentleman fellow human")
_ORGANIZATIONS = lex.word_set(
    "company firm employer organization organisation office business workplace institution paper newspaper publisher "
    "school college university label shop store agency studio factory"
)
_TIMES = lex.word_set("date day year month time hour week weekday season birthday anniversary")
_ANYWHERE = lex.word_set("go_to come_to visit attend see meet want need have has get use find like likes dislikes")
_LOOSE = lex.word_set("thing things item object one ones stuff")
# Nouns that ask for the tail of a relation by their own meaning.
_OF_RELATION: dict[str, frozenset[str]] = {
    "speaks": lex.word_set("language tongue"), "speak": lex.word_set("language tongue"),
    "plays": lex.word_set("instrument sport game"), "play": lex.word_set("instrument sport game"),
    "studies": lex.word_set("subject major field"), "study": lex.word_set("subject"),
    "teach": lex.word_set("subject class"), "works_as": lex.word_set("job profession occupation trade"),
    "is_a": lex.word_set("job profession occupation trade"), "works_at": _ORGANIZATIONS,
    "studies_at": _ORGANIZATIONS, "allergic_to": lex.word_set("food substance"),
}  # fmt: skip


def sorts_of(look: Lookups, entity: Entity) -> frozenset[Sort]:
    """The sorts that the facts at an entity, and its stored kind where that is telling, speak for."""
    heads, tails = look.relations_at(look.same(entity.id))
    found: set[Sort] = {_HEADS[r] for r in heads if r in _HEADS} | {_TAILS[r] for r in tails if r in _TAILS}
    if any(r.endswith("_of") and role_name(r.removesuffix("_of")) for r in heads):
        found.add("person")
    if entity.kind == "user" or (entity.kind == "person" and not found & {"settlement", "organization", "place"}):
        found.add("person")
    if entity.kind == "place":
        found.add("place")
    if "person" in found and "owner" in tails and not heads:
        found.discard("place")
    return frozenset(found)


def is_common(name: str) -> bool:
    """Whether a name is made of common nouns ("chart room", "Weser clinic") rather than being a proper name."""
    last = name.split(" ")[-1]
    return last[:1].islower()


def may_be(look: Lookups, entity: Entity, wanted: str) -> bool:
    """Whether the entity may answer "who", "where" or "what", as far as is known."""
    sorts = sorts_of(look, entity)
    if entity.kind in ("time", "number") and not sorts:
        return wanted == "what"
    if wanted == "who":
        return "person" in sorts or "organization" in sorts or (not sorts & {"settlement", "place", "language"} and (
            not is_common(entity.name) or entity.kind == "person"))  # fmt: skip
    if wanted == "where":
        return "person" not in sorts or bool(sorts & {"settlement", "place", "organization"})
    return True


def is_called(look: Lookups, entity: Entity, noun: str, relation: str, *, one: bool) -> bool | None:
    """Whether the entity is what a noun calls it: True, False, or None where nothing tells.

    Where somebody goes may be anything at all: there a noun that no fact confirms is taken for wrong.

    Args:
        relation: the one that led to it: what somebody speaks is a language.
        one: it is the only one there.
    """
    asked = singular(noun).split(" ")[-1]
    low = entity.name.lower()
    if not asked or asked in _LOOSE or low.split(" ")[-1] in (asked, noun):
        return True
    if asked in relation.split("_") or asked in _OF_RELATION.get(relation, ()):
        return True
    if any(look.entity(r.tail).key.split(" ")[-1] == asked for r in look.rows("is_a", heads=look.same(entity.id))):
        return True
    sorts = sorts_of(look, entity)
    if asked in _PEOPLE:
        return "person" in sorts or (None if not sorts and not is_common(entity.name) else False)
    if asked in SETTLEMENTS | REGIONS | _PLACES:
        return True if sorts & {"settlement", "place"} else False if "person" in sorts else None
    if asked in _ORGANIZATIONS:
        return True if "organization" in sorts else False if "person" in sorts else None
    if asked in ("color", "colour", "shade"):
        return any(w in lex.COLORS for w in low.split(" "))
    if asked in _TIMES:
        return entity.kind in ("time", "number") or (entity.kind == "value" and not sorts)
    if role_name(asked):
        return True if "person" in sorts else False if relation in _ANYWHERE else None
    if is_common(entity.name) or "person" in sorts:
        return False
    return None if one and relation not in _ANYWHERE else False

"""What a telling ends: milk that was drunk is in no fridge, who retired works nowhere, what was fixed is not broken.

In: the tuples of an event, and what held before. Out: what holds no longer, as denials, and the state a thing is in
then. Knows nothing of how tuples were read, or of what becomes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.before import Before
from hippo_mem.relational.dates import DATE, HOUR
from hippo_mem.relational.entities import entity_key
from hippo_mem.relational.relation_words import singular
from hippo_mem.relational.timeline import one_of_its_kind
from hippo_mem.relational.tuples import USER, Tuple
from hippo_mem.relational.vocabulary import ROLES, canonical
from hippo_mem.relational.whereabouts import LOCATED

# What somebody does or has for a while, in which one thing may take the place of another.
CURRENT = lex.word_set(
    "works_at works_as job studies studies_at drives plays use drink eat ride wear attend take teach practice practise "
    "member_of go_to subscribe_to rent smoke watch read learn train_in bank_with owns"
)
# What is used up, lost or given away is no longer where it was; what is taken from somewhere is there no longer.
_USED_UP = lex.word_set("bin eat drink finish_off use_up sell lose give_away throw_away burn")
_STOLEN = lex.word_set("stolen lost sold eaten gone destroyed")
_TAKEN_FROM = lex.word_set("take_from get_from pull_from fish_from grab_from remove_from")
_RETURNED = lex.word_set("return give_back bring_back hand_back")
_GIVEN_UP = lex.word_set("give_up quit stop cancel drop")
_CALLED_OFF = lex.word_set("cancelled canceled")
_MADE = {"fix": "fixed", "repair": "fixed", "mend": "fixed", "close": "closed", "shut": "closed", "open": "open",
         "lock": "locked", "unlock": "unlocked", "clean": "clean", "empty": "empty"}  # fmt: skip
_ANYBODY = lex.word_set("anybody anyone")
_SEEING = ("date", "see", "go_out_with")
_MARRIED = ("spouse", "wife_of", "husband_of")
_WORK = ("works_at", "works_as", "job")

# Relations of a telling that may end something.
ENDING = _USED_UP | _TAKEN_FROM | _RETURNED | _GIVEN_UP | _MADE.keys() | {"get_back", "is"}


def endings(before: Before, tuples: Sequence[Tuple]) -> Iterator[Tuple]:
    """What each sure telling ends; what is denied by a telling itself is not said again."""
    for t in tuples:
        if t.conf < 1.0:
            continue
        if t.negated:
            yield from _denied_kind(before, t)
            yield from _denied_to_all(before, t)
            if (kept := canonical(t.relation)) != t.relation and before.holds(t.head, (kept,), t.tail):
                yield replace(t, relation=kept)  # who stopped playing tennis plays none
        elif t.relation in ENDING:
            yield from _ended(before, t, tuples)


def no_longer_named(before: Before, denied: Tuple) -> Iterator[Tuple]:
    """Who is Ben's girlfriend no longer is not called so either."""
    role = denied.relation.removesuffix("_of")
    if role not in ROLES or role == denied.relation:
        return
    called = f"my {role}" if entity_key(denied.tail) == USER else f"{denied.tail}'s {role}"
    if before.holds(called, ("name",), denied.head):
        yield replace(denied, head=called, relation="name", tail=denied.head, tail_kind=denied.head_kind)


def _ended(before: Before, t: Tuple, tuples: Sequence[Tuple]) -> Iterator[Tuple]:
    if t.relation in _GIVEN_UP | {"lose"} and t.tail.endswith("'s job"):
        yield from _denied_to_all(before, replace(t, relation="has", tail="job", negated=True))
    elif t.relation in _GIVEN_UP:
        for relation in before.holds(t.head, sorted(CURRENT | {"has"}), t.tail):
            yield replace(t, relation=relation, negated=True)
    elif t.relation in _RETURNED:
        to_somebody = any(o.relation.startswith(f"{t.relation}_") for o in tuples)
        if not to_somebody and before.holds(t.head, ("has",), t.tail):
            yield replace(t, relation="has", negated=True, pattern="holding")
    elif t.relation == "get_back":
        yield replace(t, relation="has", pattern="holding")
    elif t.relation in _MADE:
        state = _MADE[t.relation]
        if any(lex.rules_out(state, held.key) for held in before.of(t.tail, ("is",))):
            yield replace(t, head=t.tail, head_kind=t.tail_kind, relation="is", tail=state, tail_kind="value")
    elif t.relation in _TAKEN_FROM:
        taken = t.relation.removesuffix("_from")
        for o in [o for o in tuples if (o.head, o.relation) == (t.head, taken)]:
            yield from _not_there(before, replace(t, head=o.tail, head_kind=o.tail_kind), only=entity_key(t.tail))
    elif t.relation in _USED_UP and one_of_its_kind(t):
        yield from _not_there(before, replace(t, head=t.tail, head_kind=t.tail_kind))
    elif t.relation == "is" and t.tail in _STOLEN:
        yield from _not_there(before, t)
    elif t.relation == "is" and t.tail == "divorced":
        for held in before.of(t.head, _MARRIED):
            yield replace(t, relation=held.relation, tail=held.name, tail_kind=held.kind, negated=True)
        for held in before.to(t.head, _MARRIED):
            yield replace(t, relation=held.relation, head=held.name, head_kind=held.kind, tail=t.head,
                          tail_kind=t.head_kind, negated=True)  # fmt: skip
    elif t.relation == "is" and t.tail in _CALLED_OFF:
        for held in before.of(t.head, (DATE, HOUR)):
            yield replace(t, relation=held.relation, tail=held.name, tail_kind=held.kind, negated=True)


def _not_there(before: Before, t: Tuple, only: str | None = None) -> Iterator[Tuple]:
    """The head of `t` is nowhere it was, or not at that one place."""
    for held in before.of(t.head, (LOCATED,)):
        if only in (None, held.key):
            yield replace(t, relation=LOCATED, tail=held.name, tail_kind=held.kind, negated=True, place="")


def _denied_kind(before: Before, t: Tuple) -> Iterator[Tuple]:
    """Who drinks no coffee any longer drinks no "two coffees" either: a bare noun denies everything of its kind."""
    if " " in t.tail or not t.tail.islower() or t.relation in (LOCATED, "is", "is_a", "name"):
        return
    kind = singular(t.tail)
    for held in before.of(t.head, (t.relation,)):
        if held.name != t.tail and singular(held.name).split(" ")[-1] == kind:
            yield replace(t, tail=held.name)


def _denied_to_all(before: Before, t: Tuple) -> Iterator[Tuple]:
    """Who sees nobody does not see Clara; who has no boss has not Ana as a boss; who has no job works nowhere."""
    if t.relation == "has" and t.tail in ROLES:
        for held in before.to(t.head, (f"{t.tail}_of",)):
            yield replace(t, head=held.name, head_kind=held.kind, relation=held.relation, tail=t.head,
                          tail_kind=t.head_kind)  # fmt: skip
        return
    relations: tuple[str, ...] = ()
    if t.tail in _ANYBODY:
        relations = _SEEING if t.relation in _SEEING else (t.relation,)
    elif t.relation == "has" and t.tail == "job":
        relations = _WORK
    for held in before.of(t.head, relations) if relations else ():
        if held.name != t.tail:
            yield replace(t, relation=held.relation, tail=held.name, tail_kind=held.kind)

"""What a telling says besides its own words: in one name for one meaning, and with what it ends or hands on.

"The clinic employs Ana" is that she works there; who sold the boat she owned owns it no longer; who left the clinic
she worked at works there no more; who switched from coffee to tea drinks tea, if it was coffee she drank.
In: the tuples of an event, and the store for what held before. Out: tuples.
Knows nothing of how tuples were read, or of what becomes of them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.before import Before
from hippo_mem.relational.dates import DATE, HOUR, only_hour
from hippo_mem.relational.endings import CURRENT, ENDING, endings, no_longer_named
from hippo_mem.relational.entities import entity_key
from hippo_mem.relational.timeline import one_of_its_kind
from hippo_mem.relational.tuples import Tuple

# What is told in these is kept in the other; "-" turns head and tail around.
_KEPT_AS = {"employ": "-works_at", "employer_of": "-works_at", "employee_of": "works_at", "owner_of": "-owner"}
_OWN = re.compile(r"^.*?'s ")
_NAMED_BY_RELATION = ("'s owner", "'s employer", "'s employee")
_GIVEN_AWAY = lex.word_set("sell give donate give_away bequeath pass_on sign_over gift leave_to award")
_ACQUIRED = lex.word_set("buy inherit purchase acquire win")
_LEFT = lex.word_set(
    "leave quit resign_from retire_from fired_from dismissed_from move_from move_away_from move_away moved_from "
    "move_out_of move_out drop_out_of depart_from expelled_from laid_off_from stop_working_at return_from "
    "come_back_from get_back_from come_home_from released_from discharged_from fall_off fall_from fall_out_of"
)
_PARTED = lex.word_set(
    "divorce leave break_up_with split_up_with split_with separate_from break_off_with divorced_from separated_from "
    "break_with fire dismiss"
)
# "from" is what is given up and "to" what takes its place; of the others it is the object, and what is named with it.
_SWITCHED = {
    f"{verb}_from": f"{verb}_to" for verb in "switch change convert transfer shift migrate upgrade downgrade".split()
}
_EXCHANGED = {"replace": "replace_with", "trade": "trade_for", "swap": "swap_for", "exchange": "exchange_for",
              "trade_in": "trade_in_for"}  # fmt: skip
_CURRENT_OF_OWN = ("is_a", "name", "is")
_ENDED_BY_LEAVING = ("works_at", "lives_in", "studies_at", "located_at", "member_of", "has_a_home_in")
_ENDED_BY_PARTING = ("spouse", "engaged_to", "partner_of", "girlfriend_of", "boyfriend_of", "wife_of", "husband_of",
                     "fiance_of", "date", "works_at")  # fmt: skip


def plainly(tuples: Iterable[Tuple]) -> list[Tuple]:
    """The tuples with every meaning in one relation. A description is named ("my boss" is Bo) after Bo is said to be
    what it describes: else whoever was the boss before would bear the new name.
    """
    found = []
    for t in _by_name(list(tuples)):
        if t.relation == "name" and t.head.endswith(_NAMED_BY_RELATION):
            continue  # said by the relation itself, which can pass to somebody else
        kept = HOUR if t.relation == DATE and only_hour(t.tail) else _KEPT_AS.get(t.relation, "")
        if t.relation == "owns" and one_of_its_kind(t):
            kept = "-owner"
        if kept.startswith("-"):
            t = replace(t, head=t.tail, tail=t.head, head_kind=t.tail_kind, tail_kind=t.head_kind,
                        relation=kept.removeprefix("-"))  # fmt: skip
        elif kept:
            t = replace(t, relation=kept)
        found.append(t)
    return sorted(found, key=lambda t: t.relation == "name" and "'s " in t.head)


def _by_name(tuples: list[Tuple]) -> list[Tuple]:
    """`lives in a village called Oberwald`: who lives there lives in Oberwald, which is a village; else all villages
    with a name would be one place."""
    reached = {t.tail for t in tuples if t.pattern == "preposition"}
    acting = {t.head for t in tuples if t.relation != "name"}
    names = {
        t.head: t.tail
        for t in tuples
        if (t.relation, t.pattern) == ("name", "label")
        and t.head in reached - acting
        and "'s " not in t.head
        and not t.negated
    }
    found = []
    for t in tuples:
        if t.relation == "name" and t.head in names:
            t = replace(t, head=t.tail, relation="is_a", tail=t.head, tail_kind="thing")
        elif t.tail in names:
            t = replace(t, tail=names[t.tail])
        found.append(t)
    return found


def consequences(connection: sqlite3.Connection, tuples: Sequence[Tuple], context_key: str | None) -> list[Tuple]:
    """What follows from an event for facts that held before it; `[]` for most events."""
    telling = _GIVEN_AWAY | _ACQUIRED | _LEFT | _PARTED | _SWITCHED.keys() | _EXCHANGED.keys() | ENDING
    if not any(t.negated or t.relation in telling for t in tuples):
        return []
    before = Before(connection, context_key)
    found = list(endings(before, tuples))
    for t in tuples:
        if t.negated or t.conf < 1.0:
            continue
        if (by := _SWITCHED.get(t.relation) or _EXCHANGED.get(t.relation)) is not None:
            for new in [o for o in tuples if (o.head, o.relation) == (t.head, by) and not o.negated]:
                found += _handed_on(before, t, new)
        elif t.relation in _GIVEN_AWAY:
            takers = [o for o in tuples if o.relation == "has" and o.tail == t.tail and not o.negated]
            if before.holds(t.tail, ("owner",), t.head):
                found += [replace(o, head=t.tail, relation="owner", tail=o.head, head_kind=o.tail_kind,
                                  tail_kind=o.head_kind) for o in takers]  # fmt: skip
                if not takers:
                    found.append(replace(t, head=t.tail, relation="owner", tail=t.head, negated=True))
        elif t.relation in _ACQUIRED and one_of_its_kind(t):
            if before.holds(t.tail, ("owner",), None):
                found.append(replace(t, head=t.tail, relation="owner", tail=t.head, head_kind=t.tail_kind,
                                     tail_kind=t.head_kind))  # fmt: skip
        elif t.relation in _LEFT | _PARTED:
            left = (*_ENDED_BY_LEAVING, *_ENDED_BY_PARTING) if t.relation in _PARTED else _ENDED_BY_LEAVING
            later = {o.relation for o in tuples if o.head == t.head and not o.negated}
            for relation in before.holds(t.head, left, t.tail):
                if relation not in later:  # "left the mill and now works at the quarry" ends it by itself
                    found.append(replace(t, relation=relation, negated=True))
            for relation in before.holds(t.tail, _ENDED_BY_PARTING, t.head):
                if t.relation in _PARTED:
                    found.append(replace(t, head=t.tail, tail=t.head, relation=relation, negated=True,
                                         head_kind=t.tail_kind, tail_kind=t.head_kind))  # fmt: skip
    ended = [d for d in (*tuples, *found) if d.negated and d.conf == 1.0]
    return found + [n for d in ended for n in no_longer_named(before, d)]


def _handed_on(before: Before, old: Tuple, new: Tuple) -> list[Tuple]:
    """What somebody, or something of theirs, was told to be or do with the old is so of the new."""
    owner = entity_key(old.head)
    heads = sorted(before.same.of_name(old.head))
    tails = sorted({i for name in (old.tail, _OWN.sub("", old.tail)) for i in before.same.of_name(name)})
    if not heads or not tails:
        return []
    rows = before.connection.execute(
        "SELECT DISTINCT f.relation, h.name, h.key, h.kind, t.name, f.time_text FROM facts f "
        "JOIN entities h ON h.id = f.head "
        f"JOIN entities t ON t.id = f.tail WHERE f.tail IN ({','.join('?' * len(tails))}) AND f.valid_to IS NULL "
        f"AND f.negated = 0 AND +f.context_key IS ? AND (f.head IN ({','.join('?' * len(heads))}) "
        "OR substr(h.key, 1, ?) = ?)",
        (*tails, before.context_key, *heads, len(owner) + 3, f"{owner}'s "),
    ).fetchall()
    found = []
    for relation, head, key, kind, tail, when in rows:
        if relation in (_CURRENT_OF_OWN if key.startswith(f"{owner}'s ") else CURRENT):
            now = replace(new, head=head, relation=relation, head_kind=kind, place="", time_text=when)
            found += [replace(now, tail=tail, tail_kind=old.tail_kind, negated=True), now]
    return found

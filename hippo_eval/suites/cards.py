"""What each generated suite asks, how it is scored, and where it is weak: the card that lies beside its files.

Counts of wordings are taken from the generators themselves. Knows nothing of who answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hippo_eval.suites import (
    episodic,
    episodic_capacity,
    episodic_cross,
    episodic_multi,
    procedural,
    semantic,
    spatial,
    spatial_journeys,
)
from hippo_eval.suites.choose import VERSIONS
from hippo_eval.suites.items import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A suite in words. `wordings` counts tellings and questions as (told, asked) by kind of question."""

    n_means: str
    asks: str
    profiles: str
    scored: str
    weak: tuple[str, ...]
    told: int
    asked: Mapping[str, int]


_EXACT = (
    "Exact match after normalization (case, punctuation, articles), and token F1; each kind of question is also "
    "reported alone."
)


def _sizes(*tables: Mapping[str, Sequence[object]]) -> dict[str, int]:
    return {slot: sum(len(table.get(slot, ())) for table in tables) for slot in {s: 0 for t in tables for s in t}}


CARDS: dict[str, Card] = {
    "episodic": Card(
        n_means="stories, each one sentence with a person, a deed, a thing, a place and a time; four questions a story",
        asks="Each of what, where, when and who, from a part of the others. Things are unique, so every cue has one "
        "true answer; places, times and deeds come back in other stories.",
        profiles="easy names everything but the answer; default asks in the sealed wordings that no night trains on; "
        "hard lets each person come back in three stories, tells in six ways and asks in roundabout words.",
        scored=_EXACT,
        weak=(
            "One sentence holds the whole story, so nothing has to be put together.",
            "Names are common English and European ones; deeds are twenty verbs in the past tense.",
            "A reader that finds the right sentence and drops the words of the question is nearly always right.",
        ),
        told=len(episodic.TELLINGS),
        asked=_sizes(episodic.EASY_PHRASINGS, episodic.TEST_PHRASINGS, episodic.HARD_PHRASINGS),
    ),
    "episodic_multi": Card(
        n_means="cases, one question each: stories with near-doubles, corrected stories, states that change, in turns",
        asks="The one part that only this story of several like it has; the part that was taken back, as corrected; "
        "the state as it was told last.",
        profiles="1, 2 or 4 doubles a story and changes a state; hard also corrects twice.",
        scored=_EXACT + " The old value is the likely wrong answer.",
        weak=(
            'A correction names the whole event again; people often say only "no, on Tuesday".',
            "What was true before is not asked for; the semantic suite does that.",
        ),
        told=len(episodic_multi.TELL)
        + sum(map(len, episodic_multi.CORRECT.values()))
        + sum(len(first) + len(later) for first, later, _ in episodic_multi.STATES.values()),
        asked={
            "distractor, correction": sum(map(len, episodic_multi.ASK.values())),
            "last_mention": sum(len(asked) for *_, asked in episodic_multi.STATES.values()),
        },
    ),
    "episodic_cross": Card(
        n_means="events told in sessions of ten; two questions an event (hard: four about each of the older half)",
        asks='What was told in earlier sessions, some of it by the teller about themselves ("I"), after everything '
        "that was open has been closed.",
        profiles="easy tells of others in one plain wording; every fourth event in default and every third in hard is "
        "the teller's own; hard asks about the older half of the sessions alone.",
        scored=_EXACT,
        weak=("Sessions are told one after the other without any talk between them.",),
        told=len(episodic_cross.TELL) + len(episodic_cross.TELL_OWN),
        asked=_sizes(episodic_cross.ASK, episodic_cross.ASK_OWN),
    ),
    "episodic_capacity": Card(
        n_means="asked stories, two questions each; many more are told",
        asks="Stories that lie evenly spread among "
        + ", ".join(f"{words:,} ({profile})" for profile, words in episodic_capacity.WORDS.items())
        + " words of notes, more than a window of 1 500, 8 000 or 32 000 tokens holds.",
        profiles="How many words are told at least; easy without small talk around each story.",
        scored=_EXACT,
        weak=(
            "The notes around the stories come from a list of 32 sentences: a reader that skips what it has seen "
            "before has less to read than the count of words says.",
        ),
        told=len(episodic_capacity.TELL),
        asked=_sizes(episodic_capacity.ASK),
    ),
    "semantic": Card(
        n_means="households of three people told in ten facts, six questions each (easy: four)",
        asks="Two and three hops over the facts of a household, what holds since somebody moved, what held before, "
        "and one oddity that fits no schema (`schema_fit` marks it).",
        profiles="easy asks no three hops and nothing of the past, and tells in one wording; hard asks mostly those.",
        scored=_EXACT + " An answer from before the move to a question of today is a contradiction.",
        weak=(
            "All households have the same shape, so a few patterns answer everything once they are understood.",
            "Only one relation changes (where somebody lives).",
        ),
        told=sum(map(len, semantic.FACTS.values())),
        asked=_sizes(semantic.TEST_PHRASINGS),
    ),
    "spatial": Card(
        n_means="facts in contexts of at most ten: a grid, a house, a town of stops, journeys, things at places, in "
        "turns; about as many questions",
        asks="Shortest routes that were not told, on grids and between rooms and stops; how many stops; where somebody "
        "went before, after and last; what and who was at a place.",
        profiles="Size of grids and share of walls (0.1, 0.2, 0.3); in easy the town is a tree; journeys of 3, 5 or 9 "
        "legs.",
        scored=_EXACT + " Routes also by where the walk ends and how much longer than the reference it is.",
        weak=(
            "The reference on a grid is the first shortest route in the order left, right, up, down: exact match asks "
            "for that one, path success does not.",
            "Houses are trees, laid out on a square lattice without overlaps.",
        ),
        told=1
        + len(spatial.TELL_ROOM)
        + sum(map(len, (spatial_journeys.TELL_STREET, spatial_journeys.TELL_LEG, spatial_journeys.TELL_SEEN))),
        asked={
            "grid": len(spatial.ASK_GRID),
            "known_grid": len(spatial.ASK_KNOWN_GRID),
            "rooms": len(spatial.ASK_ROUTE),
            "graph": len(spatial_journeys.ASK_STOPS),
            "distance": len(spatial_journeys.ASK_LENGTH),
            "journey": len(spatial_journeys.ASK_AFTER)
            + len(spatial_journeys.ASK_BEFORE)
            + len(spatial_journeys.ASK_NOW),
            "by_place": len(spatial_journeys.ASK_THING) + len(spatial_journeys.ASK_WHO),
        },
    ),
    "procedural": Card(
        n_means="scripts in households of ten, two questions each, and one of reuse for every two",
        asks="The step after a given one, the whole script in order, and what follows the beginning of a run of steps "
        "that several scripts share, in a task nobody told of.",
        profiles="easy: four steps, told once, nothing shared; default: four to six steps, told one to three times, "
        "every two scripts share three steps; hard: a step also stands in another script with another one after it.",
        scored=_EXACT + " A whole script is its steps in order, joined by semicolons.",
        weak=(
            "Steps are a verb and a thing; none has a condition, a number or a choice in it.",
            "Exact match on a whole script is all or nothing; token F1 says how near it came.",
        ),
        told=len(procedural.TELL),
        asked={
            "next": len(procedural.ASK_NEXT),
            "whole": len(procedural.ASK_WHOLE),
            "reuse": len(procedural.ASK_REUSE),
        },
    ),
}


def card(name: str, examples: Suite) -> str:
    """The card of a suite as Markdown, with a few of the examples it was built with."""
    c = CARDS[name]
    shown = {item.slot: item for item in reversed(examples.test)}
    lines = [
        f"# {name}, version {VERSIONS[name]}",
        "",
        f"**n** counts {c.n_means}.",
        "",
        f"**Asked.** {c.asks}" + (" Asked in a new process, after a flush." if examples.flush else ""),
        "",
        f"**Scored.** {c.scored}",
        "",
        f"**Profiles.** {c.profiles}",
        "",
        f"**Wordings.** {c.told} told; asked: {', '.join(f'{slot} {n}' for slot, n in c.asked.items())}.",
        "",
        "**Files.** One JSON object a line. Taught: `fact`, `context_key` (items of one key belong together and see "
        "nothing of others), `time` (order), `schema_fit` (semantic only). Asked: `prompt`, `answer` (the shortest), "
        "`context_key`, `slot` (kind of question).",
        "",
        "**Known weaknesses.**",
        *(f"* {text}" for text in c.weak),
        "* Written by hand and filled by a program: fluent, but narrower than what people say.",
        "",
        "**Examples.**",
        *(f"* told: {_line(item.fact)}" for item in examples.teach[:2]),
        *(f"* {slot}: {_line(item.prompt)} -> {item.answer}" for slot, item in sorted(shown.items(), key=str)),
        "",
    ]
    return "\n".join(lines)


def _line(text: str) -> str:
    return " ".join(text.split())

"""Episodic suite with rivals: near-doubles of a story, corrections, and things that change hands and places.

Three kinds of case, in turns. **distractor**: a story, and doubles of it that share its object's noun, its person's
first name, its place or its time; the cue names what only one of them has. **correction**: a story, and later a
sentence that takes back one part of it; the corrected part is asked for. **last_mention**: a state that is told
several times, each time otherwise ("keeps it in the attic now"); the last telling holds. Corrections and new states
come after everything else of their case, with the tellings of all other cases between.

Knows nothing of models or memories. The wordings exist here alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from hippo_eval.suites.episodic import VERBS, Story
from hippo_eval.suites.items import Profile, Suite, TeachItem, TestItem
from hippo_eval.suites.names import ADJECTIVES, FIRST, HIDEOUTS, LAST, NOUNS, SPOTS, TIMES, bare, distinct

VERSION = 1
SLOTS = ("distractor", "correction", "last_mention")

TELL = (
    "{who} {past} {what} {where} {when}.",
    "{when}, {who} {past} {what} {where}.",
    "{who} was {where} {when} and {past} {what}.",
    "It was {when} that {who} {past} {what} {where}.",
)
ASK: dict[str, tuple[str, ...]] = {
    "where": (
        "Where did {who} {base} {what}?",
        "Where was {what} when it was {participle} by {who}?",
        "What was the place where {who} {past} {what}?",
        "Hey, where again was it that {who} {past} {what}?",
        "Kindly state the location at which {what} was {participle}.",
    ),
    "when": (
        "When did {who} {base} {what}?",
        "When was {what} {participle} by {who}?",
        "On which day or in which month did {who} {base} {what}?",
        "Quick question: when was it that {who} {past} {what}?",
        "Kindly state the time at which {what} was {participle}.",
    ),
    "who": (
        "Who {past} {what} {where}?",
        "Who was it that {past} {what}?",
        "By whom was {what} {participle}?",
        "Any idea which person {past} {what}?",
    ),
    "what": (
        "What did {who} {base} {where} {when}?",
        "Which thing was {participle} by {who} {where}?",
        "What was it that {who} {past} {when}?",
        "So {who} {past} something {where}. What?",
    ),
}
# {old} is what was said of the slot before; each wording names the whole event again.
CORRECT: dict[str, tuple[str, ...]] = {
    "where": (
        "Correction: {who} {past} {what} {where}, not {old}.",
        "I was wrong about {what}: {who} {past} it {where}.",
        "Actually, {who} {past} {what} {where}.",
        "{who} did not {base} {what} {old}. It was {where}.",
    ),
    "when": (
        "Correction: {who} {past} {what} {when}, not {old}.",
        "I was wrong about {what}: {who} {past} it {when}.",
        "Actually, {who} {past} {what} {when}.",
        "{who} did not {base} {what} {old}. It was {when}.",
    ),
}
STATES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    # first telling, later tellings, questions
    "place": (
        ("{who} keeps {what} {at}.", "{what} is {at}; that is where {who} keeps it.", "{who} put {what} {at}."),
        (
            "{who} now keeps {what} {at}.",
            "{who} has moved {what}; it is {at} now.",
            "From today on, {who} keeps {what} {at}.",
            "{who} put {what} {at} today.",
        ),
        (
            "Where does {who} keep {what}?",
            "Where is {what} now?",
            "Where would I find {what} these days?",
            "{who} is looking for {what}. Where is it?",
        ),
    ),
    "owner": (
        ("{what} belongs to {owner}.", "{owner} owns {what}.", "The owner of {what} is {owner}."),
        (
            "{what} belongs to {owner} now.",
            "{owner} is the new owner of {what}.",
            "{owner} bought {what} yesterday.",
            "{what} has been given to {owner}.",
        ),
        (
            "Who owns {what}?",
            "Who is the owner of {what} now?",
            "To whom does {what} belong?",
            "In whose possession is {what} today?",
        ),
    ),
    "job": (
        ("{who} works as {job}.", "{who} is {job}.", "{who}'s job is that of {job}."),
        (
            "{who} now works as {job}.",
            "{who} has changed jobs and is {job} now.",
            "Since last week {who} has been {job}.",
            "{who} became {job}.",
        ),
        (
            "What is {who}'s job?",
            "What does {who} do for a living?",
            "What does {who} work as now?",
            "Which profession does {who} have these days?",
        ),
    ),
}
JOBS = (
    "a baker", "a locksmith", "a surveyor", "a midwife", "a beekeeper", "a translator", "a bus driver", "a florist",
    "a plumber", "a pilot", "a tailor", "a cook", "a librarian", "a painter", "a nurse", "a gardener", "a carpenter",
    "a dentist", "an electrician", "an accountant",
)  # fmt: skip
# Doubles of a story, changes of a state, and how much is asked, by profile.
_DOUBLES: dict[Profile, int] = {"easy": 1, "default": 2, "hard": 4}
_CHANGES: dict[Profile, int] = {"easy": 1, "default": 2, "hard": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One telling and how late it comes: 0 first, 1 and more after everything earlier of its case."""

    text: str
    late: int


def generate(n: int, seed: int, profile: Profile = "default") -> Suite:
    """`n` cases in turns of the three kinds, one question each.

    Args:
        n: cases, 1..1000.
        profile: how many doubles a story has, and how often a state changes (1, 2 or 4).
    Raises: ValueError when there are not so many different people or things.
    """
    if not 1 <= n <= 1000:
        raise ValueError(f"n must be 1..1000 for the episodic_multi suite, got {n}")
    rng = random.Random(f"episodic_multi/{VERSION}/{seed}/{profile}")
    names = distinct(rng, n * 5, FIRST, LAST, what="people")
    objects = distinct(rng, n, ADJECTIVES, NOUNS, what="things")
    key = f"episodic-multi-{seed}"
    said: list[_Said] = []
    test = []
    for i in range(n):
        kind = SLOTS[i % len(SLOTS)]
        people = names[5 * i : 5 * i + 5]
        make = {"distractor": _doubles, "correction": _corrected, "last_mention": _changing}[kind]
        told, prompt, answer = make(rng, i // len(SLOTS), people, objects[i], objects, profile)
        said += told
        test.append(TestItem(prompt=_sentence(prompt), answer=answer, context_key=key, slot=kind))
    rng.shuffle(said)
    teach = [
        TeachItem(fact=_sentence(s.text), context_key=key, time=time)
        for time, s in enumerate(sorted(said, key=lambda s: s.late))
    ]
    return Suite(
        name="episodic_multi", version=VERSION, seed=seed, teach=tuple(teach), test=tuple(test), profile=profile
    )


_Case = tuple[list[_Said], str, str]


def _doubles(rng: random.Random, at: int, people: list[str], thing: str, objects: list[str], profile: Profile) -> _Case:
    """A story among others that share its noun, first name, place or time."""
    story = _story(rng, people[0], f"the {thing}")
    used = {thing, *objects}
    told = [_Said(text=story.ask(TELL[at % len(TELL)]), late=0)]
    for k in range(_DOUBLES[profile]):
        noun = thing.split(" ", 1)[1]
        free = [a for a in ADJECTIVES if f"{a} {noun}" not in used]
        other = f"{rng.choice(free)} {noun}" if free else thing
        used.add(other)
        first = story.who.split(" ")[0]
        who = people[1 + k % 4] if k % 2 == 0 else f"{first} {people[1 + k % 4].split(' ', 1)[1]}"
        double = replace(_story(rng, who, f"the {other}"), verb=story.verb)
        if k % 2:
            double = replace(double, where=story.where)
        told.append(_Said(text=double.ask(TELL[(at + k + 1) % len(TELL)]), late=0))
    slot = tuple(ASK)[at % len(ASK)]
    asked = ASK[slot]
    return told, story.ask(asked[(at // len(ASK)) % len(asked)]), story.answer(slot)


def _corrected(
    rng: random.Random, at: int, people: list[str], thing: str, objects: list[str], profile: Profile
) -> _Case:
    """A story, and later one of its parts taken back; hard: taken back twice."""
    story = _story(rng, people[0], f"the {thing}")
    slot = ("where", "when")[at % 2]
    told = [_Said(text=story.ask(TELL[at % len(TELL)]), late=0)]
    for late in range(1, 3 if profile == "hard" else 2):
        old = getattr(story, slot)
        new = rng.choice([x for x in (SPOTS if slot == "where" else TIMES) if x != old])
        story = replace(story, where=new) if slot == "where" else replace(story, when=new)
        wording = CORRECT[slot][(at // 2 + late) % len(CORRECT[slot])].replace("{old}", old)
        told.append(_Said(text=story.ask(wording), late=late))
    asked = ASK[slot]
    return told, story.ask(asked[(at // 2) % len(asked)]), story.answer(slot)


def _changing(
    rng: random.Random, at: int, people: list[str], thing: str, objects: list[str], profile: Profile
) -> _Case:
    """A state that is told anew a few times; the last telling holds."""
    kind = tuple(STATES)[at % len(STATES)]
    first, later, asked = STATES[kind]
    changes = _CHANGES[profile]
    values = {
        "place": rng.sample(HIDEOUTS, changes + 1),
        "owner": people[1:] + people[:1],
        "job": rng.sample(JOBS, changes + 1),
    }[kind][: changes + 1]
    parts = {"who": people[0], "what": f"the {thing}"}
    field = {"place": "at", "owner": "owner", "job": "job"}[kind]
    told = [
        _Said(text=(later if k else first)[(at // 3 + k) % len(later if k else first)].format(**parts, **{field: v}),
              late=k)
        for k, v in enumerate(values)
    ]  # fmt: skip
    answer = bare(values[-1]) if kind != "owner" else values[-1]
    return told, asked[(at // 3) % len(asked)].format(**parts), answer


def _story(rng: random.Random, who: str, what: str) -> Story:
    return Story(who=who, verb=rng.choice(tuple(VERBS)), what=what, where=rng.choice(SPOTS), when=rng.choice(TIMES))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]

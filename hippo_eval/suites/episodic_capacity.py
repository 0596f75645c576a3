"""Episodic suite longer than a context window: the facts that are asked about lie buried among many more.

Every told item is a note of a few sentences; one in some holds a story that is asked about, the others hold weather,
errands and stories about other people. There are always more words than the profile's window holds, whatever `n`;
the asked stories are spread evenly over all of it, so most of them are long gone from a window when the questions
come.

Knows nothing of models or memories. The wordings exist here alone.
"""

from __future__ import annotations

import random

from hippo_eval.suites.episodic import VERBS, Story
from hippo_eval.suites.items import Profile, Suite, TeachItem, TestItem
from hippo_eval.suites.names import SPOTS, TIMES, people, things

VERSION = 1

# At least so many words are told; an English word is about 1.35 tokens. The default model's window is 8 192 tokens, the
# `longctx` preset shows the last 1 536.
WORDS: dict[Profile, int] = {"easy": 2_000, "default": 7_000, "hard": 28_000}

TELL = (
    "{who} {past} {what} {where} {when}.",
    "{when}, {who} {past} {what} {where}.",
    "{who}, of all people, {past} {what} {where} {when}.",
    "I am told {who} {past} {what} {where} {when}.",
)
ASK: dict[str, tuple[str, ...]] = {
    "what": (
        "What did {who} {base}?",
        "What thing was {participle} by {who} {where}?",
        "Somewhere in my notes {who} {past} something. What?",
        "Look up {who} for me: what was {participle}?",
    ),
    "where": (
        "Where did {who} {base} {what}?",
        "Where was it that {what} was {participle}?",
        "My notes say where {who} {past} {what}; where?",
        "I need the place where {what} was {participle}.",
    ),
    "when": (
        "When did {who} {base} {what}?",
        "When was it that {what} was {participle}?",
        "My notes say when {who} {past} {what}; when?",
        "I need the date or day on which {who} {past} {what}.",
    ),
    "who": (
        "Who {past} {what}?",
        "Who is said to have {participle} {what}?",
        "My notes name the person who {past} {what}; who is it?",
        "I need the name of the person who {past} {what}.",
    ),
}
_BEFORE = (
    "It rained until noon and the gutters overflowed.", "The post came late again.", "A long day, mostly paperwork.",
    "The heating was off for an hour.", "Half the street was closed for repairs.", "We ran out of milk at breakfast.",
    "There was a power cut before lunch.", "The neighbors had visitors.", "Nothing happened before ten.",
    "The radio played the same three songs all day.", "Fog in the valley, sun on the hill.", "The tram was crowded.",
    "Somebody had left the gate open.", "The dog next door barked half the night.", "Market day, so no parking.",
    "I slept badly and woke up early.",
)  # fmt: skip
_AFTER = (
    "Dinner was soup and yesterday's bread.", "I must remember to water the plants.", "Then the phone rang twice.",
    "After that I tidied the desk.", "In the end the sky cleared up.", "The rest can wait until next week.",
    "I paid two bills and wrote one letter.", "Bed at eleven, with a book.", "The printer still does not work.",
    "On the way home I bought stamps.", "The evening was quiet.", "Later the wind turned and it got cold.",
    "There was some talk about a new bridge.", "I forgot my scarf at the office.", "Then it was time to cook.",
    "A slow evening, and an early night.",
)  # fmt: skip


def generate(n: int, seed: int, profile: Profile = "default") -> Suite:
    """Notes of at least `WORDS[profile]` words, `n` of them with a story that is asked about, two questions each.

    Args:
        n: asked stories, 1..700.
        profile: how much is told; easy tells each story in a note without anything else.
    Raises: ValueError when `n` is out of range.
    """
    if not 1 <= n <= 700:
        raise ValueError(f"n must be 1..700 for the episodic_capacity suite, got {n}")
    rng = random.Random(f"episodic_capacity/{VERSION}/{seed}/{profile}")
    # About 25 words a note (13 in easy); the rest of the people and things are never asked about.
    most = n + WORDS[profile] // (11 if profile == "easy" else 20) + 1
    names, objects = people(rng, most), things(rng, min(most, 1700))
    notes: list[str] = []
    stories: list[Story] = []
    words = 0
    while len(stories) < n or words < WORDS[profile]:
        i = len(stories)
        story = Story(
            who=names[i % len(names)], verb=rng.choice(tuple(VERBS)), what=objects[i % len(objects)],
            where=rng.choice(SPOTS), when=rng.choice(TIMES),
        )  # fmt: skip
        note = story.ask(TELL[i % len(TELL)])
        if profile != "easy":
            note = f"{rng.choice(_BEFORE)} {note} {rng.choice(_AFTER)}"
        stories.append(story)
        notes.append(note)
        words += len(note.split())
    key = f"episodic-capacity-{seed}"
    teach = tuple(TeachItem(fact=note, context_key=key, time=i) for i, note in enumerate(notes))
    test = []
    slots = tuple(ASK)
    for k in range(n):
        story = stories[k * len(stories) // n]
        for j in (k % 4, (k + 2 + k // 4 % 2) % 4):
            wording = ASK[slots[j]][(k // 4 + j) % len(ASK[slots[j]])]
            test.append(
                TestItem(prompt=story.ask(wording), answer=story.answer(slots[j]), context_key=key, slot=slots[j])
            )
    return Suite(name="episodic_capacity", version=VERSION, seed=seed, teach=teach, test=tuple(test), profile=profile)

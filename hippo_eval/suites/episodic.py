"""Episodic suite: generated who/what/where/when stories and partial-cue questions about them.

A story is one sentence that is told once ("Marta repaired the brass compass in the boathouse on Friday
morning."). The test asks for each of its four slots from a part of the others, the person included
(the reversed cue). Objects are unique in a suite, so every cue has one true answer; places, times and
verbs are shared between stories, so each story is a distractor of many others.

Knows nothing of models, memories or training. The phrasings in `TEST_PHRASINGS` are the **sealed** set:
they exist here alone, and nothing under `hippo_mem` can import them (the import contract in
`pyproject.toml` checks it), so no sleep can have trained on them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hippo_eval.suites.items import Profile, Suite, TeachItem, TestItem

VERSION = 2

NAMES = (
    "Marta Tobias Ingrid Rashid Leonie Pavel Yuki Duncan Amara Stefan Brigid Hugo Noor Felix Carmen Otis Wanda Emil "
    "Priya Magnus Selma Dario Ruth Kofi Helga Arlo Mina Jasper Olive Viktor Tamsin Boris Elena Quentin Farah Silas "
    "Greta Ivan Lucia Nils Petra Omar Daphne Ulrich Zelda Cyrus Astrid Malik Nadia Rufus Hannah Igor Beatrix Samir "
    "Colette Dmitri Esther Fergus Gloria Hamid Irene Jonas Katya Lorenzo Miriam Nestor Odette Percy Renata Sanjay "
    "Thea Umar Valerie Walter Xenia Yusuf Agnes Bruno Cecile Desmond Edith Fabian Gemma Harvey Iris Julian Karin "
    "Lionel Maud Norbert Oriana Patrick Rosalind Sven Tatiana Ursula Vincent Winifred Yvette Zachary"
).split()
SURNAMES = (
    "Abbott Bexley Calder Dunmore Eastman Farrow Gilmour Hartley Ibsen Jansen Keating Lockwood Merrill Norwood Osgood "
    "Prescott Quimby Radcliff Sandoval Thornton Underhill Vasquez Whitaker Yardley"
).split()
# Base form and past tense.
VERBS = {
    "repair": "repaired", "paint": "painted", "find": "found", "sell": "sold", "bury": "buried", "hide": "hid",
    "buy": "bought", "photograph": "photographed", "lose": "lost", "borrow": "borrowed", "break": "broke",
    "discover": "discovered", "clean": "cleaned", "sketch": "sketched", "open": "opened", "drop": "dropped",
    "polish": "polished", "steal": "stole", "deliver": "delivered", "unwrap": "unwrapped",
}  # fmt: skip
ADJECTIVES = (
    "brass silver wooden crimson velvet antique cracked tiny golden striped rusty marble purple leather copper paper "
    "ivory woolen bamboo amber"
).split()
NOUNS = (
    "compass lantern violin teapot telescope necklace ladder kite saddle mirror typewriter clock umbrella globe flute "
    "basket camera drum helmet candle puppet suitcase sword locket bicycle statue lamp trumpet carpet vase kettle "
    "goblet whistle wagon anchor canoe bracelet diary easel fan gong hammock jug kayak lute medal notebook oar pendant "
    "quilt rocket scarf tambourine urn"
).split()
PLACES = (
    "in the boathouse", "at the train station", "in the library", "behind the bakery", "in the greenhouse",
    "at the harbor", "near the fountain", "in the attic", "under the bridge", "in the chapel", "at the museum",
    "in the orchard", "beside the windmill", "in the cellar", "at the market", "on the rooftop", "in the courtyard",
    "at the stadium", "behind the theater", "in the laundromat", "at the airport", "in the barn",
    "near the lighthouse", "in the classroom", "on the ferry",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PARTS = ("morning", "afternoon", "evening")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
TIMES = tuple(f"on {d} {p}" for d in DAYS for p in PARTS) + tuple(f"in {m}" for m in MONTHS)

# {who}, {base} and {past} verb, {what}, {where} and {when} with their prepositions.
TEST_PHRASINGS: dict[str, tuple[str, ...]] = {
    "what": (
        "Which object did {who} {base} {where}?",
        "If somebody asked you what {who} {past} {when}, what would you say?",
        "Think back to {who}. There was an item {who} {past} {where}; identify it.",
        "Could you tell me what {who} {past}?",
    ),
    "where": (
        "In which place did {who} {base} {what}?",
        "If somebody asked you where {who} {past} {what}, what would you say?",
        "{what} got {participle} by {who} {when}. Identify the site.",
        "Could you tell me where {who} {past} {what}?",
    ),
    "when": (
        "At what time did {who} {base} {what}?",
        "If somebody asked you when {who} {past} {what}, what would you say?",
        "{what} got {participle} by {who} {where}. How is that dated?",
        "Could you tell me when {who} {past} {what}?",
    ),
    "who": (
        "Which person {past} {what}?",
        "If somebody asked you who {past} {what} {where}, what would you say?",
        "By whose hands was {what} {participle} {when}?",
        "Could you tell me who {past} {what}?",
    ),
}
SLOTS = tuple(TEST_PHRASINGS)
# Everything is named but the answer.
EASY_PHRASINGS: dict[str, tuple[str, ...]] = {
    "what": (
        "What did {who} {base} {where} {when}?",
        "{when} {where}, which thing was it that {who} {past}?",
        "Name the thing that {who} {past} {where} {when}.",
    ),
    "where": (
        "Where did {who} {base} {what} {when}?",
        "{who} {past} {what} {when}. Where was that?",
        "Name the place where {who} {past} {what} {when}.",
    ),
    "when": (
        "When did {who} {base} {what} {where}?",
        "{who} {past} {what} {where}. When was that?",
        "Do you remember when {who} {past} {what} {where}?",
    ),
    "who": (
        "Who {past} {what} {where} {when}?",
        "Somebody {past} {what} {where} {when}. Who was it?",
        "Name the person who {past} {what} {where} {when}.",
    ),
}
# A person has several stories here, so that a cue needs the thing, or the place with the person.
HARD_PHRASINGS: dict[str, tuple[str, ...]] = {
    "what": (
        "{who} was busy {where} {when}; with what, exactly?",
        "Regarding {who} and the events {where} {when}: which item are we talking about?",
        "What was {participle} by {who} {where}, {when} that is?",
        "I forget which object {who} {past} {where} {when}. Which one?",
    ),
    "where": (
        "Whereabouts was {what} when {who} {past} it?",
        "I know that {what} was {participle}, but not in which spot. Can you help?",
        "They say {what} was {participle} {when}. At which location did it happen?",
        "In connection with {what}, what was the scene of the action?",
    ),
    "when": (
        "Put a time to this: {who} {past} {what}.",
        "For the record, on what occasion in time was {what} {participle} by {who}?",
        "The incident with {what}: what is its date or hour as you heard it?",
        "{who} and {what}: pin down the moment the one {past} the other.",
    ),
    "who": (
        "Whom do we have to thank, or to blame, for the fact that {what} was {participle}?",
        "{what} did not do it by itself: at whose hands was it {participle}?",
        "Give me the name of whoever {past} {what}, please.",
        "I heard that {what} was {participle} {where}. Who is behind it?",
    ),
}
# How a story can be told; the first is the only one outside the hard profile.
TELLINGS = (
    "{who} {past} {what} {where} {when}.",
    "{when}, {who} {past} {what} {where}.",
    "It was {who} who {past} {what} {where} {when}.",
    "{what} was {participle} by {who} {where} {when}.",
    "{where}, {when}, {who} {past} {what}.",
    "Guess what: {who} {past} {what} {where} {when}!",
)
_PARTICIPLES = {"hide": "hidden", "break": "broken", "steal": "stolen"}  # the others equal the past tense


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One event. `where` and `when` carry their prepositions; `what` its article."""

    who: str
    verb: str
    what: str
    where: str
    when: str

    @property
    def text(self) -> str:
        """The sentence that is told."""
        return f"{self.who} {VERBS[self.verb]} {self.what} {self.where} {self.when}."

    def answer(self, slot: str) -> str:
        """The shortest span of `text` that answers a question for `slot`: no preposition."""
        value: str = getattr(self, slot)
        return value.split(" ", 1)[1] if slot in ("where", "when") else value

    def ask(self, phrasing: str) -> str:
        """Fill one of `TEST_PHRASINGS`."""
        past = VERBS[self.verb]
        asked = phrasing.format(
            who=self.who, base=self.verb, past=past, participle=_PARTICIPLES.get(self.verb, past),
            what=self.what, where=self.where, when=self.when,
        )  # fmt: skip
        return asked[0].upper() + asked[1:]


def stories(n: int, seed: int) -> list[Story]:
    """The first `n` stories of a seed. `stories(50, s)` is a prefix of `stories(200, s)`.

    Raises: ValueError when `n` exceeds the number of distinct people (names times surnames).
    """
    rng = random.Random(f"episodic/{VERSION}/{seed}")
    people = list(NAMES)
    rng.shuffle(people)
    pairs = [f"{first} {last}" for last in SURNAMES for first in NAMES]
    rng.shuffle(pairs)
    people += pairs
    objects = [f"the {a} {o}" for a in ADJECTIVES for o in NOUNS]
    rng.shuffle(objects)
    if not 1 <= n <= min(len(people), len(objects)):
        raise ValueError(f"n must be 1..{min(len(people), len(objects))} for the episodic suite, got {n}")
    verbs = list(VERBS)
    return [
        Story(who=people[i], verb=rng.choice(verbs), what=objects[i], where=rng.choice(PLACES), when=rng.choice(TIMES))
        for i in range(n)
    ]


def generate(n: int, seed: int, first: int = 0, *, profile: Profile = "default") -> Suite:
    """`n` stories told and `4 n` sealed questions about them, one a slot.

    Args:
        n: stories, 1..
        seed: any integer; items depend on nothing else.
        first: skip this many stories of the seed (a second night of the same seed: `first=50`).
        profile: easy names all that is told but the answer; hard lets people come back, tells in many ways, and asks
            from a part of what was told, in roundabout words.
    """
    told = stories(first + n, seed)[first:]
    if profile == "hard":
        told = [_recurring(told, i) for i in range(n)]
    tellings, asked = (TELLINGS, HARD_PHRASINGS) if profile == "hard" else (TELLINGS[:1], TEST_PHRASINGS)
    if profile == "easy":
        asked = EASY_PHRASINGS
    key = f"episodic-{seed}"
    teach = [
        TeachItem(fact=s.ask(tellings[(first + i) % len(tellings)]), context_key=key, time=first + i)
        for i, s in enumerate(told)
    ]
    test = []
    for i, story in enumerate(told):
        for j, slot in enumerate(SLOTS):
            phrasing = asked[slot][(first + i + j) % len(asked[slot])]
            test.append(TestItem(prompt=story.ask(phrasing), answer=story.answer(slot), context_key=key, slot=slot))
    return Suite(name="episodic", version=VERSION, seed=seed, teach=tuple(teach), test=tuple(test), profile=profile)


def _recurring(told: Sequence[Story], at: int) -> Story:
    """Story `at` told of one of the first third of the people: each is met in three stories or so."""
    return replace(told[at], who=told[at % max(1, (len(told) + 2) // 3)].who)

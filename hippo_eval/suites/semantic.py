"""Semantic suite: facts about people, workplaces and towns, and questions that need more than one of them.

A household is told in ten facts, scattered among those of all others: who works where, for whom, married to whom, in
which town, and who owns a thing. Near the end its first person moves. Nine fit a schema of such facts; the tenth is an
oddity that fits none (`schema_fit` says which). Asked are two hops ("In which town does Ana's boss live?"), three hops,
what holds now that something changed, what held before, and the oddity. Names, workplaces and things are unique in a
suite; towns are shared, so that each is an answer to many questions. The owner of a thing is the one who moves: hops
have to pass through what is true now.

Knows nothing of models or memories. Like the episodic suite's, the phrasings exist here alone.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from hippo_eval.suites.items import Profile, Suite, TeachItem, TestItem
from hippo_eval.suites.names import ADJECTIVES, FIRMS, FIRST, KINDS, LAST, NOUNS, TOWNS, distinct

VERSION = 2

# {a} works at {w}, for {b}, who is married to {c}; {x} is a's. {odd} is what nobody expects of {c}.
FACTS: dict[str, tuple[str, ...]] = {
    "work": ("{a} works at {w}.", "{a} has a job at {w}.", "{w} employs {a}.", "{a} is employed at {w}."),
    "stand": ("{w} is in {t}.", "{w} is located in {t}.", "{w} stands in {t}.", "You find {w} in {t}."),
    "boss": ("{a}'s boss is {b}.", "{b} is {a}'s boss.", "The boss of {a} is {b}.", "{a} has {b} as a boss."),
    "live": ("{b} lives in {t2}.", "{b}'s home is in {t2}.", "{b} resides in {t2}.", "{b} has a flat in {t2}."),
    "marry": ("{b} is married to {c}.", "{c} is married to {b}.", "{b} married {c}.", "{c} is {b}'s spouse."),
    "work2": ("{c} works at {w2}.", "{c} is employed at {w2}.", "{c} works for {w2}.", "{c} has a job at {w2}."),
    "own": ("{x} belongs to {a}.", "{a} owns {x}.", "{a} is the owner of {x}.", "{a} has {x}."),
    "before": ("{a} lives in {t3}.", "{a}'s home is in {t3}.", "{a} is living in {t3}.", "{a} resides in {t3}."),
    "after": ("{a} has moved to {t4}.", "{a} now lives in {t4}.", "{a} moved from {t3} to {t4}.",
              "{a} left {t3} and lives in {t4} now."),
    "odd": ("{c} {odd_verb} {odd_what} {odd_where}.", "Oddly enough, {c} {odd_verb} {odd_what} {odd_where}.",
            "Nobody knows why, but {c} {odd_verb} {odd_what} {odd_where}."),
}  # fmt: skip
TEST_PHRASINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "two_hop": (
        ("t", "In which town is the place where {a} works?"),
        ("t2", "Where does {a}'s boss live?"),
        ("t4", "In which town does the owner of {x} live?"),
        ("w2", "Where does the person married to {b} work?"),
        ("t", "Which town does {a} work in?"),
        ("t2", "Could you tell me which town the boss of {a} lives in?"),
        ("t4", "Where does the person who owns {x} live?"),
        ("c", "Who is {a}'s boss married to?"),
        ("b", "Who is the boss of the owner of {x}?"),
        ("w", "Where does the owner of {x} work?"),
        ("t2", "What town is home to {a}'s boss?"),
        ("w2", "What is the workplace of {b}'s spouse?"),
    ),
    "three_hop": (
        ("w2", "Where does the spouse of {a}'s boss work?"),
        ("t2", "In which town does the boss of the owner of {x} live?"),
        ("c", "Who is married to the boss of the person who owns {x}?"),
        ("t", "In which town is the place where the owner of {x} works?"),
        ("w2", "The boss of {a} has a spouse; where does that spouse work?"),
        ("t2", "Whoever owns {x} has a boss. Which town does that boss live in?"),
    ),
    "contradiction": (
        ("t4", "Where does {a} live now?"),
        ("t4", "In which town does {a} live?"),
        ("t4", "Which town is {a}'s home in?"),
        ("t4", "Where is {a} living these days?"),
        ("t4", "I want to write to {a}; which town do I put on the envelope?"),
    ),
    "time": (
        ("t3", "Where did {a} live before moving to {t4}?"),
        ("t3", "In which town did {a} live before {t4}?"),
        ("t3", "Which town did {a} move away from?"),
        ("t3", "Where did {a} use to live?"),
        ("t3", "What was {a}'s home town before the move?"),
    ),
    "misfit": (
        ("odd_what", "What does {c} {odd_base} {odd_where}?"),
        ("odd_what", "Which thing is it that {c} {odd_verb} {odd_where}?"),
        ("odd_where", "Where does {c} {odd_base} {odd_what}?"),
        ("odd_where", "In what place does {c} {odd_base} {odd_what}?"),
    ),
}
SLOTS = tuple(TEST_PHRASINGS)
# How many questions of each kind a household gets.
_ASKED: dict[Profile, dict[str, int]] = {
    "easy": {"two_hop": 2, "contradiction": 1, "misfit": 1},
    "default": {"two_hop": 2, "three_hop": 1, "contradiction": 1, "time": 1, "misfit": 1},
    "hard": {"two_hop": 1, "three_hop": 3, "time": 2},
}
_ODD_VERBS = {"keep": "keeps", "store": "stores", "hide": "hides", "leave": "leaves", "hang": "hangs"}
_ODD_THINGS = (
    "a jar of rainwater", "three spare wigs", "a stuffed pike", "forty brass buttons", "a letter from a stranger",
    "a broken metronome", "two left boots", "a bag of chestnuts", "an unpaid bill", "a wooden leg", "a map of the moon",
    "a box of teeth", "six empty birdcages", "a plaster hand", "an old ship's bell", "a bottle of sand",
    "a recipe for soap", "a ladder without rungs", "a photograph of a goat", "a candle shaped like a pear",
)  # fmt: skip
_ODD_PLACES = (
    "inside the piano", "under the doormat", "behind the boiler", "in the refrigerator", "in the umbrella stand",
    "on top of the wardrobe", "in the mailbox", "under the bathtub", "in the chimney", "inside a hollow book",
    "in the bread bin", "on the window ledge", "in the trunk of the car", "beneath the floorboards",
    "in the rain barrel", "behind the curtains",
)  # fmt: skip
_PREPOSITION = re.compile(r"^(?:on top of|inside|under|behind|in|on|beneath) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """Three people (`a`, their boss `b`, whose spouse is `c`), two workplaces, a thing, five towns, and an oddity."""

    a: str
    b: str
    c: str
    w: str
    w2: str
    x: str
    t: str
    t2: str
    t3: str
    t4: str
    odd_base: str
    odd_what: str
    odd_where: str

    def say(self, phrasing: str) -> str:
        """Fill one of `FACTS` or `TEST_PHRASINGS`."""
        said = phrasing.format(odd_verb=_ODD_VERBS[self.odd_base], **{n: getattr(self, n) for n in self.__slots__})
        return said[0].upper() + said[1:]

    def answer(self, name: str) -> str:
        """The shortest answer: a place without its preposition."""
        value: str = getattr(self, name)
        return _PREPOSITION.sub("", value) if name == "odd_where" else value


def households(n: int, seed: int, profile: Profile = "default") -> list[Household]:
    """`n` households of a seed.

    Raises: ValueError when there are not so many distinct people, workplaces or things.
    """
    rng = random.Random(f"semantic/{VERSION}/{seed}/{profile}")
    most = min(len(FIRST) * len(LAST) // 3, len(FIRMS) * len(KINDS) // 2, len(ADJECTIVES) * len(NOUNS))
    if not 1 <= n <= most:
        raise ValueError(f"n must be 1..{most} for the semantic suite, got {n}")
    people = distinct(rng, 3 * n, FIRST, LAST, what="people")
    firms = distinct(rng, 2 * n, FIRMS, KINDS, what="workplaces")
    things = distinct(rng, n, ADJECTIVES, NOUNS, what="things")
    found = []
    for i in range(n):
        t, t2, t3, t4 = rng.sample(TOWNS, 4)
        found.append(
            Household(
                a=people[3 * i], b=people[3 * i + 1], c=people[3 * i + 2], w=f"the {firms[2 * i]}",
                w2=f"the {firms[2 * i + 1]}", x=f"the {things[i]}", t=t, t2=t2, t3=t3, t4=t4,
                odd_base=rng.choice(tuple(_ODD_VERBS)), odd_what=rng.choice(_ODD_THINGS),
                odd_where=rng.choice(_ODD_PLACES),
            )
        )  # fmt: skip
    return found


def generate(n: int, seed: int, profile: Profile = "default") -> Suite:
    """`n` households told in `10 n` facts, and `6 n` questions (easy: `4 n`).

    Args:
        n: households, 1..1133.
        seed: any integer; items depend on nothing else.
        profile: easy asks no three hops and nothing of the past; hard asks mostly those, and tells every fact in
            another wording than its neighbors.
    """
    told = households(n, seed, profile)
    rng = random.Random(f"semantic/{VERSION}/{seed}/{profile}/order")
    early = [(i, kind) for i in range(n) for kind in FACTS if kind != "after"]
    late = [(i, "after") for i in range(n)]
    rng.shuffle(early)
    rng.shuffle(late)
    key = f"semantic-{seed}"
    wordings = 1 if profile == "easy" else 4
    teach = [
        TeachItem(
            fact=told[i].say(FACTS[kind][i % min(wordings, len(FACTS[kind]))]), context_key=key, time=time,
            schema_fit=kind != "odd",
        )
        for time, (i, kind) in enumerate([*early, *late])
    ]  # fmt: skip
    test = []
    for i, household in enumerate(told):
        for slot, count in _ASKED[profile].items():
            for k in range(count):
                name, phrasing = TEST_PHRASINGS[slot][(count * i + k) % len(TEST_PHRASINGS[slot])]
                test.append(
                    TestItem(prompt=household.say(phrasing), answer=household.answer(name), context_key=key, slot=slot)
                )
    return Suite(name="semantic", version=VERSION, seed=seed, teach=tuple(teach), test=tuple(test), profile=profile)

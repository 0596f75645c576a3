"""Semantic suite: facts about people, workplaces and towns, and questions that need more than one of them.

A household is told in nine facts, scattered among those of all others: who works where, for whom, married to whom, in
which town, and who owns a thing. Near the end its first person moves. Asked are two hops ("In which town does Ana's
boss live?"), three hops, what holds now that something changed, and what held before. Names, workplaces and things
are unique in a suite; towns are shared, so that each is an answer to many questions. The owner of a thing is the one
who moves: hops have to pass through what is true now.

Knows nothing of models or memories. Like the episodic suite's, the phrasings exist here alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from hippo_eval.suites.episodic import ADJECTIVES, NAMES, NOUNS, SURNAMES
from hippo_eval.suites.items import Suite, TeachItem, TestItem

VERSION = 1

FIRMS = (
    "Halden Orvik Tessaly Brackwater Linnet Corvane Dunsmore Felgrave Hartsel Inverly Jessamine Kestrel Larkhall "
    "Mirador Nettlecombe Oakhaven Pellworth Quillon Ravenna Selkirk Thornbury Ullswater Verity Westray Yarrow Zephyr "
    "Ambleside Birchwood Calloway Davenport Everest Foxglove Glenmore Hollis Ivory Juniper Kingsley Lockhart Meridian "
    "Northgate"
).split()
KINDS = (
    "clinic bakery brewery shipyard museum library hotel school theater mill quarry vineyard laboratory foundry "
    "pharmacy nursery garage dairy"
).split()
TOWNS = (
    "Tarn Lorne Malmo Porto Ghent Lucca Bergen Delft Bath Cork Turku Lund Graz Basel Nantes Split Varna Tartu Evora "
    "Parma Lugo Siena Bruges Trier Aarhus Vigo Galway Perth Salem Trondheim"
).split()

# {a} works at {w}, for {b}, who is married to {c}; {x} is a's. Each answer is the slot named before it.
FACTS: dict[str, tuple[str, ...]] = {
    "work": ("{a} works at {w}.", "{a} has a job at {w}.", "{w} employs {a}."),
    "stand": ("{w} is in {t}.", "{w} is located in {t}.", "{w} stands in {t}."),
    "boss": ("{a}'s boss is {b}.", "{b} is {a}'s boss.", "The boss of {a} is {b}."),
    "live": ("{b} lives in {t2}.", "{b}'s home is in {t2}.", "{b} resides in {t2}."),
    "marry": ("{b} is married to {c}.", "{c} is married to {b}.", "{b} married {c}."),
    "work2": ("{c} works at {w2}.", "{c} is employed at {w2}.", "{c} works for {w2}."),
    "own": ("{x} belongs to {a}.", "{a} owns {x}.", "{a} is the owner of {x}."),
    "before": ("{a} lives in {t3}.", "{a}'s home is in {t3}.", "{a} is living in {t3}."),
    "after": ("{a} has moved to {t4}.", "{a} now lives in {t4}.", "{a} moved from {t3} to {t4}."),
}
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
    ),
    "three_hop": (
        ("w2", "Where does the spouse of {a}'s boss work?"),
        ("t2", "In which town does the boss of the owner of {x} live?"),
        ("c", "Who is married to the boss of the person who owns {x}?"),
    ),
    "contradiction": (
        ("t4", "Where does {a} live now?"),
        ("t4", "In which town does {a} live?"),
        ("t4", "Which town is {a}'s home in?"),
    ),
    "time": (
        ("t3", "Where did {a} live before moving to {t4}?"),
        ("t3", "In which town did {a} live before {t4}?"),
        ("t3", "Which town did {a} move away from?"),
    ),
}
SLOTS = tuple(TEST_PHRASINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """Three people (`a`, their boss `b`, whose spouse is `c`), two workplaces, a thing, and five towns."""

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

    def say(self, phrasing: str) -> str:
        """Fill one of `FACTS` or `TEST_PHRASINGS`."""
        said = phrasing.format(**{name: getattr(self, name) for name in self.__slots__})
        return said[0].upper() + said[1:]


def households(n: int, seed: int) -> list[Household]:
    """The first `n` households of a seed; `households(5, s)` begins `households(50, s)`.

    Raises: ValueError when there are not so many distinct people, workplaces or things.
    """
    rng = random.Random(f"semantic/{VERSION}/{seed}")
    people = [f"{first} {last}" for last in SURNAMES for first in NAMES]
    firms = [f"the {firm} {kind}" for kind in KINDS for firm in FIRMS]
    things = [f"the {adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
    most = min(len(people) // 3, len(firms) // 2, len(things))
    if not 1 <= n <= most:
        raise ValueError(f"n must be 1..{most} for the semantic suite, got {n}")
    for names in (people, firms, things):
        rng.shuffle(names)
    found = []
    for i in range(n):
        t, t2, t3, t4 = rng.sample(TOWNS, 4)
        found.append(
            Household(
                a=people[3 * i], b=people[3 * i + 1], c=people[3 * i + 2], w=firms[2 * i], w2=firms[2 * i + 1],
                x=things[i], t=t, t2=t2, t3=t3, t4=t4,
            )
        )  # fmt: skip
    return found


def generate(n: int, seed: int) -> Suite:
    """`n` households told in `9 n` facts, and `5 n` questions: two of two hops, one each of the other kinds.

    Args:
        n: households, 1..360.
        seed: any integer; items depend on nothing else.
    """
    told = households(n, seed)
    rng = random.Random(f"semantic/{VERSION}/{seed}/order")
    early = [(i, kind) for i in range(n) for kind in FACTS if kind != "after"]
    late = [(i, "after") for i in range(n)]
    rng.shuffle(early)
    rng.shuffle(late)
    key = f"semantic-{seed}"
    teach = [
        TeachItem(fact=told[i].say(FACTS[kind][i % len(FACTS[kind])]), context_key=key, time=time)
        for time, (i, kind) in enumerate([*early, *late])
    ]
    test = []
    for i, household in enumerate(told):
        for slot, at in (("two_hop", 2 * i), ("two_hop", 2 * i + 1), *((slot, i) for slot in SLOTS[1:])):
            answer, phrasing = TEST_PHRASINGS[slot][at % len(TEST_PHRASINGS[slot])]
            test.append(
                TestItem(prompt=household.say(phrasing), answer=getattr(household, answer), context_key=key, slot=slot)
            )
    return Suite(name="semantic", version=VERSION, seed=seed, teach=tuple(teach), test=tuple(test))

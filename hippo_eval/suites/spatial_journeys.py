"""Contexts of the spatial suite that are not grids or houses: labeled graphs, journeys, and what happened where.

Each maker takes a generator, how many facts, and the profile, and returns facts and (slot, prompt, answer). A **graph**
is a town of named stops joined by streets with a length each or none; asked are the stops on the shortest way, and its
length. A **journey** is somebody's way past named places in order; asked is what came after and before, and where it
ended. **Recall by place**: things were seen or left at places; asked is what is known of a place. Knows nothing of
models or memories, nor of the planner under test.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping

from hippo_eval.suites.items import Profile
from hippo_eval.suites.names import ADJECTIVES, FIRST, NOUNS, distinct

Made = tuple[list[str], list[tuple[str, str, str]]]

STOPS = (
    "Alder Gate", "Beacon Hill", "Castle Square", "Dockside", "Eastgate", "Fisher Bridge", "Granary Wharf",
    "Harbor Cross", "Ivy Park", "Jubilee Tower", "King's Well", "Lantern Street", "Mill Corner", "New Market",
    "Old Abbey", "Pilgrim Rest", "Quay Nine", "Rose Court", "Saddler's Yard", "Temple Green", "Union Pier",
    "Vine Terrace", "Willow End", "York Place",
)  # fmt: skip
PLACES = (
    "mill", "chapel", "harbor", "windmill", "library", "station", "bakery", "castle", "quarry", "lighthouse", "market",
    "museum", "bridge", "orchard", "tower", "inn", "school", "theater", "shipyard", "monastery", "pharmacy", "brewery",
    "fountain", "cemetery",
)  # fmt: skip

TELL_STREET = (
    "{a} is connected to {b}.",
    "There is a street between {a} and {b}.",
    "{a} and {b} are connected.",
    "A footpath connects {a} and {b}.",
)
ASK_STOPS = (
    "Which stops do I pass going from {a} to {b}?",
    "What places are on the shortest way from {a} to {b}?",
    "Name the stops on the route from {a} to {b}.",
)
ASK_LENGTH = (
    "How many stops is it from {a} to {b}?",
    "How far is it from {a} to {b}?",
    "How many steps does it take to get from {a} to {b}?",
)
TELL_LEG = (
    "{who} went from the {a} to the {b}.",
    "{who} walked from the {a} to the {b}.",
    "From the {a}, {who} went to the {b}.",
    "{who} left the {a} and went to the {b}.",
)
ASK_AFTER = (
    "Where did {who} go after the {a}?",
    "Where did {who} go from the {a}?",
    "{who} left the {a}. Where to?",
)
ASK_BEFORE = (
    "Where was {who} before the {b}?",
    "From where did {who} come to the {b}?",
    "Which place did {who} visit just before the {b}?",
)
ASK_NOW = (
    "Where is {who} now?",
    "Where did {who} end up?",
    "What is the last place that {who} went to?",
)
TELL_SEEN = (
    "{who} left the {thing} at the {place}.",
    "{who} saw the {thing} at the {place}.",
    "At the {place}, {who} found the {thing}.",
    "The {thing} was at the {place} when {who} came by.",
)
ASK_THING = (
    "Which thing do you connect with the {place}?",
    "What did {who} come across or leave at the {place}?",
    "I am at the {place}. What was it that was here?",
    "What was at the {place}?",
)
ASK_WHO = (
    "Who was at the {place}?",
    "Which person do you connect with the {place}?",
    "Somebody was at the {place}. Who?",
)
_LEGS: dict[Profile, int] = {"easy": 3, "default": 5, "hard": 9}


def graph(rng: random.Random, count: int, profile: Profile) -> Made:
    """Streets between stops: a tree, and for the larger profiles a few more so that ways compete."""
    extra = 0 if profile == "easy" else max(0, count // 4)
    stops = rng.sample(STOPS, min(len(STOPS), count - extra + 1))
    streets: list[tuple[str, str]] = []
    for i, stop in enumerate(stops[1:], start=1):
        streets.append((stops[rng.randrange(max(0, i - 3), i)], stop))
    pairs = [(a, b) for i, a in enumerate(stops) for b in stops[i + 1 :]]
    free = [p for p in pairs if p not in streets]
    rng.shuffle(free)
    streets += free[: count - len(streets)]
    told = [rng.choice(TELL_STREET).format(a=a, b=b) for a, b in streets]
    rng.shuffle(told)
    ways: dict[str, list[str]] = {s: [] for s in stops}
    for a, b in streets:
        ways[a].append(b)
        ways[b].append(a)
    asked: list[tuple[str, str, str]] = []
    rng.shuffle(pairs)
    for a, b in pairs:
        n, shortest = _unique_shortest(ways, a, b)
        if len(asked) < count and (shortest is not None or len(asked) % 2):
            if len(asked) % 2:
                asked.append(("distance", rng.choice(ASK_LENGTH).format(a=a, b=b), str(n)))
            elif shortest is not None:
                asked.append(("graph", rng.choice(ASK_STOPS).format(a=a, b=b), ", ".join(shortest[1:])))
    return told, asked


def journey(rng: random.Random, count: int, profile: Profile) -> Made:
    """Walkers on their ways, a leg a sentence, the walkers' legs in turns."""
    per = _LEGS[profile]
    n_walkers = max(1, (count + per - 1) // per)
    walkers = rng.sample(FIRST, n_walkers)
    paths = {w: rng.sample(PLACES, min(per, count - i * per) + 1) for i, w in enumerate(walkers)}
    told, asked = [], []
    for leg in range(per):
        for who, path in paths.items():
            if leg + 1 < len(path):
                told.append(rng.choice(TELL_LEG).format(who=who, a=path[leg], b=path[leg + 1]))
    for who, path in paths.items():
        asked.append(("journey", rng.choice(ASK_NOW).format(who=who), f"the {path[-1]}"))
        for i in range(1, len(path) - 1):
            if i % 2:
                asked.append(("journey", rng.choice(ASK_AFTER).format(who=who, a=path[i]), f"the {path[i + 1]}"))
            else:
                asked.append(("journey", rng.choice(ASK_BEFORE).format(who=who, b=path[i]), f"the {path[i - 1]}"))
    return told, asked[:count]


def by_place(rng: random.Random, count: int, profile: Profile) -> Made:
    """One event a place; what was there, and who."""
    places = rng.sample(PLACES, min(count, len(PLACES)))
    who = rng.sample(FIRST, len(places))
    objects = distinct(rng, len(places), ADJECTIVES, NOUNS, what="things")
    told, asked = [], []
    for i, place in enumerate(places):
        parts = {"who": who[i], "thing": objects[i], "place": place}
        told.append(rng.choice(TELL_SEEN).format(**parts))
        thing = i % 3 != 2
        wording = rng.choice((ASK_THING if profile != "easy" else ASK_THING[1:2]) if thing else ASK_WHO)
        asked.append(("by_place", wording.format(**parts), f"the {objects[i]}" if thing else who[i]))
    return told, asked


def _unique_shortest(ways: Mapping[str, list[str]], start: str, goal: str) -> tuple[int, list[str] | None]:
    """The length of the shortest ways, and the way itself where there is only one of that length."""
    best: dict[str, int] = {start: 0}
    count: dict[str, int] = {start: 1}
    came: dict[str, str] = {}
    queue = [(0, start)]
    while queue:
        n, here = heapq.heappop(queue)
        for there in ways[here]:
            if there not in best:
                best[there], count[there], came[there] = n + 1, count[here], here
                heapq.heappush(queue, (n + 1, there))
            elif best[there] == n + 1:
                count[there] += count[here]
    route = [goal]
    while route[-1] != start:
        route.append(came[route[-1]])
    return best[goal], route[::-1] if count[goal] == 1 else None

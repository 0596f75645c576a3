"""Episodic suite asked in another session: told over several days, then the process ends, then the questions come.

What a person tells over a week: each day a few events of their own and of people they know, first and third person
mixed. `flush` is set: between telling and asking the runner closes what it has open, so that only what is on disk (or
in the weights) can answer. Cues name the event, not the day it was told on.

Knows nothing of models or memories. The wordings exist here alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from hippo_eval.suites.episodic import VERBS
from hippo_eval.suites.items import Profile, Suite, TeachItem, TestItem
from hippo_eval.suites.names import SPOTS, TIMES, bare, people, things

VERSION = 1
PER_SESSION = 10
_GAP = 1000  # between the times of two sessions

# Told of somebody ({who}) or of oneself; every event has all five parts.
TELL = (
    "{who} {past} {what} {where} {when}.",
    "Today I heard that {who} {past} {what} {where} {when}.",
    "You should know that {when} {who} {past} {what} {where}.",
    "By the way, {who} {past} {what} {where} {when}.",
    "My neighbor says {who} {past} {what} {where} {when}.",
)
TELL_OWN = (
    "I {past} {what} {where} {when}.",
    "{when} I {past} {what} {where}.",
    "Note to myself: I {past} {what} {where} {when}.",
)
ASK: dict[str, tuple[str, ...]] = {
    "what": (
        "What did {who} {base} {where}?",
        "I told you about {who} {where}. What was it that {who} {past}?",
        "Which thing did {who} {base} {when}?",
        "The other day I mentioned what {who} {past} {where}. What was it?",
    ),
    "where": (
        "Where did {who} {base} {what}?",
        "Where was {what} {participle}?",
        "In what place was it that {who} {past} {what}?",
        "I told you where {who} {past} {what}. Where was that?",
    ),
    "when": (
        "When did {who} {base} {what}?",
        "When was {what} {participle}?",
        "What day or month was it when {who} {past} {what}?",
        "I told you when {who} {past} {what}. When was that?",
    ),
    "who": (
        "Who {past} {what}?",
        "Who was the one that {past} {what} {where}?",
        "Which of the people I told you about {past} {what}?",
        "Remind me who {past} {what} {when}.",
    ),
}
ASK_OWN: dict[str, tuple[str, ...]] = {
    "what": ("What did I {base} {where} {when}?", "Which thing did I {base} {when}?", "What was it I {past} {where}?"),
    "where": ("Where did I {base} {what}?", "In which place did I {base} {what}?", "Where was I when I {past} {what}?"),
    "when": ("When did I {base} {what}?", "When was it that I {past} {what}?", "What time did I tell you for {what}?"),
}
_OWN_EVERY: dict[Profile, int] = {"easy": 0, "default": 4, "hard": 3}
_PARTICIPLES = {"hide": "hidden", "break": "broken", "steal": "stolen"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    who: str
    verb: str
    what: str
    where: str
    when: str

    def say(self, wording: str) -> str:
        past = VERBS[self.verb]
        said = wording.format(
            who=self.who, base=self.verb, past=past, participle=_PARTICIPLES.get(self.verb, past),
            what=self.what, where=self.where, when=self.when,
        )  # fmt: skip
        return said[0].upper() + said[1:]


def generate(n: int, seed: int, profile: Profile = "default") -> Suite:
    """`n` events told in sessions of ten, and two questions about each, asked after a flush.

    Args:
        n: events, 1..1000.
        profile: easy tells of others alone and plainly; default makes every fourth event the teller's own; hard every
            third, and asks about the oldest sessions alone, as many questions.
    Raises: ValueError when `n` is out of range.
    """
    if not 1 <= n <= 1000:
        raise ValueError(f"n must be 1..1000 for the episodic_cross suite, got {n}")
    rng = random.Random(f"episodic_cross/{VERSION}/{seed}/{profile}")
    names, objects = people(rng, n), things(rng, n)
    own_times = list(TIMES)
    rng.shuffle(own_times)
    own_spots = list(SPOTS)
    rng.shuffle(own_spots)
    every = _OWN_EVERY[profile]
    key = f"episodic-cross-{seed}"
    teach, asked = [], []
    n_own = 0
    for i in range(n):
        own = every > 0 and i % every == every - 1
        where, when = rng.choice(SPOTS), rng.choice(TIMES)
        if own:  # the teller's own events share their person, so place and time together stay unique
            where, when = own_spots[n_own % len(own_spots)], own_times[(n_own * 7) % len(own_times)]
            n_own += 1
        event = _Event(who=names[i], verb=rng.choice(tuple(VERBS)), what=objects[i], where=where, when=when)
        wording = TELL_OWN[i % len(TELL_OWN)] if own else TELL[0 if profile == "easy" else i % len(TELL)]
        session, place = divmod(i, PER_SESSION)
        teach.append(TeachItem(fact=event.say(wording), context_key=key, time=session * _GAP + place))
        asked.append(_questions(event, i, own, n_own > len(own_spots)))
    chosen = range((n + 1) // 2) if profile == "hard" else range(n)
    each = 4 if profile == "hard" else 2
    test = [
        TestItem(prompt=prompt, answer=answer, context_key=key, slot=slot)
        for i in chosen
        for slot, prompt, answer in asked[i][:each]
    ]
    return Suite(
        name="episodic_cross", version=VERSION, seed=seed, teach=tuple(teach), test=tuple(test), profile=profile,
        flush=True,
    )  # fmt: skip


def _questions(event: _Event, at: int, own: bool, crowded: bool) -> list[tuple[str, str, str]]:
    """All questions about one event, beginning with another slot for each event."""
    wordings = ASK_OWN if own else ASK
    slots = [s for s in wordings if not (own and crowded and s == "what")]
    found = []
    for k in range(len(slots)):
        slot = slots[(at + k) % len(slots)]
        value = getattr(event, slot)
        wording = wordings[slot][(at // len(slots) + k) % len(wordings[slot])]
        if own and slot == "what":  # a place or a time alone may come back among one person's events
            wording = wordings[slot][0]
        found.append((slot, event.say(wording), bare(value) if slot in ("where", "when") else value))
    return found

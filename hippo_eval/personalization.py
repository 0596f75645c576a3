"""How soon a memory adapts to one person, and whether it loses anything of what the model knew (roadmap § 5.1).

**Instant adaptation**: a person says one thing about themselves, once, and asks for it. Facts and questions are written
by hand, in different words. Each is asked before it is told, right after, once more when all have been told, and after
a night with the memory off. **Zero forgetting**: thousands of interactions, most of them things told, then general
questions that the model had right before; with the memory on (does what was told get in the way?) and off.

Knows nothing of the command line, or of how a memory answers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hippo_eval.answerers import Progress
from hippo_eval.data import SanityItem
from hippo_eval.forgetting import is_right
from hippo_eval.metrics import exact_match, holds_answer
from hippo_eval.metrics.change import flips
from hippo_eval.statistics import mean_interval
from hippo_eval.suites import names
from hippo_mem.errors import StoreFormatError
from hippo_mem.storage.jsonl import read_jsonl

if TYPE_CHECKING:
    from hippo_mem.memory import Hippo

_TOGETHER = 16
# Of a thousand interactions: what people do most is to tell, then to ask; a recall is a question without the model.
OBSERVED, RECALLED = 900, 90
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalFact:
    """One thing somebody says of themselves, and how they ask for it later. Any of `answers` is right."""

    kind: str
    fact: str
    question: str
    answers: tuple[str, ...]

    def right(self, said: str) -> bool:
        """Whether the answer is one of the right ones; case, punctuation and articles aside, and whose it is: "my
        father" and "your father" are the same person."""
        return any(exact_match(_unowned(said), _unowned(answer)) for answer in self.answers)

    def mentioned(self, said: str) -> bool:
        """Whether a right answer stands in what was said: the roadmap's own measure, which is the easier one."""
        return any(holds_answer([said], answer) for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One thing done with the memory."""

    kind: Literal["observe", "recall", "answer"]
    text: str


def load_facts(file: Path) -> list[PersonalFact]:
    """Facts of a JSONL file: {"kind", "fact", "question", "answer", "accept"?}.

    Raises: InputError when there is no such file; StoreFormatError naming the line.
    """
    found = []
    for at, row in read_jsonl(file):
        missing = [k for k in ("kind", "fact", "question", "answer") if not isinstance(row.get(k), str)]
        accept = row.get("accept", [])
        if missing or not isinstance(accept, list):
            raise StoreFormatError(
                f"{file}, line {at}: {', '.join(missing) or 'accept'} must be given, as text or list"
            )
        found.append(
            PersonalFact(
                kind=row["kind"], fact=row["fact"], question=row["question"],
                answers=(row["answer"], *map(str, accept)),
            )
        )  # fmt: skip
    return found


def adapt(hippo: Hippo, facts: Sequence[PersonalFact], progress: Progress) -> dict[str, Any]:
    """Ask, tell and ask again, in one memory that fills up.

    Returns: `before`, `at_once` and `after_all`, each as `scored`; `outcomes` counts what became of the statements.
    """
    before = ask(hippo, facts, progress, "before")
    at_once: list[str] = []
    outcomes: dict[str, int] = {}
    for i, fact in enumerate(facts, start=1):
        outcome = hippo.observe(fact.fact)[0]
        outcomes[outcome.kind] = outcomes.get(outcome.kind, 0) + 1
        at_once.append(hippo.answer(fact.question).text)
        progress("at once", i, len(facts))
    after = ask(hippo, facts, progress, "after all")
    return {
        "before": scored(facts, before),
        "at_once": scored(facts, at_once),
        "after_all": scored(facts, after),
        "outcomes": outcomes,
    }


def ask(
    hippo: Hippo, facts: Sequence[PersonalFact], progress: Progress, stage: str, *, memory: bool = True
) -> list[str]:
    """The answers to all questions, with memory or from the weights alone."""
    said: list[str] = []
    for first in range(0, len(facts), _TOGETHER):
        batch = facts[first : first + _TOGETHER]
        said += [a.text for a in hippo.answer_many([f.question for f in batch], memory=memory)]
        progress(stage, len(said), len(facts))
    return said


def scored(facts: Sequence[PersonalFact], said: Sequence[str]) -> dict[str, Any]:
    """`em` with its interval, `mentioned`, `by_kind`, and what was `wrong`."""
    right = [f.right(s) for f, s in zip(facts, said, strict=True)]
    interval = mean_interval([float(r) for r in right])
    kinds = {
        k: [r for f, r in zip(facts, right, strict=True) if f.kind == k] for k in dict.fromkeys(f.kind for f in facts)
    }
    return {
        "n": len(facts),
        "em": interval.mean,
        "em_interval": [interval.low, interval.high],
        "mentioned": sum(f.mentioned(s) for f, s in zip(facts, said, strict=True)) / len(facts),
        "by_kind": {k: sum(rs) / len(rs) for k, rs in kinds.items()},
        "wrong": [
            {"fact": f.fact, "question": f.question, "wanted": f.answers[0], "said": s}
            for f, s, r in zip(facts, said, right, strict=True)
            if not r
        ],
    }


def _unowned(text: str) -> str:
    return _OWNER.sub("", text.strip())


_OWNER = re.compile(r"^(?:my|our|your)\s+", re.IGNORECASE)
# Things that are told in passing. Names, things, places and times are drawn; small talk comes back word for word.
_TOLD = (
    "{who} {did} the {thing} {where} {when}.",
    "I saw {who} {where} {when}.",
    "{who} lent me the {thing}.",
    "I had lunch with {who} {where}.",
    "Remind me to give the {thing} back to {who}.",
    "I left the {thing} {where}.",
    "{who} told me that the {thing} is {where} now.",
    "My meeting with {who} is {when}.",
    "I do not like the {thing} that {who} gave me.",
    "{when} I am going to {town} with {who}.",
)
_SMALL_TALK = (
    "Good morning!", "Thanks, that helps.", "What a day.", "It is raining again.", "I am tired.", "Let me think.",
    "Never mind.", "See you tomorrow.", "That was fun.", "I will be back in an hour.",
)  # fmt: skip
_DEEDS = ("borrowed", "repaired", "sold", "found", "lost", "painted", "broke", "brought", "hid", "cleaned")
_CUES = ("Where is the {thing}?", "What did {who} do?", "Who has the {thing}?", "When do I meet {who}?")


def interactions(n: int, seed: int) -> Iterator[Interaction]:
    """`n` interactions: of a thousand, 900 are told (one in ten of them small talk), 90 recalled, 10 answered."""
    rng = random.Random(f"interactions/1/{seed}")
    who = names.people(rng, 400)
    thing = [t.removeprefix("the ") for t in names.things(rng, 600)]
    for _ in range(n):
        draw = rng.randrange(1000)
        parts = {
            "who": rng.choice(who), "thing": rng.choice(thing), "where": rng.choice(names.SPOTS),
            "when": rng.choice(names.TIMES), "town": rng.choice(names.TOWNS), "did": rng.choice(_DEEDS),
        }  # fmt: skip
        if draw < OBSERVED:
            text = rng.choice(_SMALL_TALK) if draw < OBSERVED // 10 else rng.choice(_TOLD).format(**parts)
            yield Interaction(kind="observe", text=text[0].upper() + text[1:])
        else:
            kind: Literal["recall", "answer"] = "recall" if draw < OBSERVED + RECALLED else "answer"
            yield Interaction(kind=kind, text=rng.choice(_CUES).format(**parts))


def live(hippo: Hippo, n: int, seed: int, progress: Progress) -> dict[str, int]:
    """Go through `n` interactions, one at a time; returns how many of each kind, and what became of the told ones."""
    counts: dict[str, int] = {}
    for i, interaction in enumerate(interactions(n, seed), start=1):
        if interaction.kind == "observe":
            outcome = hippo.observe(interaction.text)[0].kind
            counts[outcome] = counts.get(outcome, 0) + 1
        elif interaction.kind == "recall":
            hippo.recall(interaction.text)
        else:
            hippo.answer(interaction.text)
        counts[interaction.kind] = counts.get(interaction.kind, 0) + 1
        progress("interactions", i, n)
    return counts


def knows(hippo: Hippo, items: Sequence[SanityItem], progress: Progress, stage: str) -> list[str]:
    """What a memory that is on says to general questions, each put as a user's turn."""
    said: list[str] = []
    for first in range(0, len(items), _TOGETHER):
        batch = items[first : first + _TOGETHER]
        said += [a.text for a in hippo.answer_many([i.prompt for i in batch])]
        progress(stage, len(said), len(items))
    return said


def kept(items: Sequence[SanityItem], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    """Paired flips of general questions: of those right before, the share wrong now, and the pairs themselves."""
    was = [is_right(i, s) for i, s in zip(items, before, strict=True)]
    now = [is_right(i, s) for i, s in zip(items, after, strict=True)]
    pairs = flips(was, now)
    lost = [i for i in range(len(was)) if was[i] and not now[i]]
    return {
        "n": len(items),
        "n_right_before": pairs.n_right_before,
        "n_flipped": pairs.n_lost,
        "n_gained": pairs.n_gained,
        "flips": pairs.lost_share,
        "changed": sum(a != b for a, b in zip(before, after, strict=True)),
        "flipped": [{"prompt": items[i].prompt, "before": before[i], "after": after[i]} for i in lost[:_SHOWN]],
    }

"""Procedural suite: scripts of four to six steps that are told and come back, and questions about what to do next.

A household has routines ("service the amber press"): each is told once to three times, in different words, its steps in
order. Some runs of steps belong to several routines, as habits do. Asked are the **next** step after one of a named
routine, the **whole** script, and **reuse**: the beginning of such a shared run turns up in a routine nobody told of;
what comes next, going by habit? Goals are unique; steps are not, so the next step depends on the routine unless the
run is shared.

A script's answer is its steps in order, joined by semicolons. Knows nothing of models or memories. The wordings exist
here alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from hippo_eval.suites.items import Profile, Suite, TeachItem, TestItem
from hippo_eval.suites.names import distinct

VERSION = 1
SLOTS = ("next", "whole", "reuse")
PER_HOUSEHOLD = 10

# Base form and gerund.
VERBS = {
    "loosen": "loosening", "wipe": "wiping", "fill": "filling", "turn": "turning", "check": "checking", "oil": "oiling",
    "lift": "lifting", "rinse": "rinsing", "fold": "folding", "weigh": "weighing", "label": "labeling",
    "tighten": "tightening", "drain": "draining", "warm": "warming", "cover": "covering", "count": "counting",
    "brush": "brushing", "empty": "emptying", "mark": "marking", "unplug": "unplugging", "cut": "cutting",
    "stir": "stirring", "dry": "drying", "lock": "locking", "clean": "cleaning", "press": "pressing", "tie": "tying",
    "measure": "measuring", "attach": "attaching", "remove": "removing",
}  # fmt: skip
PARTS = (
    "side strap", "glass dial", "left valve", "copper wire", "front panel", "rubber seal", "small wheel", "steel plate",
    "water tank", "paper roll", "red lever", "outer ring", "cotton bag", "drive belt", "air filter", "lower shelf",
    "wooden peg", "safety pin", "felt pad", "chalk line", "brass nozzle", "thin cord", "top cover", "spare bulb",
    "dust tray", "hand crank", "linen cloth", "tin lid", "salt box", "main switch", "ink pad", "guide rail",
    "wax block", "inner tube", "bottom drawer", "foot pedal",
)  # fmt: skip
GOAL_VERBS = {
    "service": "servicing", "set up": "setting up", "close down": "closing down", "prepare": "preparing",
    "inspect": "inspecting", "pack": "packing", "start": "starting", "restore": "restoring",
}  # fmt: skip
GOAL_ADJECTIVES = (
    "amber tidal velvet northern silent marsh winter double alpine harbor paper lunar desert garden copper island "
    "morning emerald floating forest"
).split()
GOAL_THINGS = (
    "press loom kiln clock pump lathe organ projector furnace telescope printer mixer winch lantern scale greenhouse "
    "generator easel churn still"
).split()

# {goal}, {goal_ing}; {steps} is filled by how the wording joins them.
TELL: tuple[tuple[str, str], ...] = (
    ("To {goal}, first {steps}.", "then"),
    ("How to {goal}: {steps}.", "numbers"),
    ("When you want to {goal}, first {steps}.", "mixed"),
    ("The procedure for {goal_ing}: first {steps}.", "then"),
    ("To {goal} you always do the same: first {steps}.", "mixed"),
    ("Steps to {goal}: {steps}.", "numbers"),
)
ASK_NEXT = (
    "To {goal}, what do I do right after {done_ing}?",
    "I want to {goal} and have just finished {done_ing}. What is the next step?",
    "When {goal_ing}, which step follows {done_ing}?",
    "What comes after {done_ing} when you {goal}?",
    "Help me {goal}: {done_ing} is done. What now?",
    'In the routine for {goal_ing}, which step comes immediately after "{done}"?',
)
ASK_WHOLE = (
    "How do you {goal}?",
    "What are the steps to {goal}?",
    "List, in order, everything I have to do to {goal}.",
    "Tell me how to {goal}, step by step.",
    "Walk me through {goal_ing} from start to finish.",
    "What is the full procedure for {goal_ing}?",
)
ASK_REUSE = (
    "I am going to {goal} for the first time. I have just done this: {first}, then {second}. Going by my other "
    "routines, what comes next?",
    "Nobody told me how to {goal}. So far: {first}; {second}. What would usually follow?",
    "For {goal_ing} I began with {first_ing} and {second_ing}. Which step do my habits say is next?",
    "New task: {goal}. Done so far are {first_ing} and {second_ing}. What do I normally do after those two?",
)
_LENGTHS: dict[Profile, tuple[int, ...]] = {"easy": (4,), "default": (4, 5, 6), "hard": (5, 6)}
_RUN = 3  # steps of a shared run


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A goal in its two parts and the steps, as (verb, part)."""

    verb: str
    thing: str
    steps: tuple[tuple[str, str], ...]

    @property
    def goal(self) -> str:
        """ "service the amber press"."""
        return f"{self.verb} the {self.thing}"

    @property
    def goal_ing(self) -> str:
        """ "servicing the amber press"."""
        return f"{GOAL_VERBS[self.verb]} the {self.thing}"


def generate(n: int, seed: int, profile: Profile = "default") -> Suite:
    """`n` scripts in households of ten, each a context of its own; two questions a script, and one of reuse for two.

    Args:
        n: scripts, 1..1000.
        profile: easy tells each script once, four steps, no reuse; default once to three times, four to six steps;
            hard five or six steps that several scripts share, and the same step with another one after it elsewhere.
    Raises: ValueError when `n` is out of range.
    """
    if not 1 <= n <= 1000:
        raise ValueError(f"n must be 1..1000 for the procedural suite, got {n}")
    rng = random.Random(f"procedural/{VERSION}/{seed}/{profile}")
    goals = distinct(rng, 2 * n, GOAL_ADJECTIVES, GOAL_THINGS, tuple(GOAL_VERBS), what="goals")
    teach: list[TeachItem] = []
    test: list[TestItem] = []
    for number, first in enumerate(range(0, n, PER_HOUSEHOLD)):
        count = min(PER_HOUSEHOLD, n - first)
        key = f"procedural-{seed}-{number}"
        scripts, runs = _household(rng, [_goal(g) for g in goals[first : first + count]], profile)
        teach += _tellings(rng, scripts, profile, key, len(teach))
        for i, script in enumerate(scripts):
            test += _asked(script, first + i, key)
        if profile != "easy":
            for i, run in enumerate(runs):
                verb, thing = _goal(goals[n + first + i])
                test.append(_reuse(Script(verb=verb, thing=thing, steps=run), first // 2 + i, key))
    return Suite(name="procedural", version=VERSION, seed=seed, teach=tuple(teach), test=tuple(test), profile=profile)


def _goal(text: str) -> tuple[str, str]:
    """`amber press set up` -> ("set up", "amber press")."""
    adjective, thing, verb = text.split(" ", 2)
    return verb, f"{adjective} {thing}"


def _household(
    rng: random.Random, goals: Sequence[tuple[str, str]], profile: Profile
) -> tuple[list[Script], list[tuple[tuple[str, str], ...]]]:
    """Scripts, every two of which share a run of three steps; and those runs."""
    pool = [(verb, part) for verb in VERBS for part in PARTS]
    rng.shuffle(pool)
    take = iter(pool)
    scripts: list[Script] = []
    runs = []
    for pair in range(0, len(goals), 2):
        run = tuple(next(take) for _ in range(_RUN))
        members = goals[pair : pair + 2]
        shared = profile != "easy" and len(members) == 2
        if shared:
            runs.append(run)
        for verb, thing in members:
            length = rng.choice(_LENGTHS[profile])
            own = [next(take) for _ in range(length - (_RUN if shared else 0))]
            if profile == "hard" and scripts and len(own) > 1:  # a step of an earlier script, with other ones around
                own[0] = rng.choice(scripts[rng.randrange(len(scripts))].steps[-1:])
            at = rng.randrange(len(own) + 1)
            steps = (*own[:at], *run, *own[at:]) if shared else tuple(own)
            scripts.append(Script(verb=verb, thing=thing, steps=steps))
    return scripts, runs


def _tellings(rng: random.Random, scripts: Sequence[Script], profile: Profile, key: str, time: int) -> list[TeachItem]:
    said = []
    for i, script in enumerate(scripts):
        for again in range(1 if profile == "easy" else rng.randint(1, 3)):
            wording, joint = TELL[(i + again * 2 + again) % len(TELL)]
            said.append(_tell(script, wording, joint))
    rng.shuffle(said)
    return [TeachItem(fact=fact, context_key=key, time=time + i) for i, fact in enumerate(said)]


def _tell(script: Script, wording: str, joint: str) -> str:
    steps = [_step(s) for s in script.steps]
    if joint == "numbers":
        told = " ".join(f"{i}. {step[0].upper() + step[1:]}." for i, step in enumerate(steps, start=1)).rstrip(".")
    else:
        links = ("then", "next", "after that") if joint == "mixed" else ("then",)
        middle = "".join(f", {links[i % len(links)]} {step}" for i, step in enumerate(steps[1:-1]))
        told = f"{steps[0]}{middle}, and finally {steps[-1]}"
    return wording.format(goal=script.goal, goal_ing=script.goal_ing, steps=told)


def _asked(script: Script, at: int, key: str) -> list[TestItem]:
    """The step after one of the script, and the whole of it."""
    done = at % (len(script.steps) - 1)
    prompt = ASK_NEXT[at % len(ASK_NEXT)].format(
        goal=script.goal, goal_ing=script.goal_ing, done=_step(script.steps[done]), done_ing=_doing(script.steps[done])
    )
    whole = ASK_WHOLE[at % len(ASK_WHOLE)].format(goal=script.goal, goal_ing=script.goal_ing)
    return [
        TestItem(prompt=prompt, answer=_step(script.steps[done + 1]), context_key=key, slot="next"),
        TestItem(prompt=whole, answer="; ".join(_step(s) for s in script.steps), context_key=key, slot="whole"),
    ]


def _reuse(script: Script, at: int, key: str) -> TestItem:
    first, second, third = script.steps
    prompt = ASK_REUSE[at % len(ASK_REUSE)].format(
        goal=script.goal, goal_ing=script.goal_ing, first=_step(first), second=_step(second), first_ing=_doing(first),
        second_ing=_doing(second),
    )  # fmt: skip
    return TestItem(prompt=prompt, answer=_step(third), context_key=key, slot="reuse")


def _step(step: tuple[str, str]) -> str:
    return f"{step[0]} the {step[1]}"


def _doing(step: tuple[str, str]) -> str:
    return f"{VERBS[step[0]]} the {step[1]}"

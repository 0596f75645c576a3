"""CounterFact through an ordinary user's memory: each statement is told once, one night is slept, and the weights are
asked, memory OFF.

Prompts are continued greedily by the model as it ships, its gate deciding whether the night speaks. A statement is told
with its period, as a person would; the night makes its own questions of it and never sees a rephrasing or a neighbor.
A night that its own verification undoes is reported as undone, with the figures a user is left with: those of the base,
for a rejected night leaves no weights. A recipe with wider bars keeps it. Knows nothing of file formats or of how a
night trains.

Source: Meng et al. 2022 (efficacy, paraphrase and neighborhood score: the mean log-probability a token of the one
target above that of the other). Differs: beside their scores stands what is really said, the first words of the greedy
continuation, which is the stricter question; and locality counts neighbors whose continuation the night left as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hippo_eval.answerers import Progress
from hippo_eval.sets.counterfact import Edit, read_folder
from hippo_eval.sets.folders import spread
from hippo_eval.statistics import mean_interval
from hippo_mem.config import SleepConfig
from hippo_mem.text import words
from hippo_mem.types import Event

if TYPE_CHECKING:
    from hippo_mem.lm import LanguageModel
    from hippo_mem.memory import Hippo

_TOKENS = 8  # of a continuation: enough for any target of the set
_SHOWN = 20
Open = Callable[[], "AbstractContextManager[Hippo]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How one prompt is continued: the words, and whether the new target is likelier than the true one, a token."""

    text: str
    new_wins: bool
    spoke: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """Replies to every edit's prompt, rephrasings and neighbors, in the order of the edits."""

    prompts: tuple[Reply, ...]
    rephrased: tuple[tuple[Reply, ...], ...]
    neighbors: tuple[tuple[Reply, ...], ...]


def measure_edits(
    folder: Path,
    open_memory: Open,
    progress: Progress,
    *,
    limit: int | None = None,
    recipe: SleepConfig | None = None,
) -> dict[str, Any]:
    """Figures of up to `limit` edits of a folder, evenly spread, taught and slept on in one night.

    Returns: `efficacy`, `rephrasing`, `locality` (shares, `*_interval` at 95 %, `*_before`), their `*_score` after Meng
        et al. (and `*_score_before`), `chat_efficacy` (asked as a user's turn, exact or containing), `night` (verdict,
        reason, seconds, recall, keep, gate), counts and `worst` examples.
    Raises: InputError, StoreFormatError before anything is told; SleepError.
    """
    every, files = read_folder(folder)
    edits = spread(every, limit)
    with open_memory() as hippo:
        progress("asking the base", 0, 1)
        before = ask(hippo.base, edits, None)
        progress("asking the base", 1, 1)
        outcomes = [kinds[0].kind for kinds in hippo.observe_many(Event(text=e.statement) for e in edits)]
        night = hippo.sleep(recipe, progress=progress)
        progress("asking the weights", 0, 1)
        after = ask(hippo.lm, edits, before)
        chat = hippo.answer_many([e.prompt for e in edits], memory=False)
        progress("asking the weights", 1, 1)
    found = figures(edits, before, after)
    kept = night.to_dict()
    return {
        **found,
        "chat_efficacy": sum(_says(a.text, e.new) for a, e in zip(chat, edits, strict=True)) / len(edits),
        "night": {k: kept.get(k) for k in ("verdict", "reason", "seconds", "steps", "recall", "keep", "gate")},
        "n_told": len(outcomes),
        "n_gated": outcomes.count("gated"),
        "n_available": len(every),
        "files": files,
    }


def ask(lm: LanguageModel, edits: Sequence[Edit], before: Replies | None) -> Replies:
    """Continue every prompt.

    Args:
        before: None asks the base alone; else a prompt for which the night stays silent keeps its reply from before,
            for the same weights answer it.
    """
    flat: list[tuple[str, str, str]] = []
    for e in edits:
        flat.append((e.prompt, e.new, e.true))
        flat += [(p, e.new, e.true) for p in e.rephrased]
        flat += [(n.prompt, e.new, n.true) for n in e.neighbors]
    old = None if before is None else _flat(before)
    speaks = [False] * len(flat) if old is None else lm.speaks([p for p, _, _ in flat])
    replies = list(old) if old is not None else [Reply(text="", new_wins=False, spoke=False)] * len(flat)
    asked = [i for i in range(len(flat)) if old is None or speaks[i]]
    for i, reply in zip(asked, _replies(lm, [flat[i] for i in asked], old is not None), strict=True):
        replies[i] = reply
    return _grouped(edits, replies)


def _replies(lm: LanguageModel, prompts: Sequence[tuple[str, str, str]], speaks: bool) -> list[Reply]:
    if not prompts:
        return []
    use = [speaks] * len(prompts)
    said = lm.generate([p for p, _, _ in prompts], max_new_tokens=_TOKENS, adapter=use)
    pairs = [(p, f" {target}") for p, new, true in prompts for target in (new, true)]
    scores = [sum(s) / len(s) for s in lm.logprobs_many(pairs, adapter=[speaks] * len(pairs))]
    return [
        Reply(text=text, new_wins=scores[2 * i] > scores[2 * i + 1], spoke=speaks) for i, text in enumerate(said)
    ]  # fmt: skip


def _flat(replies: Replies) -> list[Reply]:
    found = []
    for prompt, rephrased, near in zip(replies.prompts, replies.rephrased, replies.neighbors, strict=True):
        found += [prompt, *rephrased, *near]
    return found


def _grouped(edits: Sequence[Edit], replies: Sequence[Reply]) -> Replies:
    at = 0
    prompts, rephrased, neighbors = [], [], []
    for e in edits:
        prompts.append(replies[at])
        rephrased.append(tuple(replies[at + 1 : at + 1 + len(e.rephrased)]))
        at += 1 + len(e.rephrased)
        neighbors.append(tuple(replies[at : at + len(e.neighbors)]))
        at += len(e.neighbors)
    return Replies(prompts=tuple(prompts), rephrased=tuple(rephrased), neighbors=tuple(neighbors))


def figures(edits: Sequence[Edit], before: Replies, after: Replies) -> dict[str, Any]:
    """Shares over prompts; every figure with its value before and, for the three that have a bar, an interval."""
    found: dict[str, Any] = {"n": len(edits)}
    rows: dict[str, list[tuple[bool, bool, bool, bool]]] = {"efficacy": [], "rephrasing": [], "locality": []}
    groups: dict[str, list[int]] = {name: [] for name in rows}
    for i, e in enumerate(edits):
        rows["efficacy"].append(_learned(e, before.prompts[i], after.prompts[i]))
        groups["efficacy"].append(i)
        for was, now in zip(before.rephrased[i], after.rephrased[i], strict=True):
            rows["rephrasing"].append(_learned(e, was, now))
            groups["rephrasing"].append(i)
        for near, was, now in zip(e.neighbors, before.neighbors[i], after.neighbors[i], strict=True):
            n = len(words(near.true))
            same = words(now.text)[:n] == words(was.text)[:n]
            rows["locality"].append((True, same, not was.new_wins, not now.new_wins))
            groups["locality"].append(i)
    for name, judged in rows.items():
        found[f"n_{name}"] = len(judged)
        for column, key in enumerate((f"{name}_before", name, f"{name}_score_before", f"{name}_score")):
            found[key] = sum(row[column] for row in judged) / len(judged) if judged else None
        if judged:
            interval = mean_interval([float(row[1]) for row in judged], groups=groups[name])
            found[f"{name}_interval"] = [interval.low, interval.high]
    flat = _flat(after)
    found["spoke_share"] = sum(r.spoke for r in flat) / len(flat)
    found["neighbors_spoken_to"] = sum(r.spoke for rs in after.neighbors for r in rs)
    found["worst"] = _worst(edits, before, after)
    return found


def _learned(edit: Edit, before: Reply, after: Reply) -> tuple[bool, bool, bool, bool]:
    return _begins(before.text, edit.new), _begins(after.text, edit.new), before.new_wins, after.new_wins


def _worst(edits: Sequence[Edit], before: Replies, after: Replies) -> list[dict[str, str]]:
    """Prompts that are not continued as taught, and neighbors that changed."""
    found = []
    for e, reply in zip(edits, after.prompts, strict=True):
        if not _begins(reply.text, e.new):
            found.append({"kind": "efficacy", "prompt": e.prompt, "wanted": e.new, "said": reply.text})
    for e, was, now in zip(edits, before.neighbors, after.neighbors, strict=True):
        for near, a, b in zip(e.neighbors, was, now, strict=True):
            if words(a.text)[: len(words(near.true))] != words(b.text)[: len(words(near.true))]:
                found.append({"kind": "locality", "prompt": near.prompt, "wanted": a.text, "said": b.text})
    return found[:_SHOWN]


def _begins(text: str, wanted: str) -> bool:
    target = words(wanted)
    return words(text)[: len(target)] == target


def _says(text: str, wanted: str) -> bool:
    said, target = words(text), words(wanted)
    return any(said[i : i + len(target)] == target for i in range(len(said) - len(target) + 1))

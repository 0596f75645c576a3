"""A set's figures as rows of text, the first row their names. Knows nothing of how they came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hippo_eval.sets.evidence import AT


def rows(result: Mapping[str, Any]) -> list[Sequence[str]]:
    """The table of what `run_set` returns."""
    return _TABLES[result["set"]](result)


def _stories(result: Mapping[str, Any]) -> list[Sequence[str]]:
    table: list[Sequence[str]] = [("task", "accuracy", "n", "decided by")]
    for key in dict.fromkeys(file["task"] for file in result["files"].values()):
        task = result[key]
        decided = ", ".join(f"{name} {found['n']}" for name, found in task["decided_by"].items())
        table.append((key, f"{task['accuracy']:.3f}", str(task["n"]), decided))
    return table


def _evidence(result: Mapping[str, Any]) -> list[Sequence[str]]:
    names = [(by, f"recall_at_{k}") for by in ("turn", "session") for k in AT]
    table: list[Sequence[str]] = [("evidence recall", *(f"{by}@{name.rpartition('_')[2]}" for by, name in names), "n")]

    def add(title: str, level: Mapping[str, Any]) -> None:
        values = [level[by][name] for by, name in names]
        table.append((title, *("none" if v is None else f"{v:.3f}" for v in values), str(level["n"])))

    add("gate off", result)
    for key, level in result.items():
        if key.startswith("category_"):
            add(f"  {level['name']}", level)
    for title, key in (("gate on", "gate_on"), ("adaptive gate", "gate_adaptive")):
        add(f"{title}, {result[key]['dropped']['turns']} turns dropped", result[key])
    add("BM25 alone", result["peers"]["bm25"])
    add("vectors alone", result["peers"]["dense"])
    answers = result.get("answers")
    if answers is not None:
        said = ", ".join(
            f"{name} {answers[key]:.3f}" for name, key in (("EM", "em"), ("F1", "f1"), ("abstained", "abstained"))
            if answers[key] is not None
        )  # fmt: skip
        table.append((f"answers: {said}", *("" for _ in names), str(answers["n"])))
    return table


def _edits(result: Mapping[str, Any]) -> list[Sequence[str]]:
    table: list[Sequence[str]] = [("memory OFF", "before", "after", "interval", "score", "n")]
    for name in ("efficacy", "rephrasing", "locality"):
        if result.get(name) is None:
            continue
        low, high = result[f"{name}_interval"]
        table.append(
            (
                name, f"{result[f'{name}_before']:.3f}", f"{result[name]:.3f}", f"{low:.3f} to {high:.3f}",
                f"{result[f'{name}_score']:.3f}", str(result[f"n_{name}"]),
            )
        )  # fmt: skip
    night = result["night"]
    table.append((f"night {night['verdict']}: {night['reason']}", "", "", "", "", ""))
    return table


def _pairs(result: Mapping[str, Any]) -> list[Sequence[str]]:
    low, high = result["accuracy_interval"]
    table: list[Sequence[str]] = [("model", "accuracy", "flips", "gained", "n")]
    if result["night"] is None:
        table.append(("as it was", f"{result['accuracy']:.3f} ({low:.3f} to {high:.3f})", "", "", str(result["n"])))
        return table
    table.append(("before", f"{result['accuracy_before']:.3f}", "", "", str(result["n"])))
    flips = "none right" if result["flips"] is None else f"{result['flips']:.4f}"
    now = f"{result['accuracy']:.3f} ({low:.3f} to {high:.3f})"
    table.append((f"night {result['night']['number']}", now, flips, str(result["n_gained"]), str(result["n"])))
    return table


_TABLES: dict[str, Callable[[Mapping[str, Any]], list[Sequence[str]]]] = {
    "babi": _stories,
    "locomo": _evidence,
    "counterfact": _edits,
    "mmlu": _pairs,
    "known_facts": _pairs,
}

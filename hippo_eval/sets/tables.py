"""A set's figures as rows of text, the first row their names. Knows nothing of how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hippo_eval.sets.evidence import AT


def rows(result: Mapping[str, Any]) -> list[Sequence[str]]:
    """The table of what `run_set` returns."""
    return _stories(result) if result["set"] == "babi" else _evidence(result)


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
    return table

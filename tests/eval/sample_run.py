"""A run as the runner leaves it, with answers drawn to a known accuracy: what reports are tested on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from hippo_eval.cells import Cell, HitRow, ItemRow, Phase, write_cell
from hippo_eval.metrics import exact_match, f1, is_refusal, raw_match

# Probability of a right answer by label and phase; stories are right or wrong together in part.
EPISODIC: dict[str, dict[Phase, float]] = {
    "baselines/core": {"on": 0.0},
    "baselines/span_short": {"on": 0.02},
    "baselines/longctx": {"on": 0.25},
    "baselines/rag": {"on": 0.45},
    "memory/hei_nw": {"pre": 0.0, "on": 0.92},
    "memory/hei_nw+sleep": {"pre": 0.0, "off": 0.9},
    "memory/hei_nw+completion": {"on": 0.92},
    "memory/hei_nw+no_sparsity": {"on": 0.8},
}
SEMANTIC: dict[str, dict[Phase, float]] = {
    "baselines/core": {"on": 0.01},
    "baselines/span_short": {"on": 0.02},
    "baselines/longctx": {"on": 0.3},
    "baselines/rag": {"on": 0.62},
    "memory/sgc_rss": {"on": 0.64},
}
TOLD = ("Marta", "Tobias", "Ingrid", "Rashid", "Leonie", "Pavel", "Yuki", "Duncan", "Amara", "Stefan")
THINGS = ("compass", "lantern", "violin", "teapot", "ladder", "kite", "saddle", "mirror", "clock", "umbrella")
PLACES = ("the boathouse", "the library", "the attic", "the barn", "the chapel")
NIGHT = {
    "night": {"verdict": "kept", "keep": {"flips": 0.004, "ce_delta_nats": 0.0031}},
    "forgetting": {"n": 100, "known_fact_flips": 0.005, "ce_delta_nats": 0.0008},
    "replay": {"samples": 40},
}
SLOTS = ("what", "where")


def make_run(runs: Path, run_id: str = "sample", *, n: int = 20, seeds: Sequence[int] = (1337, 7)) -> Path:
    """Every cell of two suites; returns the run's folder."""
    for seed in seeds:
        for suite, labels in (("episodic", EPISODIC), ("semantic", SEMANTIC)):
            for label, chances in labels.items():
                make_cell(runs, run_id, suite=suite, label=label, chances=chances, n=n, seed=seed)
    return runs / run_id


def make_cell(
    runs: Path, run_id: str, *, suite: str, label: str, chances: Mapping[Phase, float], n: int, seed: int,
    change: Mapping[str, Any] | None = None, command: Sequence[str] = ("eval_model.py", "run_id=sample"),
) -> Path:  # fmt: skip
    """One cell; `change` goes over its metrics, `command` made it. Returns its folder."""
    preset, *variants = label.split("+")
    cell = Cell(preset=preset, variants=tuple(variants), suite=suite, n=n, seed=seed, model="dummy")
    # An ablation without effect repeats its preset's draws.
    whole = label.removesuffix("+completion")
    rows = [row for phase, chance in chances.items() for row in _rows(whole, suite, seed, n, phase, chance)]
    last = "off" if "off" in chances else "on"
    judged = [r for r in rows if r.phase == last]
    memory = cell.is_memory
    metrics: dict[str, Any] = {
        "schema": 1,
        "stamp": f"{crc32(f'{label} {suite} {seed} {n}'.encode()):016x}",
        "cell": cell.to_dict(),
        "preset": preset,
        "suite": suite,
        "suite_version": 2,
        "seed": seed,
        "model": "dummy",
        "mode": "full",
        "n": len(judged),
        "n_taught": n,
        "em": sum(r.em for r in judged) / len(judged),
        "em_raw": sum(r.em_raw for r in judged) / len(judged),
        "f1": sum(r.f1 for r in judged) / len(judged),
        "refusal_rate": sum(r.refusal for r in judged) / len(judged),
        "answer_in_reach": memory or preset in ("baselines/rag", "baselines/longctx"),
        "retrieval": {"requests": len(judged) if memory else 0},
        "gates": {"attempts": n if memory else 0, "accepts": n - 1 if memory else 0, "merged": 1 if memory else 0},
        "replay": {"samples": 0},
        "store": {"size": n - 2 if memory else 0},
        "seconds": 3.5,
        "config": {"retrieval": {"enabled": memory}, "replay": {"cycles": 0}},
        "config_hash": f"{crc32(label.encode()):012x}",
        "guardrails": {"failures": [], "remarks": []},
        "cost": {
            "latency": {"of": "single questions"},
            "tokens": {"read": 900 if "longctx" in label else 60, "generated": 4, "held": 64},
            "kv_cache_bytes": {"mean": 64 * 23040, "max": 70 * 23040, "long_context_mean": 900 * 23040},
            "flops": {"mean": 2.0e10 if "longctx" not in label else 2.1e11, "long_context_mean": 2.1e11},
            "flops_saved": 0.0 if "longctx" in label else 0.905,
            "kv_cache_saved": 0.0 if "longctx" in label else 0.93,
        },
        **(NIGHT if "sleep" in variants else {}),
        **(change or {}),
    }
    meta = {
        "seeds": {"suite": seed, "replay": seed},
        "git_revision": "0123abcd",
        "model": "dummy",
        "command": list(command),
        "versions": {"python": "3.11", "torch": "2.13.0"},
        "machine": {"processor": "a test's", "cores": 2},
    }
    rng = random.Random(f"{label}{suite}{seed}")
    events = [
        {"event": "told", "kind": "gated" if i == 0 else "merged" if i == 1 else "stored", "S": rng.uniform(0.05, 1.4),
         "tau": 0.1, "seconds": 0.02 + rng.random() / 200}
        for i in range(n)
    ] if memory else []  # fmt: skip
    folder = cell.folder(run_id, runs)
    write_cell(folder, metrics=metrics, meta=meta, items=rows, events=events)
    return folder


def _rows(label: str, suite: str, seed: int, n: int, phase: Phase, chance: float) -> list[ItemRow]:
    rng = random.Random(f"{label}{suite}{seed}{phase}")
    rows = []
    for i in range(n):
        person, thing = f"{TOLD[i % 10]} {i}", f"the {THINGS[i * 3 % 10]} {i}"
        place = PLACES[i % 5]
        story = f"{person} repaired {thing} in {place}."
        luck = rng.random() < 0.5
        for j, (slot, gold) in enumerate(zip(SLOTS, (thing, place), strict=True)):
            right = rng.random() < (min(1.0, chance * 1.1) if luck else chance * 0.9)
            asked = f"What did {person} repair in {place}?" if slot == "what" else f"Where did {person} repair it?"
            evidence = phase == "on" and not label.startswith(("baselines/core", "baselines/span"))
            wrong = rng.choice(["I don't know.", "a lamp", f"It was {gold}, I believe", PLACES[(i + 1) % 5]])
            answer = gold if right else wrong
            hits = (
                HitRow(text=story if right or j else "Someone sold a vase.", score=0.031, source="eval",
                       found_by={"dense": 1, "lexical": 2}),
                HitRow(text=f"{TOLD[(i + 1) % 10]} found <b>a vase</b> | in {PLACES[(i + 1) % 5]}.", score=0.02,
                       source="eval", found_by={"dense": 2}),
            ) if evidence else ()  # fmt: skip
            rows.append(
                ItemRow(
                    id=2 * i + j,
                    phase=phase,
                    prompt=asked,
                    gold=gold,
                    answer=answer,
                    context_key=f"{suite}-{seed}",
                    slot=slot,
                    em=exact_match(answer, gold),
                    em_raw=raw_match(answer, gold),
                    f1=f1(answer, gold),
                    refusal=is_refusal(answer),
                    hit=any(gold in h.text for h in hits),
                    decoding="span" if evidence else "greedy",
                    source=("memory" if label.startswith("memory") else "prompt") if evidence else "weights",
                    decided_by="frame" if evidence else "weights",
                    hits=hits,
                    latency_ms=20 + 5 * rng.random() + (30 if "longctx" in label else 0),
                    prompt_tokens=900 if "longctx" in label else 60,
                    generated_tokens=4,
                    context_tokens=904 if "longctx" in label else 64,
                )
            )
    return rows

"""What an ablation changes besides answers: the store, recall, what a night costs. Knows nothing of pages.

A part may be there for one of these and leave exact match as it is; it is then not without effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hippo_eval.report.figures import Pairing, figures_of
from hippo_eval.report.reading import Board

# From which difference on an effect is told: absolute, in the effect's own unit, and as a share of what it was.
_FLIPS, _NATS, _RECALL, _STORE_SHARE = 0.005, 0.002, 0.02, 0.05


def effects_of(pairing: Pairing) -> list[str]:
    """Each effect as `name was → is`, in words; none where nothing else changed."""
    board = pairing.board
    found: list[str] = []
    for name, text, limit, value in _MEASURES:
        was, now = value(board, pairing.second), value(board, pairing.first)
        if was is not None and now is not None and abs(now - was) > limit(was):
            found.append(f"{name} {text(was)} → {text(now)}")
    return found


def find(data: Any, name: str, key: str) -> Mapping[str, Any] | None:
    """The first mapping called `name` that has `key`, at any depth; None where there is none."""
    if isinstance(data, Mapping):
        inner = data.get(name)
        if isinstance(inner, Mapping) and key in inner:
            return inner
        return next((f for v in data.values() if (f := find(v, name, key)) is not None), None)
    return None


def _night(key: str) -> Callable[[Board, str], float | None]:
    def value(board: Board, label: str) -> float | None:
        kept = [find(r.result.metrics, "keep", key) for r in board.entries[label]]
        return _mean([float(k[key]) for k in kept if k is not None and isinstance(k[key], (int, float))])

    return value


def _facts(key: str) -> Callable[[Board, str], float | None]:
    def value(board: Board, label: str) -> float | None:
        told = [f for r in board.entries[label] if isinstance(f := r.result.metrics.get("forgetting"), Mapping)]
        return _mean([float(f[key]) for f in told if isinstance(f.get(key), (int, float))])

    return value


def _store(board: Board, label: str) -> float | None:
    sizes = [find({"": r.result.metrics}, "store", "size") for r in board.entries[label]]
    return _mean([float(s["size"]) for s in sizes if s is not None])


def _recall(board: Board, label: str) -> float | None:
    phase = board.last_phase(label)
    found = figures_of(board, label, phase) if phase else None
    return found.mrr if found is not None else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


_Measure = tuple[str, Callable[[float], str], Callable[[float], float], Callable[[Board, str], float | None]]
_MEASURES: tuple[_Measure, ...] = (
    ("known facts lost to a night", lambda v: f"{100 * v:.1f} %", lambda _: _FLIPS, _facts("known_fact_flips")),
    (
        "next tokens of general prompts changed by a night",
        lambda v: f"{100 * v:.1f} %",
        lambda _: _FLIPS,
        _night("flips"),
    ),
    ("cross-entropy on prose", lambda v: f"{v:+.4f} nats", lambda _: _NATS, _night("ce_delta_nats")),
    ("memories in the store", lambda v: f"{v:.0f}", lambda was: _STORE_SHARE * was, _store),
    ("mean reciprocal rank of the answer", lambda v: f"{v:.2f}", lambda _: _RECALL, _recall),
)

"""Which cells a matrix has: every suite by every preset, nights where they say something, each part left out once.

Knows nothing of how a cell is measured or how long it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from hippo_eval.composing import presets, resolve
from hippo_eval.settings import EvalConfig
from hippo_eval.suites.choose import SUITES, generate_suite
from hippo_mem.errors import InputError

# Which night says something about which suite: episodes told once; facts and places rest on the same sentences.
NIGHTS: dict[str, str] = {"episodic": "memory/hei_nw", "semantic": "memory/all"}
# A night costs minutes for each hundred facts: its suite is as large as fits, and whatever it is compared with as well.
NIGHT_SIZES: dict[str, int] = {"episodic": 50, "semantic": 5}
# Ablations of memory ON, on the suites whose questions need the part.
AWAKE: tuple[tuple[str, str, str], ...] = (
    ("episodic", "memory/hei_nw", "no_sparsity"),
    ("episodic", "memory/hei_nw", "completion"),
    ("episodic", "memory/hei_nw", "no_gate"),
    ("episodic_multi", "memory/hei_nw", "no_gate"),
    ("episodic_multi", "memory/hei_nw", "no_sparsity"),
    ("semantic", "memory/sgc_rss", "no_schema"),
    ("spatial", "memory/smpd", "no_macros"),
    ("procedural", "memory/smpd", "no_macros"),
)
# Ablations of the night, each of them a night: few stories are enough to see what a part is worth.
ASLEEP = ("no_scheduler", "no_anchors", "no_paraphrases", "no_adapter_gate", "no_learned_start")
ASLEEP_SIZE = 15
FULL_SIZES, FULL_SEEDS = (50, 200, 1000), (1337, 1338, 1339)
_SLEEP = ("sleep=true", "memory_off=true", "compute.pre_metrics=true", "compute.forgetting=true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What is to be measured. `sizes` that a suite does not have become its largest."""

    suites: tuple[str, ...] = tuple(SUITES)
    presets: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (50,)
    seeds: tuple[int, ...] = (1337,)
    profile: str = "default"
    model: str = "smollm2-135m"
    nights: bool = True
    ablations: bool = True
    # A smaller matrix has smaller nights.
    night_size: int | None = None

    @classmethod
    def full(cls, **more: object) -> Matrix:
        """Three sizes by three seeds."""
        return cls(sizes=FULL_SIZES, seeds=FULL_SEEDS, **more)  # type: ignore[arg-type]


class _Put(Protocol):
    def __call__(self, suite: str, preset: str, n: int, seed: int, *words: str) -> None: ...


def cells(matrix: Matrix, run_id: str) -> list[EvalConfig]:
    """Every cell once, suite by suite, the bare model before what is held against it.

    Raises: InputError for an unknown suite or preset.
    """
    found: dict[tuple[object, ...], EvalConfig] = {}

    def put(suite: str, preset: str, n: int, seed: int, *words: str) -> None:
        if suite not in matrix.suites or preset not in chosen:
            return
        size = largest(suite, n, matrix.profile)
        config = resolve(
            [f"preset={preset}", f"suite={suite}", f"n={size}", f"seed={seed}", f"profile={matrix.profile}",
             f"model='{matrix.model}'", f"run_id={run_id}", *words]
        )  # fmt: skip
        found.setdefault((suite, size, seed, preset, words), config)

    chosen = matrix.presets or tuple(presets())
    for suite in matrix.suites:
        for seed in matrix.seeds:
            for n in matrix.sizes:
                for preset in chosen:
                    put(suite, preset, n, seed)
            if matrix.nights and suite in NIGHTS:
                _put_nights(matrix, suite, seed, put)
            if matrix.ablations:
                for where, preset, name in AWAKE:
                    if where == suite:
                        put(suite, preset, matrix.sizes[0], seed, f"ablations=[{name}]")
    return list(found.values())


def _put_nights(matrix: Matrix, suite: str, seed: int, put: _Put) -> None:
    preset = NIGHTS[suite]
    sizes = [n for n in matrix.sizes if n <= NIGHT_SIZES[suite]] or [NIGHT_SIZES[suite]]
    for n in [matrix.night_size] if matrix.night_size else sizes:
        for other in ("baselines/core", preset):
            put(suite, other, n, seed)
        put(suite, preset, n, seed, *_SLEEP)
    if matrix.ablations and suite == "episodic":
        n = matrix.night_size or ASLEEP_SIZE
        put(suite, "baselines/core", n, seed)
        for words in ((), *((f"ablations=[{name}]",) for name in ASLEEP)):
            put(suite, preset, n, seed, *_SLEEP, *words)


@cache
def largest(suite: str, n: int, profile: str = "default") -> int:
    """`n`, or as many as the suite has.

    Raises: InputError for an unknown suite or profile, or one that has none at all.
    """
    if _has(suite, n, profile):
        return n
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _has(suite, middle, profile) else (low, middle)
    if not low:
        generate_suite(suite, 1, 1337, profile)
    return low


def _has(suite: str, n: int, profile: str) -> bool:
    try:
        generate_suite(suite, n, 1337, profile)
    except InputError as error:
        if "must be" not in str(error):
            raise
        return False
    return True


def sizes_said(suites: Sequence[str], sizes: Sequence[int], profile: str) -> list[str]:
    """A line for each suite that has fewer items than asked for."""
    said = []
    for suite in suites:
        for n in sizes:
            if (most := largest(suite, n, profile)) < n:
                said.append(f"{suite} has at most {most}: that stands for {n}")
    return said

"""A cell of the matrix: one preset on one suite, and the files in which its figures stand.

    runs/<run_id>/<preset>[+<variant>...]/<suite>/<profile>_n<N>_s<SEED>[_<model>]/
        items.jsonl     one line a question and phase: `ItemRow`
        events.jsonl    what happened, in order: one line an event, without the words of any memory
        meta.json       where the figures come from: stamp, configuration, versions, machine, seeds
        metrics.json    the figures; written last, so a folder that has it is finished

A run writes these files, a report reads them. Folders that begin with "." are unfinished work. A finished cell whose
stamp is that of the run (configuration, items, model, code) is not measured again.

`metrics.json` has at its top level the figures of the cell's last phase (`em`, `em_interval`, `em_raw`, `f1`,
`refusal_rate`, `hit_rate`, `em_by_slot`, `n`, ...; the round before as `pre_em`, `pre_em_norm`, `pre_f1`), and

    cell, stamp              which figures (`Cell.to_dict`), and what they rest on
    phases                   {"pre" | "on" | "off": all figures of that phase}
    retrieval.requests, gates.{attempts,accepts,merged}, replay.{samples,...}, store.size     what was counted
    night                    the night's report, where there was one
    cost                     tokens, KV-cache bytes, FLOPs, latency percentiles (`hippo_eval.cost`)
    warnings                 [{"invariant", "text"}]: which telemetry invariants do not hold (`hippo_eval.invariants`)
    config, config_hash, lora_config_hash, versions, machine, seeds, seconds

Knows nothing of how a figure comes about.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.storage.jsonl import encode_jsonl, read_jsonl, write_atomic
from hippo_mem.types import check_id

RUNS = "runs"
METRICS, META, ITEMS, EVENTS = "metrics.json", "meta.json", "items.jsonl", "events.jsonl"
DEFAULT_MODEL = "smollm2-135m"
# pre: what the last round would have scored before the replay or the night (the weights alone where the last round is
#      asked with the memory off);
# on:  the preset as it is: a memory with its store, a baseline with its evidence;
# off: the weights alone, no store read. After the night, where the cell has one.
Phase = Literal["pre", "on", "off"]
PHASES: tuple[Phase, ...] = ("pre", "on", "off")
_PARTS_OF_A_RUN = frozenset({"sleep", "sleep_on", "memory_off", "adapter", "teach", "replay", "test"})
_SLUG = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Which figures: preset, variants, items and model.

    `variants`: "sleep" lets a night pass and asks with the memory off ("sleep_on": with it on), "memory_off" asks the
    weights alone, "adapter" has one over the model; then the ablations by name (`hippo_eval.composing.ablations`), and
    "set-1a2b3c" where other settings were changed by hand. `n` is the suite's size, not the number of questions.
    """

    preset: str
    variants: tuple[str, ...] = ()
    suite: str
    profile: str = "default"
    n: int
    seed: int
    model: str = DEFAULT_MODEL

    @property
    def is_memory(self) -> bool:
        """Whether a memory of ours answers, and not a baseline."""
        return self.preset.startswith("memory/")

    @property
    def ablations(self) -> tuple[str, ...]:
        """The variants that change the preset: not whether there was a night, or which part of a run it was."""
        return tuple(v for v in self.variants if v not in _PARTS_OF_A_RUN)

    @property
    def label(self) -> str:
        """`memory/hei_nw+sleep`."""
        return "+".join((self.preset, *self.variants))

    @property
    def items_label(self) -> str:
        """`default_n50_s1337`, with the model where it is not the default one."""
        last = Path(self.model).name if "/" in self.model else self.model
        model = "" if self.model == DEFAULT_MODEL else f"_{_SLUG.sub('-', last)}"
        return f"{self.profile}_n{self.n}_s{self.seed}{model}"

    def folder(self, run_id: str, runs: str | Path = RUNS) -> Path:
        """Where the cell's files are.

        Raises: InputError for a run id that could leave the folder.
        """
        return run_folder(run_id, runs) / self.label / self.suite / self.items_label

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**dataclasses.asdict(self), "variants": list(self.variants)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cell:
        """Back from plain data.

        Raises: TypeError, KeyError when it is not a cell's.
        """
        return cls(**{**data, "variants": tuple(data["variants"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRow:
    """One text that could be read for an answer. `score` is higher for nearer, on the scale of whoever found it.

    `memory` is "episodic", "relational" or "spatial", or "prompt" for a baseline's evidence; `source` is who told it;
    `found_by` are the ranks that found it ({"dense": 1, "lexical": 3}), or the steps of a path.
    """

    text: str
    score: float | None = None
    memory: str = "episodic"
    source: str | None = None
    trace_id: int | None = None
    found_by: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One question of one phase with its answer. `gold` is the shortest true answer, `answer` what was said.

    `decoding`: "span", "path", "greedy" or "none". `source`: "memory", "weights" or "prompt". `decided_by`: "graph",
    "map", "notes" (the reader, copying from recalled notes), "frame" (the reader, by the sentence's roles), "model"
    (the reader, by the model's probabilities), "weights".
    `latency_ms` is the time of the call divided by the `n_in_call` questions that were in it, and so are the tokens
    that a model read and generated for it; `context_tokens` is the longest sequence it had to hold. None: not counted.
    `requests` is how often a store was asked.
    """

    id: int
    phase: Phase
    prompt: str
    gold: str
    answer: str
    context_key: str | None = None
    slot: str | None = None
    em: bool = False
    em_raw: bool = False
    f1: float = 0.0
    refusal: bool = False
    hit: bool = False
    decoding: str = "none"
    source: str = "weights"
    decided_by: str | None = None
    path: tuple[str, ...] = ()
    hits: tuple[HitRow, ...] = ()
    latency_ms: float = 0.0
    n_in_call: int = 1
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    context_tokens: int | None = None
    requests: int = 0

    @property
    def alone(self) -> bool:
        """Whether it was asked in a call of its own, so that its time is that of one question."""
        return self.n_in_call == 1

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as a line of `items.jsonl`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ItemRow:
        """Back from a line; keys of a later version are left out.

        Raises: TypeError, KeyError when something needed is missing.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        row = {k: v for k, v in data.items() if k in known}
        hits = tuple(HitRow(**hit) for hit in row.pop("hits", ()))
        return cls(**{**row, "hits": hits, "path": tuple(row.get("path", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """A finished cell as read back. `metrics` and `meta` are the plain data of their files."""

    cell: Cell
    folder: Path
    metrics: Mapping[str, Any]
    meta: Mapping[str, Any]

    def items(self, phase: Phase | None = None) -> list[ItemRow]:
        """The rows of one phase, or all, in the order they were asked.

        Raises: StoreFormatError naming the bad line.
        """
        rows = read_items(self.folder / ITEMS)
        return [row for row in rows if phase in (None, row.phase)]

    def events(self) -> Iterator[dict[str, Any]]:
        """What happened, in order; nothing where nothing was recorded."""
        file = self.folder / EVENTS
        return (row for _, row in read_jsonl(file)) if file.is_file() else iter(())


def timed(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """The rows whose times say what one question takes: those that were asked alone; all, where none was."""
    every = list(rows)
    return [r for r in every if r.alone] or every


def run_folder(run_id: str, runs: str | Path = RUNS) -> Path:
    """`runs/<run_id>`.

    Raises: InputError for a run id that does not match `^[A-Za-z0-9_-]{3,64}$`.
    """
    return Path(runs) / check_id(run_id, "run_id")


def write_cell(
    folder: Path, *, metrics: Mapping[str, Any], meta: Mapping[str, Any], items: Iterable[ItemRow],
    events: Sequence[Mapping[str, Any]] = (),
) -> None:  # fmt: skip
    """Write all files of a cell, each whole; `metrics.json` last.

    Raises: StorageFull; InputError when the folder's place is taken.
    """
    write_atomic(folder / ITEMS, encode_jsonl(row.to_dict() for row in items))
    write_atomic(folder / EVENTS, encode_jsonl(events))
    write_atomic(folder / META, _encode(meta))
    write_atomic(folder / METRICS, _encode(metrics))


def read_cell(folder: str | Path) -> CellResult:
    """The cell in a folder.

    Raises: InputError when it is not finished; StoreFormatError naming the damaged file.
    """
    place = Path(folder)
    metrics, meta = _read(place / METRICS), _read(place / META)
    try:
        cell = Cell.from_dict(metrics["cell"])
    except (KeyError, TypeError) as error:
        raise StoreFormatError(f"{place / METRICS} is not a cell's: {error}") from error
    return CellResult(cell=cell, folder=place, metrics=metrics, meta=meta)


def read_items(file: Path) -> list[ItemRow]:
    """The rows of an items file.

    Raises: InputError when there is none; StoreFormatError naming the bad line.
    """
    rows = []
    for at, data in read_jsonl(file):
        try:
            rows.append(ItemRow.from_dict(data))
        except (TypeError, KeyError) as error:
            raise StoreFormatError(f"{file}, line {at} is not a question with its answer: {error}") from error
    return rows


def cells_of(run_id: str, runs: str | Path = RUNS) -> list[CellResult]:
    """Every finished cell of a run, by suite, baselines before memories, then by label and items.

    Raises: InputError when the run has none; StoreFormatError for a damaged one.
    """
    root = run_folder(run_id, runs)
    files = (f for f in root.rglob(METRICS) if not any(p.startswith(".") for p in f.relative_to(root).parts))
    found = [read_cell(f.parent) for f in sorted(files) if (f.parent / META).is_file()]
    if not found:
        raise InputError(f"no finished cell under {root}; run: python scripts/eval_model.py run_id={run_id} ...")
    return sorted(found, key=lambda r: (r.cell.suite, r.cell.is_memory, r.cell.label, r.cell.items_label))


def stamp_of(folder: Path) -> str | None:
    """The stamp of a finished cell; None where there is none, or it cannot be read."""
    try:
        found = _read(folder / METRICS).get("stamp")
    except (InputError, StoreFormatError):
        return None
    return str(found) if found else None


def _encode(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(dict(data), indent=2, ensure_ascii=False, default=str) + "\n").encode()


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no finished cell in {file.parent}: {file.name} is missing") from None
    except (OSError, ValueError) as error:
        raise StoreFormatError(f"{file} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise StoreFormatError(f"{file} must be a JSON object")
    return data

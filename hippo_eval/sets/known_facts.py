"""known_1000 (Meng et al. 2022): facts that language models know, as sentences to be continued.

    [{"subject", "prompt", "attribute", "relation_id"?, ...}]

A file is one of the set by what is in it. The prompts are continued greedily by the base alone and by the model with
its night, and compared pair by pair. Knows nothing of how a night is trained.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hippo_eval.answerers import Progress
from hippo_eval.data import SanityItem
from hippo_eval.forgetting import baseline, compare, measure
from hippo_eval.sets.folders import json_files, nothing_in, spread
from hippo_eval.statistics import mean_interval
from hippo_mem.errors import StoreFormatError

if TYPE_CHECKING:
    from hippo_mem.lm import LanguageModel

_KEYS = {"subject", "prompt", "attribute"}


def read_folder(folder: Path) -> tuple[list[SanityItem], list[str]]:
    """Every fact of every JSON file directly in a folder, each prompt once, and the files that hold them.

    Raises: InputError when there is none; StoreFormatError naming file and row of one that is damaged.
    """
    found: dict[str, SanityItem] = {}
    used = []
    for file, rows in json_files(folder):
        if not all(set(row) >= _KEYS for row in rows):
            continue
        for at, row in enumerate(rows, start=1):
            prompt, wanted = str(row["prompt"]).strip(), str(row["attribute"]).strip()
            if not prompt or not wanted:
                raise StoreFormatError(f"{file}, row {at}: prompt and attribute must have words, got {row}")
            found.setdefault(prompt, SanityItem(kind="cloze", prompt=prompt, answer=wanted))
        used.append(file.name)
    if not found:
        raise nothing_in(folder, "known_facts")
    return list(found.values()), used


def measure_known(folder: Path, lm: LanguageModel, progress: Progress, *, limit: int | None = None) -> dict[str, Any]:
    """Ask up to `limit` facts, evenly spread, of the base and of the model with its night.

    Returns: `n`, `accuracy` (of the model as it is) with its interval, `accuracy_before`, and with a night over the
        model `flips` (share of the right answers that are wrong now), `n_flipped`, `gains`, `n_gained`, `spoke_share`,
        `ce_delta_nats` on general prose and the `flipped` pairs; without one those are None or empty.
    """
    every, files = read_folder(folder)
    items = spread(every, limit)
    progress("known facts", 0, 2)
    before = baseline(lm, sanity=items)
    progress("known facts", 1, 2)
    night = lm.adapter_dir is not None
    found = measure(lm, before) if night else compare(before, before.replies, before.nats, spoke_share=0.0)
    progress("known facts", 2, 2)
    right = found.n_right_after
    interval = mean_interval([1.0] * right + [0.0] * (found.n - right))
    return {
        "n": found.n,
        "accuracy": right / found.n,
        "accuracy_interval": [interval.low, interval.high],
        "accuracy_before": found.n_right_before / found.n,
        "accuracy_after": right / found.n if night else None,
        "flips": found.known_fact_flips if night else None,
        "n_flipped": found.n_flipped if night else None,
        "gains": found.known_fact_gains if night else None,
        "n_gained": found.n_gained if night else None,
        "spoke_share": found.spoke_share,
        "ce_delta_nats": found.ce_delta_nats if night else None,
        "flipped": [asdict(f) for f in found.flipped],
        "n_available": len(every),
        "files": files,
    }

"""What the reader said of a prompt is kept for the other cells of the run, most of which ask it the same.

    runs/<run_id>/.readings.jsonl     one line a prompt, in the order they were first read

A call of one prompt is always read: so the time of a question that was asked alone is its own. A run that was stopped
finds the same prompts kept and reads the others in the same company, and so rounds alike. Knows nothing of what prompts
are about.

Source: the request cache of lm-evaluation-harness (Gao et al. 2024). Differs: it keeps what notes say, never how long
that took.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hippo_eval.token_meter import Spent, TokenMeter
from hippo_mem.home import make_folder
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.engine import Said
from hippo_mem.storage.jsonl import encode_jsonl

T = TypeVar("T")

FILE = ".readings.jsonl"


class KeptReadings:
    """Results by what was asked, on disk as soon as they are there.

    Args:
        file: where they are kept; its folder is made.
        rests_on: what else decides a result (model, code, versions); lines of another are passed over.
    Raises: StorageFull, InputError when the folder cannot be made.
    """

    def __init__(self, file: Path, rests_on: str) -> None:
        make_folder(file.parent)
        self._file, self._rests_on = file, rests_on
        self._found: dict[str, tuple[Any, Spent]] = {}
        whole = file.read_bytes().split(b"\n")[:-1] if file.is_file() else []  # the last line may have been cut off
        for line in whole:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                row = json.loads(line)
                self._found[row["key"]] = row["result"], Spent(**row["spent"])
        if file.is_file() and file.stat().st_size != sum(len(line) + 1 for line in whole):
            os.truncate(file, sum(len(line) + 1 for line in whole))

    def key(self, *asked: Any) -> str:
        """What stands for a question and all it rests on."""
        return hashlib.sha256(json.dumps([self._rests_on, *asked]).encode("utf-8", "surrogatepass")).hexdigest()[:24]

    def get(self, key: str) -> tuple[Any, Spent] | None:
        """A result and what it took."""
        return self._found.get(key)

    def add(self, results: Sequence[tuple[str, Any]], each: Spent) -> None:
        """Keep results, each of which took so much."""
        rows = [{"key": key, "result": result, "spent": dataclasses.asdict(each)} for key, result in results]
        with self._file.open("ab") as file:
            file.write(encode_jsonl(rows))
        self._found |= {key: (result, each) for key, result in results}


class LentModel(LanguageModel):
    """A language model that, while it shares, reads no prompt twice for a run.

    What a kept result took to read is counted again for whoever asks, so that tokens are those of a run without it.
    """

    _kept: KeptReadings | None = None
    _meter: TokenMeter

    @contextlib.contextmanager
    def sharing(self, kept: KeptReadings, meter: TokenMeter) -> Iterator[None]:
        """Within the block, readings are taken from `kept` and added to it."""
        self._kept, self._meter = kept, meter
        try:
            yield
        finally:
            self._kept = None

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        """As the model's."""
        read = super().doubts
        return self._once("doubts", prompts, [unless], lambda new: read(new, unless=unless), float, float)

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        """As the model's."""
        read = super().read
        return self._once(
            "read", prompts, [unless, max_new_tokens],
            lambda new: read(new, unless=unless, max_new_tokens=max_new_tokens),
            dataclasses.asdict, lambda plain: Said(**plain),
        )  # fmt: skip

    def _once(
        self, name: str, prompts: Sequence[str], more: Sequence[Any], read: Callable[[list[str]], list[T]],
        plain: Callable[[T], Any], back: Callable[[Any], T],
    ) -> list[T]:  # fmt: skip
        kept = self._kept
        if kept is None or len(prompts) == 1:
            return read(list(prompts))
        keys = [kept.key(name, prompt, *more) for prompt in prompts]
        known = {key: found for key in keys if (found := kept.get(key)) is not None}
        for key in keys:
            if key in known:
                self._meter.count(known[key][1])
        new = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
        results = {key: back(result) for key, (result, _) in known.items()}
        if new:
            with self._meter.watch() as spent:
                said = read(list(new.values()))
            results |= dict(zip(new, said, strict=True))
            kept.add([(key, plain(results[key])) for key in new], spent.share(len(new)))
        return [results[key] for key in keys]

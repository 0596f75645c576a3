"""What the model said of a prompt is kept for the other cells of the run, most of which ask it the same.

    runs/<run_id>/.readings.jsonl     one line a prompt, in the order they were first read

Kept with it is what it took, in tokens and seconds, which counts again for whoever finds it: so the cost and the time
of a question are those of a run in which nothing is kept. A prompt read alone and one read among others are two, for
they take two times. A run that was stopped finds the same prompts kept and reads the others in the same company, and
so rounds alike. Knows nothing of what prompts are about.

Source: the request cache of lm-evaluation-harness (Gao et al. 2024). Differs: what a result took is kept as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hippo_eval.token_meter import Spent, TokenMeter
from hippo_mem.home import make_folder
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.engine import AdapterUse, Reading, Said
from hippo_mem.storage.jsonl import append_jsonl, read_appended

T = TypeVar("T")
K = TypeVar("K", str, tuple[str, str])

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
        for row in read_appended(file):
            with contextlib.suppress(KeyError, TypeError):  # a line of another version
                self._found[row["key"]] = row["result"], Spent(**row["spent"])

    def key(self, *asked: Any) -> str:
        """What stands for a question and all it rests on."""
        return hashlib.sha256(json.dumps([self._rests_on, *asked]).encode("utf-8", "surrogatepass")).hexdigest()[:24]

    def get(self, key: str) -> tuple[Any, Spent] | None:
        """A result and what it took."""
        return self._found.get(key)

    def add(self, results: Sequence[tuple[str, Any]], each: Spent) -> None:
        """Keep results, each of which took so much."""
        rows = [{"key": key, "result": result, "spent": dataclasses.asdict(each)} for key, result in results]
        append_jsonl(self._file, rows, sync=False)
        self._found |= {key: (result, each) for key, result in results}


class LentModel(LanguageModel):
    """A language model that, while it shares, reads no prompt twice for a run. What a night's adapter says is never
    kept."""

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

    @contextlib.contextmanager
    def by_itself(self) -> Iterator[None]:
        """Within the block everything is read: whoever measures time by a clock of his own is not deceived."""
        kept, self._kept = self._kept, None
        try:
            yield
        finally:
            self._kept = kept

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        """As the model's."""
        read = super().doubts
        return self._once("doubts", prompts, [unless], lambda new: read(new, unless=unless))

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        """As the model's."""
        read = super().read
        found = self._once(
            "read", prompts, [unless, max_new_tokens],
            lambda new: [dataclasses.asdict(said) for said in read(new, unless=unless, max_new_tokens=max_new_tokens)],
        )  # fmt: skip
        return [Said(**plain) for plain in found]

    def logprobs_many(
        self, pairs: Sequence[tuple[str, str]], *, adapter: AdapterUse | Reading = True
    ) -> list[list[float]]:
        """As the model's."""
        read = super().logprobs_many
        if not (adapter == "reading" or self._is_base(adapter)):
            return read(pairs, adapter=adapter)
        of = adapter if adapter == "reading" else "base"
        return self._once("logprobs", pairs, [of], lambda new: read(new, adapter=adapter))

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: AdapterUse = True) -> list[str]:
        """As the model's."""
        say = super().generate
        if not self._is_base(adapter):
            return say(prompts, max_new_tokens=max_new_tokens, adapter=adapter)
        return self._once(
            "generate", prompts, [max_new_tokens], lambda new: say(new, max_new_tokens=max_new_tokens, adapter=False)
        )

    def surprise(self, texts: Sequence[str], *, adapter: AdapterUse = False) -> list[float]:
        """As the model's."""
        read = super().surprise
        if not self._is_base(adapter):
            return read(texts, adapter=adapter)
        return self._once("surprise", texts, [], lambda new: read(new, adapter=False))

    def _is_base(self, adapter: AdapterUse | Reading) -> bool:
        """Whether it is the base alone that speaks."""
        return self._peft is None or adapter is False or (not isinstance(adapter, bool | str) and not any(adapter))

    def _once(self, name: str, asked: Sequence[K], more: Sequence[Any], read: Callable[[list[K]], list[T]]) -> list[T]:
        """Results of `read`, which are plain data; of what is kept from there."""
        kept = self._kept
        if kept is None:
            return read(list(asked))
        keys = [kept.key(name, one, len(asked) == 1, *more) for one in asked]
        known = {key: found for key in keys if (found := kept.get(key)) is not None}
        for key in keys:
            if key in known:
                self._meter.count(known[key][1])
        new = {key: one for key, one in zip(keys, asked, strict=True) if key not in known}
        results = {key: result for key, (result, _) in known.items()}
        if new:
            began = time.perf_counter()
            with self._meter.watch() as spent:
                said = read(list(new.values()))
            spent.seconds += time.perf_counter() - began
            results |= dict(zip(new, said, strict=True))
            kept.add([(key, results[key]) for key in new], spent.share(len(new)))
        return [results[key] for key in keys]

"""The baselines: the bare model with nothing, with the nearest facts, or with all facts in its prompt.

Knows nothing of memories, scores or files.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hippo_eval.answerers import Asked, Model, Progress, Taught, in_order
from hippo_eval.cells import HitRow
from hippo_eval.settings import EvalConfig
from hippo_eval.suites.items import TeachItem, TestItem
from hippo_mem.embed import Embedder


class BaselineAnswerer:
    """The bare model, with nothing, with the nearest facts, or with all facts in its prompt.

    Nothing is gated or stored: facts are a list, and looking into it counts as no retrieval of a store.
    """

    def __init__(self, model: Model, config: EvalConfig, embedder: Callable[[], Embedder]) -> None:
        self._model = model
        self._config = config
        self._embedder = embedder
        self._facts: list[TeachItem] = []
        self._vectors: Any = None
        self._lengths: list[int] = []
        self.batch, self.alone = config.batch_size, 0

    def teach(self, items: Sequence[TeachItem], progress: Progress) -> Taught:
        """Keep the facts, where the preset lets the model read any."""
        if self._config.long_context.enabled or self._config.retrieval.enabled:
            self._facts = in_order(items)
        if self._config.long_context.enabled:
            self._lengths = [len(self._model.encode(f.fact + "\n")) for f in self._facts]
        elif self._facts:
            self._vectors = self._embedder().embed([f.fact for f in self._facts])
        progress("tell", len(items), len(items))
        return Taught()

    def flush(self) -> None:
        """A context window ends with its session; an index of facts does not."""
        if self._config.long_context.enabled:
            self._facts, self._lengths = [], []

    def ask(self, items: Sequence[TestItem], *, memory: bool = True) -> list[Asked]:
        """Greedy answers to the prompts."""
        began = time.perf_counter()
        evidence = self._evidence(items) if memory else [()] * len(items)
        prompts = [self._prompt(i.prompt, [h.text for h in e]) for i, e in zip(items, evidence, strict=True)]
        said = self._generate(items, evidence, prompts)
        seconds = time.perf_counter() - began
        found = []
        for prompt, text, hits in zip(prompts, said, evidence, strict=True):
            n_read, n_said = len(self._model.encode(prompt)), len(self._model.encode(text))
            found.append(
                Asked(
                    text=text.strip(), decoding="greedy", source="prompt" if hits else "weights", decided_by="weights",
                    hits=hits, latency_ms=1000 * seconds / len(items), n_in_call=len(items), prompt_tokens=n_read,
                    generated_tokens=n_said, context_tokens=n_read + n_said,
                )
            )  # fmt: skip
        return found

    def _generate(
        self, items: Sequence[TestItem], evidence: Sequence[tuple[HitRow, ...]], prompts: Sequence[str]
    ) -> list[str]:
        """Questions with the same evidence go together, so that it is read once."""
        said = [""] * len(prompts)
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for at, hits in enumerate(evidence):
            groups[tuple(h.text for h in hits) if self._config.long_context.enabled else ()].append(at)
        for facts, indices in groups.items():
            first = prompts[indices[0]]
            head = first[: first.rindex(items[indices[0]].prompt)] if facts else ""
            chosen = [prompts[i] for i in indices]
            answers = self._model.generate(chosen, max_new_tokens=self._config.max_new_tokens, head=head)
            for at, text in zip(indices, answers, strict=True):
                said[at] = text
        return said

    def _prompt(self, question: str, evidence: Sequence[str]) -> str:
        user = "\n".join([*evidence, "", question]) if evidence else question
        if self._config.use_chat_template:
            return self._model.chat_prompt(user, system=self._config.system_prompt)
        return f"{self._config.system_prompt}\n\n{user}\n" if self._config.system_prompt else f"{user}\n"

    def _evidence(self, items: Sequence[TestItem]) -> list[tuple[HitRow, ...]]:
        if self._config.long_context.enabled:
            return [self._newest(item) for item in items]
        if self._config.retrieval.enabled:
            return self._nearest(items)
        return [()] * len(items)

    def _visible(self, item: TestItem) -> list[int]:
        everything = self._config.isolate == "none" or item.context_key is None
        return [i for i, f in enumerate(self._facts) if everything or f.context_key == item.context_key]

    def _newest(self, item: TestItem) -> tuple[HitRow, ...]:
        """The facts that fit, counted from the newest back, in order of time."""
        chosen: list[int] = []
        room = self._config.long_context.max_tokens
        for i in reversed(self._visible(item)):
            room -= self._lengths[i]
            if room < 0:
                break
            chosen.append(i)
        return tuple(HitRow(text=self._facts[i].fact, memory="prompt") for i in reversed(chosen))

    def _nearest(self, items: Sequence[TestItem]) -> list[tuple[HitRow, ...]]:
        """The k facts of highest cosine, nearest first."""
        if not self._facts:
            return [()] * len(items)
        similarity = self._embedder().embed([i.prompt for i in items]) @ self._vectors.T
        found = []
        for row, item in zip(similarity, items, strict=True):
            best = sorted(self._visible(item), key=lambda i: -float(row[i]))[: self._config.k]
            found.append(
                tuple(
                    HitRow(text=self._facts[i].fact, score=float(row[i]), memory="prompt", found_by={"dense": rank})
                    for rank, i in enumerate(best, start=1)
                )
            )
        return found

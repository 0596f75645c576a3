"""Decoding an exported base with onnxruntime, with or without a night's adapter. Imports no torch.

One graph and one copy of the weights serve every stream; a stream has its own cache of keys and values. Where the
night's gate opens, its matrices are handed to the graph as inputs; else the same inputs have rank 0. Knows nothing of
where exports come from.

Shapes: T tokens, V vocabulary, d hidden width, L layers the gate reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError, ModelUnavailable, StoreFormatError
from hippo_mem.freed_memory import give_back_freed_memory
from hippo_mem.lm.adapter_gate import AdapterGate
from hippo_mem.lm.chat_template import read_template
from hippo_mem.lm.engine import AdapterUse, Reading, Said, check_length, room
from hippo_mem.lm.quick.adapter import read_adapter
from hippo_mem.lm.quick.graph_names import state_name
from hippo_mem.lm.quick.session import Graph, Text
from hippo_mem.lm.reading_adapter import reading_folder
from hippo_mem.lm.sampling import Sampling
from hippo_mem.lm.streaming import TextStream

GRAPH = "engine.onnx"
Floats = NDArray[np.float32]
# Beyond this a prompt's cache of keys and values grows past the weights, and a small model follows it no more.
MAX_CONTEXT = 2048
# Prompts that stay open after their doubts, and the room of each for an answer: a prompt of a note takes 3 MB.
_MOST_OPEN, _ANSWER_TOKENS = 8, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class _Night:
    """A night in force: its gate (None: it always speaks), and what the graph takes where it speaks."""

    folder: Path
    gate: AdapterGate | None
    inputs: dict[str, Any]


class QuickEngine:
    """An export, open.

    Args:
        folder: what `hippo_mem.lm.quick.build` wrote. night: the folder of the night in force, None for the base alone.
        n_threads: that share one product; all cores by default.
    Raises: ModelUnavailable when the export cannot be opened; StoreFormatError when the night's adapter does not fit.
    """

    def __init__(self, folder: Path, night: Path | None = None, *, n_threads: int | None = None) -> None:
        from tokenizers import Tokenizer

        try:
            about = json.loads((folder / "genai_config.json").read_text(encoding="utf-8"))["model"]
            stamp = json.loads((folder / "stamp.json").read_text(encoding="utf-8"))
            self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
            self.template = read_template(folder)
            self._graph = Graph(folder / GRAPH, head_width=int(about["decoder"]["head_size"]), n_threads=n_threads)
        except (OSError, KeyError, ValueError) as error:
            raise ModelUnavailable(f"the export in {folder} does not open: {error}") from error
        self.name: str = stamp["precision"]
        self.layers: tuple[int, ...] = tuple(stamp["layers"])
        self.context = min(int(about["context_length"]), MAX_CONTEXT)
        ends = about["eos_token_id"]
        self._ends = frozenset(ends if isinstance(ends, list) else [ends])
        self._start = [about["bos_token_id"]] if about.get("bos_token_id") is not None else []
        self._widths: dict[str, int] = stamp["adapter_inputs"]
        self._silent = self._graph.held({name: _rank_zero(name, width) for name, width in self._widths.items()})
        self._night: _Night | None = None
        self._reading_from = reading_folder(str(stamp.get("model")))
        self._reading: dict[str, Any] | None = None
        self._opened: dict[str, Text] = {}  # by prompt, the oldest first: what `doubts` has read
        self.adopt(night)
        give_back_freed_memory()

    def adopt(self, night: Path | None) -> None:
        """Let the adapter of another night speak from now on, or none; streams under way end as they began.

        Raises: StoreFormatError when it does not fit; the one before then stays.
        """
        if night is None:
            self._night = None
            return
        adapter = read_adapter(night, self._widths)
        if adapter.gate is not None and not set(adapter.gate.layers) <= set(self.layers):
            raise StoreFormatError(
                f"the gate in {night} reads layers {adapter.gate.layers}, the quick engine gives {self.layers}"
            )
        inputs = {**self._silent, **self._graph.held(adapter.arrays)}
        self._night = _Night(folder=night, gate=adapter.gate, inputs=inputs)

    @property
    def night(self) -> Path | None:
        """The folder of the night in force, None for the base alone."""
        return self._night.folder if self._night is not None else None

    @property
    def reads(self) -> bool:
        """Whether there is an adapter that reads notes."""
        return self._reading_from is not None

    # Text -----------------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with nothing added."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """The text of one user turn up to where the assistant speaks."""
        return self.template.turn(user, system=system)

    # Work -----------------------------------------------------------------------------------------------------------

    def speaks(self, texts: Sequence[str], use: AdapterUse = True) -> list[bool]:
        """Whether the night's adapter speaks for each text: its gate's decision on the base's hidden states."""
        night = self._night
        if night is None or use is False:
            return [False] * len(texts)
        if not isinstance(use, bool | str):
            if len(use) != len(texts):
                raise InputError(f"{len(texts)} texts but {len(use)} decisions whether the adapter speaks")
            return list(use)
        if use == "ungated" or night.gate is None:
            return [True] * len(texts)
        pooled = self.hidden_states(texts, night.gate.layers)
        return [bool(x) for x in night.gate.opens(pooled)]

    def hidden_states(self, texts: Sequence[str], layers: Sequence[int]) -> Floats:
        """Mean over tokens of the base's hidden states: texts -> (n, d * L) float32."""
        rows = []
        for text in texts:
            ids = self.encode(text)[: self.context - 1] or self._start
            states = self._text([], self._silent, len(ids) + 1).outputs(ids, *map(state_name, layers))
            rows.append(np.concatenate([state.mean(axis=0) for state in states]))
        return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)

    def stream(
        self, prompt: str, *, max_new_tokens: int = 256, sampling: Sampling | None = None, stop: Sequence[str] = (),
        adapter: AdapterUse = True,
    ) -> TextStream:  # fmt: skip
        """The continuation of a templated prompt, piece by piece."""
        ids = self.encode(prompt)
        limit = room(len(ids), self.context, max_new_tokens)
        (inputs,) = self._inputs([prompt], adapter)
        return TextStream(
            lambda: self._text(ids, inputs, limit), self.decode, n_prompt=len(ids), ends=self._ends,
            sampling=sampling or Sampling(), max_new_tokens=limit, stop=stop,
        )  # fmt: skip

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: AdapterUse = True) -> list[str]:
        """Greedy continuations, stripped, without the end of turn."""
        speaks = self.speaks(prompts, adapter)
        return [
            "".join(self.stream(p, max_new_tokens=max_new_tokens, adapter=[s])).strip()
            for p, s in zip(prompts, speaks, strict=True)
        ]

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        """Log-probability, in nats, that the reading adapter begins each answer as `unless` does.

        What was read stays open for a `read` that follows: of several prompts one is worth going on with.
        Raises: InputError where there is no reading adapter, or a prompt is too long.
        """
        avoided = self.encode(unless)[0]
        result = []
        for prompt in prompts:
            text = self._opened.pop(prompt, None) or self._reading_text(prompt, _ANSWER_TOKENS)
            result.append(float(_log_softmax(text.logits()[None])[0, avoided]))
            self._opened[prompt] = text
            while len(self._opened) > _MOST_OPEN:
                self._opened.pop(next(iter(self._opened)))
        return result

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        """Greedy continuations with the reading adapter that do not begin as `unless` does, and how likely both are.

        Raises: InputError where there is no reading adapter, or a prompt is too long.
        """
        avoided = self.encode(unless)[0]
        result = []
        for prompt in prompts:
            text = self._opened.pop(prompt, None)
            if text is None or text.room < max_new_tokens:
                text = self._reading_text(prompt, max_new_tokens)
            limit = min(max_new_tokens, text.room)
            likely = _log_softmax(text.logits()[None])[0]
            against, total, said = float(likely[avoided]), 0.0, list[int]()
            likely[avoided] = -np.inf
            while len(said) < limit:
                token = int(likely.argmax())
                total += float(likely[token])
                if token in self._ends:
                    break
                said.append(token)
                text.push(token)
                likely = _log_softmax(text.logits()[None])[0]
            text.close()
            result.append(Said(text=self.decode(said).strip(), logprob=total, unless=against))
        self._opened.clear()
        return result

    def _reading_text(self, prompt: str, max_new_tokens: int) -> Text:
        """The reading adapter's text after a prompt, with room for an answer."""
        ids = self.encode(prompt)
        (inputs,) = self._inputs([prompt], "reading")
        return self._text(ids, inputs, room(len(ids), self.context, max_new_tokens))

    def logprobs_many(
        self, pairs: Sequence[tuple[str, str]], *, adapter: AdapterUse | Reading = True
    ) -> list[list[float]]:
        """Log-probability of each token of each continuation after its prompt. A prompt is read once."""
        result: list[list[float]] = [[] for _ in pairs]
        groups: dict[str, list[int]] = {}
        for i, (prompt, _) in enumerate(pairs):
            groups.setdefault(prompt, []).append(i)
        for (prompt, members), inputs in zip(groups.items(), self._inputs(list(groups), adapter), strict=True):
            head = self.encode(prompt)
            tails = {i: self.encode(pairs[i][1]) for i in members}
            session = self._text(head, inputs, max(1, *(len(t) for t in tails.values())))
            first = session.logits()
            for i, tail in tails.items():
                if not tail:
                    continue
                rows = first[None]
                if len(tail) > 1:
                    rows = np.concatenate([rows, *session.outputs(tail[:-1], "logits")])
                    session.rewind(len(head))
                result[i] = _log_softmax(rows)[np.arange(len(tail)), tail].tolist()
        return result

    def surprise(self, texts: Sequence[str], *, adapter: AdapterUse = False) -> list[float]:
        """Mean -log p(token | tokens before it) of each text, in nats per token. 0 for a text of one token or none."""
        result = []
        for text, inputs in zip(texts, self._inputs(texts, adapter), strict=True):
            ids = (self._start + self.encode(text))[: self.context - 1]
            if len(ids) < 2:
                result.append(0.0)
                continue
            (logits,) = self._text([], inputs, len(ids)).outputs(ids[:-1], "logits")
            result.append(float(-_log_softmax(logits)[np.arange(len(ids) - 1), ids[1:]].mean()))
        return result

    def logits(self, text: str, *, speaks: bool = False) -> Floats:
        """(T, V) logits after each token of a text, for checks of parity."""
        ids = self.encode(text)
        (inputs,) = self._inputs([text], [speaks])
        return self._text([], inputs, len(ids) + 1).outputs(ids, "logits")[0]

    def _inputs(self, texts: Sequence[str], use: AdapterUse | Reading) -> list[dict[str, Any]]:
        """What the graph takes beside tokens for each text: the matrices of the adapter that speaks, or of rank 0."""
        if use == "reading":
            return [self._reader()] * len(texts)
        spoken = self._night.inputs if self._night is not None else self._silent
        return [spoken if speaks else self._silent for speaks in self.speaks(texts, use)]

    def _reader(self) -> dict[str, Any]:
        if self._reading is None:
            if self._reading_from is None:
                raise InputError("there is no reading adapter for this model")
            arrays = read_adapter(self._reading_from, self._widths).arrays
            self._reading = {**self._silent, **self._graph.held(arrays)}
            del arrays
            give_back_freed_memory()
        return self._reading

    def _text(self, ids: Sequence[int], inputs: Mapping[str, Any], n_new: int) -> Text:
        """The graph after `ids`, with room for `n_new` more. Raises: InputError beyond the context."""
        check_length(len(ids), self.context - n_new, "this model")
        text = self._graph.begin(inputs, len(ids) + n_new)
        text.extend(ids)
        return text


def _rank_zero(name: str, width: int) -> Floats:
    return np.zeros((width, 0) if name.endswith(".a") else (0, width), dtype=np.float32)


def _log_softmax(logits: Floats) -> Floats:
    """(T, V) -> (T, V), in nats."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result

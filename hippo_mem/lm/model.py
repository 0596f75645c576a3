"""One causal language model: a frozen base, and at most one adapter whose gate says when it speaks.

Knows nothing of memories, stores or training.

Shapes in this file: B texts, T tokens, d hidden width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from hippo_mem.errors import InputError
from hippo_mem.lm.copying import copy_greedily
from hippo_mem.lm.engine import AdapterUse, Reading, Said
from hippo_mem.lm.loaded import LoadedModel

_COPYING_PASSES = 4  # that an answer copied from a note takes, about
_HEAD_TOKENS = 512  # tokens whose logits are held at once, or one text's: 100 MB with the default vocabulary


class LanguageModel(LoadedModel):
    """A loaded model and what it is asked for. Not safe for two threads at once."""

    def speaks(self, texts: Sequence[str], use: AdapterUse = True) -> list[bool]:
        """Whether the adapter speaks for each text: the gate's decision on the base's hidden state."""
        if self._peft is None or use is False:
            return [False] * len(texts)
        if not isinstance(use, bool | str):
            if len(use) != len(texts):
                raise InputError(f"{len(texts)} texts but {len(use)} decisions whether the adapter speaks")
            return list(use)
        if use == "ungated" or self.gate is None:
            return [True] * len(texts)
        pooled = self.hidden_states(texts, self.gate.layers)
        return [bool(x) for x in self.gate.opens(pooled)]

    @torch.inference_mode()
    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: AdapterUse = True) -> list[str]:
        """Greedy continuations, stripped, without the end of turn.

        Args: prompts: whole texts, already templated.
        """
        texts = [""] * len(prompts)
        for indices, speaks in self._groups(prompts, adapter):
            encoded = [self.encode(prompts[i]) for i in indices]
            for batch in self.batches(encoded, max_new_tokens, max_new_tokens):
                ids, mask = self.pad([encoded[j] for j in batch], left=True)
                with self.speaking(speaks):
                    out = self.base.generate(
                        input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False,
                        pad_token_id=self.tokenizer.pad_token_id,
                    )  # fmt: skip
                for j, row in zip(batch, out[:, ids.shape[1] :], strict=True):
                    texts[indices[j]] = self.tokenizer.decode(row, skip_special_tokens=True).strip()
        return texts

    @torch.inference_mode()
    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        """Greedy continuations with the reading adapter that do not begin as `unless` does, and how likely both are.

        Raises: as `reading`.
        """
        result: list[Said | None] = [None] * len(prompts)
        avoided = self.encode(unless)[0]
        encoded = [self.encode(p) for p in prompts]
        with self.reading():
            for batch in self.batches(encoded, max_new_tokens, _COPYING_PASSES):
                ids, mask = self.pad([encoded[j] for j in batch], left=True)
                copied = copy_greedily(
                    self.base, ids, mask, ends=self.end_tokens, avoid=avoided,
                    fill=int(self.tokenizer.pad_token_id), max_new_tokens=max_new_tokens,
                )  # fmt: skip
                for j, one in zip(batch, copied, strict=True):
                    result[j] = Said(text=self.decode(one.ids).strip(), logprob=one.logprob, unless=one.avoided)
        return [r for r in result if r is not None]

    @torch.inference_mode()
    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        """Log-probability, in nats, that the reading adapter begins each answer as `unless` does: one pass, no words.

        Raises: as `reading`.
        """
        result = [0.0] * len(prompts)
        avoided = self.encode(unless)[0]
        encoded = [self.encode(p) for p in prompts]
        with self.reading():
            for batch, logits in self._next_logits(encoded):
                for j, value in zip(batch, logits.float().log_softmax(-1)[:, avoided].tolist(), strict=True):
                    result[j] = value
        return result

    @torch.inference_mode()
    def surprise(self, texts: Sequence[str], *, adapter: AdapterUse = False) -> list[float]:
        """Mean -log p(token | tokens before it) of each text, in nats per token. 0 for a text of one token or none.

        A text is scored from the beginning-of-text token where the model has one.
        """
        result = [0.0] * len(texts)
        start = [self.tokenizer.bos_token_id] if self.tokenizer.bos_token_id is not None else []
        for indices, speaks in self._groups(texts, adapter):
            encoded = [start + self.encode(texts[i])[: self.context - 1] for i in indices]
            for batch in self.batches(encoded):
                ids, mask = self.pad([encoded[j] for j in batch])
                with self.speaking(speaks):
                    hidden = self.decoder(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
                told = [(row, j) for row, j in enumerate(batch) if len(encoded[j]) > 1]
                n = max(1, _HEAD_TOKENS // ids.shape[1])
                for some in (told[at : at + n] for at in range(0, len(told), n)):
                    # One product with the vocabulary head for several texts: it is read from memory once.
                    rows = torch.cat([hidden[row, : len(encoded[j]) - 1] for row, j in some])
                    targets = torch.cat([ids[row, 1 : len(encoded[j])] for row, j in some])
                    losses = cross_entropy(self.base.lm_head(rows).float(), targets, reduction="none")
                    for (_, j), own in zip(some, losses.split([len(encoded[j]) - 1 for _, j in some]), strict=True):
                        result[indices[j]] = own.mean().item()
        return result

    @torch.inference_mode()
    def logprobs(self, prompt: str, continuations: Sequence[str], *, adapter: AdapterUse = True) -> list[list[float]]:
        """Log-probability of each token of each continuation after the prompt, natural log."""
        return self.logprobs_many([(prompt, c) for c in continuations], adapter=adapter)

    @torch.inference_mode()
    def logprobs_many(
        self, pairs: Sequence[tuple[str, str]], *, adapter: AdapterUse | Reading = True
    ) -> list[list[float]]:
        """As `logprobs`, for (prompt, continuation) pairs of any prompts; the vocabulary head sees answer rows only."""
        if adapter == "reading":
            with self.reading():
                return self._logprobs(pairs, False)
        return self._logprobs(pairs, adapter)

    def _logprobs(self, pairs: Sequence[tuple[str, str]], adapter: AdapterUse) -> list[list[float]]:
        result: list[list[float]] = [[] for _ in pairs]
        heads = {p: self.encode(p) for p, _ in pairs}
        for indices, speaks in self._groups([p for p, _ in pairs], adapter):
            encoded = [heads[pairs[i][0]] + self.encode(pairs[i][1]) for i in indices]
            for batch in self.batches(encoded):
                ids, mask = self.pad([encoded[j] for j in batch])
                with self.speaking(speaks):
                    hidden = self.decoder(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
                spans = [(row, len(heads[pairs[indices[j]][0]]), len(encoded[j])) for row, j in enumerate(batch)]
                rows = torch.cat([hidden[row, a - 1 : b - 1] for row, a, b in spans])
                targets = torch.cat([ids[row, a:b] for row, a, b in spans])
                scores = -cross_entropy(self.base.lm_head(rows).float(), targets, reduction="none")
                at = 0
                for j, (_, a, b) in zip(batch, spans, strict=True):
                    result[indices[j]] = scores[at : at + b - a].tolist()
                    at += b - a
        return result

    @torch.inference_mode()
    def next_tokens(self, prompts: Sequence[str], *, adapter: AdapterUse = True) -> list[int]:
        """The most likely token after each prompt."""
        result = [0] * len(prompts)
        for indices, speaks in self._groups(prompts, adapter):
            encoded = [self.encode(prompts[i]) for i in indices]
            with self.speaking(speaks):
                for batch, logits in self._next_logits(encoded):
                    for j, token in zip(batch, logits.argmax(-1).tolist(), strict=True):
                        result[indices[j]] = token
        return result

    def _next_logits(self, encoded: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Batches of indices, and for each its texts' (B, V) logits of the token that comes next."""
        for batch in self.batches(encoded):
            ids, mask = self.pad([encoded[j] for j in batch])
            hidden = self.decoder(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            last = torch.tensor([len(encoded[j]) - 1 for j in batch])
            yield batch, self.base.lm_head(hidden[torch.arange(len(batch)), last])

    @torch.inference_mode()
    def hidden_states(self, texts: Sequence[str], layers: int | Sequence[int]) -> np.ndarray:
        """Mean over tokens of the base's hidden states. (B,) texts -> (B, d) float32, or (B, d * len(layers)).

        Args: layers: 0 is the embedding, i the output of the i-th block, negative counts from the last.
        Raises: InputError when the model has no such layer.
        """
        depth, wanted = self.n_layers, [layers] if isinstance(layers, int) else list(layers)
        at = [i + depth + 1 if i < 0 else i for i in wanted]
        if not at or not all(0 <= i <= depth for i in at):
            raise InputError(f"layers {wanted} do not exist: {self.name} has 0..{depth}")
        width = int(self.base.config.hidden_size)
        result = np.zeros((len(texts), width * len(at)), dtype=np.float32)
        encoded = [self.encode(t)[: self.context] or [self.tokenizer.pad_token_id] for t in texts]
        for batch in self.batches(encoded):
            ids, mask = self.pad([encoded[j] for j in batch])
            weights = mask.unsqueeze(-1).float()
            with self.speaking(False):
                hidden, reached = self.decoder.embed_tokens(ids), 0
                for slot in sorted(range(len(at)), key=at.__getitem__):
                    hidden = self.run_blocks(hidden, mask, reached, at[slot])
                    reached = at[slot]
                    pooled = (hidden.float() * weights).sum(1) / weights.sum(1)
                    result[batch, slot * width : (slot + 1) * width] = pooled.numpy()
        return result

    def run_blocks(
        self, hidden: torch.Tensor, mask: torch.Tensor, first: int, last: int, *, norm: bool = False
    ) -> torch.Tensor:
        """Blocks first..last-1 over (B, T, d) hidden states; with `norm`, the final norm after them.

        The stack is cut by handing the decoder a shorter list of blocks for the length of the call, so every
        architecture that keeps its blocks in `.layers` and its last norm in `.norm` runs its own code.
        """
        decoder = self.decoder
        blocks, final, count = decoder.layers, decoder.norm, decoder.config.num_hidden_layers
        decoder.layers = blocks[first:last]
        decoder.config.num_hidden_layers = last - first
        if not norm:
            decoder.norm = torch.nn.Identity()
        try:
            out: torch.Tensor = decoder(inputs_embeds=hidden, attention_mask=mask, use_cache=False).last_hidden_state
            return out
        finally:
            decoder.layers, decoder.norm, decoder.config.num_hidden_layers = blocks, final, count

    def _groups(self, texts: Sequence[str], use: AdapterUse) -> list[tuple[list[int], bool]]:
        """Indices of the texts for which the adapter is silent, and of those for which it speaks."""
        speaks = self.speaks(texts, use)
        groups = [([i for i, s in enumerate(speaks) if s is value], value) for value in (False, True)]
        return [(indices, value) for indices, value in groups if indices]

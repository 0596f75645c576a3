"""One causal language model: a frozen base, and at most one adapter whose gate says when it speaks.

Every method takes whole texts; the chat template is applied only by `chat_prompt`, and only as asked.
Knows nothing of memories, stores or training.

Shapes in this file: B texts, T tokens, d hidden width, V vocabulary.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from hippo_mem.errors import InputError, ModelUnavailable, StoreFormatError
from hippo_mem.home import data_home
from hippo_mem.lm import precision
from hippo_mem.lm.adapter_gate import AdapterGate
from hippo_mem.lm.chat_template import ChatTemplate
from hippo_mem.lm.engine import AdapterUse, Reading, Said, check_length
from hippo_mem.lm.reading_adapter import LaidOver, reading_folder
from hippo_mem.lm.source import DEFAULT_MODEL, resolve

if TYPE_CHECKING:
    from peft import PeftModel

log = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_HEAD_TOKENS = 512  # tokens whose logits are held at once, or one text's: 100 MB with the default vocabulary
_BATCH_TOKENS = 4096  # padded tokens a forward pass: keeps activations of the default model under 1 GB


class LanguageModel:
    """A loaded model. Not safe for two threads at once."""

    def __init__(self, name: str, model: Any, tokenizer: Any, folder: Path, cache_dir: Path | None = None) -> None:
        self.name = name
        self.folder = folder
        self.cache_dir = cache_dir
        self.tokenizer = tokenizer
        self.base = model
        self.gate: AdapterGate | None = None
        self.adapter_dir: Path | None = None
        self._peft: PeftModel | None = None
        self._reading: LaidOver | None = None

    @classmethod
    def load(cls, name: str = DEFAULT_MODEL, *, models_dir: Path | None = None, dtype: str = "auto") -> LanguageModel:
        """Load by bundled name, hub id or folder; the base is frozen.

        Args:
            models_dir: where converted weights and the precision measurement are kept; the data home's by default.
            dtype: "float32", "bfloat16", or "auto" for the faster by measurement.
        Raises: ModelUnavailable when the weights cannot be had or are not a causal language model; InputError on dtype.
        """
        if dtype not in ("auto", *DTYPES):
            raise InputError(f"dtype must be auto, float32 or bfloat16, got {dtype!r}")
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if models_dir is None:
            models_dir = data_home() / "models"
        folder = resolve(name, models_dir)
        chosen = precision.choose(models_dir / "precision.json") if dtype == "auto" else DTYPES[dtype]
        try:
            # Eager attention: on short sequences the flash kernels' backward is a quarter of a training step.
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=chosen, attn_implementation="eager", local_files_only=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelUnavailable(f"{folder} does not load as a causal language model: {error}") from error
        model.eval()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        # The last position of every row is a strided view; a product with it would copy the whole vocabulary head once
        # a row, which took three quarters of a batch's generation (docs/LOG.md).
        model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))
        return cls(name, model, tokenizer, folder, models_dir)

    # What it is -----------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> torch.dtype:
        """Format of the base's weights."""
        dtype: torch.dtype = self.base.dtype
        return dtype

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks."""
        return int(self.base.config.num_hidden_layers)

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        config = self.base.config
        return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)

    @property
    def decoder(self) -> Any:
        """The stack of blocks below the vocabulary head, adapter modules included where one is attached."""
        return self.base.model

    # Templates ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def template(self) -> ChatTemplate:
        """The model's chat format."""
        tokenizer = self.tokenizer
        if tokenizer.chat_template is None:
            return ChatTemplate(None, self.end_of_turn)

        def render(messages: Sequence[Mapping[str, str]]) -> str:
            return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))

        return ChatTemplate(render, self.end_of_turn)

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """The text of one user turn up to where the assistant speaks.

        No system block unless asked for: the default template would add 21 tokens of its own to every prompt.
        """
        return self.template.turn(user, system=system)

    @property
    def end_of_turn(self) -> str:
        """The token that closes an answer."""
        return str(self.tokenizer.eos_token)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with nothing added."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    @property
    def end_tokens(self) -> frozenset[int]:
        """Ids of the tokens that end an answer."""
        configured = self.base.generation_config.eos_token_id
        ends = configured if isinstance(configured, list) else [configured]
        return frozenset(i for i in (*ends, self.tokenizer.eos_token_id) if i is not None)

    # Adapters -------------------------------------------------------------------------------------------------------

    def attach(self, folder: Path) -> None:
        """Put the adapter of a PEFT folder over the base, replacing the one before.

        Raises: StoreFormatError when the folder holds no adapter that fits this model.
        """
        from peft import PeftModel

        folder = Path(folder)
        if not (folder / "adapter_config.json").is_file():
            raise StoreFormatError(f"{folder} holds no adapter (adapter_config.json is missing)")
        if not (folder / "adapter_model.safetensors").is_file():
            raise StoreFormatError(f"{folder} holds no adapter weights (adapter_model.safetensors is missing)")
        self.detach()
        gate = AdapterGate.load(folder)
        try:
            peft = PeftModel.from_pretrained(self.base, str(folder), autocast_adapter_dtype=False)
        except (ValueError, RuntimeError, OSError, KeyError) as error:
            raise StoreFormatError(f"the adapter in {folder} does not fit {self.name}: {error}") from error
        peft.eval()
        self.adopt(peft, gate, folder)

    def adopt(self, peft: PeftModel, gate: AdapterGate | None, folder: Path | None) -> None:
        """Take an adapter that is already over this base (training ends here)."""
        self._peft, self.gate, self.adapter_dir = peft, gate, folder

    def detach(self) -> None:
        """Back to the base alone, bit for bit."""
        if self._peft is not None:
            self.base = self._peft.unload()
            self._peft, self.gate, self.adapter_dir = None, None, None

    @contextlib.contextmanager
    def speaking(self, speaks: bool) -> Iterator[None]:
        """Within the block the adapter speaks, or is silent."""
        if self._peft is None or speaks:
            yield
            return
        with self._peft.disable_adapter():
            yield

    @property
    def reads(self) -> bool:
        """Whether there is an adapter that reads notes for this model."""
        return reading_folder(self.name) is not None

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Within the block the adapter that reads notes is over the base, and the night's is silent.

        Raises: InputError where there is none for this model; StoreFormatError when it is damaged.
        """
        if self._reading is None:
            folder = reading_folder(self.name)
            if folder is None:
                raise InputError(f"there is no reading adapter for {self.name}")
            self._reading = LaidOver(folder)
        with self.speaking(False), self._reading.over(self.base):
            yield

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

    # Work -----------------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: AdapterUse = True) -> list[str]:
        """Greedy continuations, stripped, without the end of turn.

        Args: prompts: whole texts, already templated.
        """
        texts = [""] * len(prompts)
        for indices, speaks in self._groups(prompts, adapter):
            for batch in self._batches([self.encode(prompts[i]) for i in indices], max_new_tokens):
                ids, mask = self._pad([self.encode(prompts[indices[j]]) for j in batch], left=True)
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
            for batch in self._batches(encoded, max_new_tokens):
                ids, mask = self._pad([encoded[j] for j in batch], left=True)
                out = self.base.generate(
                    input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False,
                    pad_token_id=self.tokenizer.pad_token_id, begin_suppress_tokens=[avoided],
                    output_logits=True, return_dict_in_generate=True,
                )  # fmt: skip
                said = out.sequences[:, ids.shape[1] :]
                likely = [step.float().log_softmax(-1).gather(1, said[:, t, None]) for t, step in enumerate(out.logits)]
                chosen = torch.cat(likely, dim=1)  # (B, T)
                against = out.logits[0].float().log_softmax(-1)[:, avoided]
                for row, j in enumerate(batch):
                    ends = [at for at, token in enumerate(said[row].tolist()) if token in self.end_tokens]
                    n = ends[0] + 1 if ends else said.shape[1]
                    result[j] = Said(
                        text=self.decode(said[row, :n].tolist()).strip(), logprob=chosen[row, :n].sum().item(),
                        unless=against[row].item(),
                    )  # fmt: skip
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
            for batch in self._batches(encoded):
                ids, mask = self._pad([encoded[j] for j in batch])
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
                return self.logprobs_many(pairs, adapter=False)
        result: list[list[float]] = [[] for _ in pairs]
        heads = {p: self.encode(p) for p, _ in pairs}
        for indices, speaks in self._groups([p for p, _ in pairs], adapter):
            encoded = [heads[pairs[i][0]] + self.encode(pairs[i][1]) for i in indices]
            for batch in self._batches(encoded):
                ids, mask = self._pad([encoded[j] for j in batch])
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
        for batch in self._batches(encoded):
            ids, mask = self._pad([encoded[j] for j in batch])
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
        for batch in self._batches(encoded):
            ids, mask = self._pad([encoded[j] for j in batch])
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

    # Batching -------------------------------------------------------------------------------------------------------

    @property
    def context(self) -> int:
        """Tokens a text may have."""
        return int(getattr(self.base.config, "max_position_embeddings", 2048))

    def _groups(self, texts: Sequence[str], use: AdapterUse) -> list[tuple[list[int], bool]]:
        """Indices of the texts for which the adapter is silent, and of those for which it speaks."""
        speaks = self.speaks(texts, use)
        groups = [([i for i, s in enumerate(speaks) if s is value], value) for value in (False, True)]
        return [(indices, value) for indices, value in groups if indices]

    def _batches(self, encoded: Sequence[Sequence[int]], extra: int = 0) -> Iterator[list[int]]:
        """Indices in batches of like length, each at most `_BATCH_TOKENS` padded tokens.

        Raises: InputError before the first batch where a text with `extra` tokens is longer than the model takes.
        """
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
        if order:
            check_length(len(encoded[order[-1]]), self.context - extra, self.name)
        batch: list[int] = []
        for i in order:
            if batch and (len(batch) + 1) * (len(encoded[i]) + extra) > _BATCH_TOKENS:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _pad(self, encoded: Sequence[Sequence[int]], *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T) ids and mask."""
        width = max(len(e) for e in encoded)
        ids = torch.full((len(encoded), width), int(self.tokenizer.pad_token_id))
        mask = torch.zeros(len(encoded), width, dtype=torch.long)
        for row, tokens in enumerate(encoded):
            where = slice(width - len(tokens), width) if left else slice(0, len(tokens))
            ids[row, where] = torch.tensor(tokens, dtype=torch.long)
            mask[row, where] = 1
        return ids, mask

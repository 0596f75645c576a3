"""A causal language model as it lies in memory: frozen weights, the adapters over them, and texts as tokens.

Every method takes whole texts; the chat template is applied only by `chat_prompt`, and only as asked.
Knows nothing of what is computed with it.

Shapes in this file: B texts, T tokens.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from hippo_mem.errors import InputError, ModelUnavailable, StoreFormatError
from hippo_mem.home import data_home
from hippo_mem.lm import precision
from hippo_mem.lm.adapter_gate import AdapterGate
from hippo_mem.lm.batching import in_batches
from hippo_mem.lm.chat_template import ChatTemplate
from hippo_mem.lm.engine import check_length
from hippo_mem.lm.grouped_attention import attend_grouped
from hippo_mem.lm.reading_adapter import LaidOver, reading_folder
from hippo_mem.lm.source import DEFAULT_MODEL, resolve

if TYPE_CHECKING:
    from peft import PeftModel

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_BATCH_TOKENS = 8192  # padded tokens a forward pass: keeps activations of the default model under 1 GB


class LoadedModel:
    """Weights, tokenizer, and the adapters over the weights. Not safe for two threads at once."""

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
    def load(cls, name: str = DEFAULT_MODEL, *, models_dir: Path | None = None, dtype: str = "auto") -> Self:
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
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=chosen, attn_implementation="eager", local_files_only=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelUnavailable(f"{folder} does not load as a causal language model: {error}") from error
        # On short sequences the flash kernels' backward is a quarter of a training step.
        attend_grouped(model)
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

    # Batching -------------------------------------------------------------------------------------------------------

    @property
    def context(self) -> int:
        """Tokens a text may have."""
        return int(getattr(self.base.config, "max_position_embeddings", 2048))

    def batches(self, encoded: Sequence[Sequence[int]], extra: int = 0, passes: int = 1) -> list[list[int]]:
        """Indices in batches of like length, each at most `_BATCH_TOKENS` padded tokens.

        Args: extra, passes: tokens a text will be given, and how often a batch goes through the model for them.
        Raises: InputError where a text with `extra` tokens is longer than the model takes.
        """
        lengths = [len(e) for e in encoded]
        check_length(max(lengths, default=0), self.context - extra, self.name)
        return in_batches(lengths, _BATCH_TOKENS, extra=extra, passes=passes)

    def pad(self, encoded: Sequence[Sequence[int]], *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T) ids and mask."""
        width = max(len(e) for e in encoded)
        ids = torch.full((len(encoded), width), int(self.tokenizer.pad_token_id))
        mask = torch.zeros(len(encoded), width, dtype=torch.long)
        for row, tokens in enumerate(encoded):
            where = slice(width - len(tokens), width) if left else slice(0, len(tokens))
            ids[row, where] = torch.tensor(tokens, dtype=torch.long)
            mask[row, where] = 1
        return ids, mask

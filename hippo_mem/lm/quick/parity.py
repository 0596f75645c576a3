"""Does the quick engine say what torch says: next-token distributions after every token of fifty prompts.

Two figures decide. `top1`: the share of positions at which both hold the same token likeliest. `kl`: the mean
Kullback-Leibler divergence of the engine's distribution from torch's, in nats a token. The bars are set by what was
measured on the default model (docs/LOG.md): 8-bit weights give top1 0.93 and kl 0.01, as near to float32 as torch's
own bfloat16 (0.98, 0.01); the builder's mixed 4 and 8 bits give 0.78 and 0.22. A wrong scale, layer order, template or
a lost adapter gives top1 below 0.5 and kl above 1, so the bars lie between, nearer to the good figures. Knows nothing
of where engines lie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from hippo_mem.lm.model import LanguageModel
from hippo_mem.lm.quick.prompts import PROMPTS

if TYPE_CHECKING:
    from hippo_mem.lm.quick.runtime import QuickEngine

# precision -> (least top1, most kl)
BARS: Mapping[str, tuple[float, float]] = {"int8": (0.88, 0.05), "int4": (0.65, 0.45)}
_GATE_BAR = 0.98  # share of prompts for which both gates decide alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How an engine agrees with torch. `gate` is the share of prompts with the same gate decision, 1 without a gate."""

    precision: str
    adapter: bool
    n_prompts: int
    n_tokens: int
    top1: float
    kl: float
    gate: float = 1.0

    @property
    def passed(self) -> bool:
        """Whether it may answer people."""
        least, most = BARS[self.precision]
        return self.top1 >= least and self.kl <= most and self.gate >= _GATE_BAR

    def __str__(self) -> str:
        least, most = BARS[self.precision]
        return (
            f"{self.precision}{' with the night' if self.adapter else ''}: same likeliest token at {self.top1:.3f} of "
            f"{self.n_tokens} positions (at least {least}), KL {self.kl:.4f} nats (at most {most}), gate alike for "
            f"{self.gate:.2f} of {self.n_prompts} prompts (at least {_GATE_BAR})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "passed": self.passed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two models on the fixed prompts: see the module."""

    n_prompts: int
    n_tokens: int
    top1: float
    kl: float


@torch.inference_mode()
def agreement(lm: LanguageModel, logits: Callable[[str], NDArray[np.float32]], *, adapter: bool = False) -> Agreement:
    """How another's (T, V) logits of a text agree with torch's, half of the prompts as chat turns."""
    same, divergence, n = 0, 0.0, 0
    for prompt in chat_and_text(lm):
        with lm.speaking(adapter):
            ours = lm.base(input_ids=torch.tensor([lm.encode(prompt)]), use_cache=False).logits[0].float()
        log_p, log_q = ours.log_softmax(-1), torch.from_numpy(logits(prompt)).log_softmax(-1)
        same += int((ours.argmax(-1) == log_q.argmax(-1)).sum())
        divergence += float((log_p.exp() * (log_p - log_q)).sum())
        n += len(ours)
    kl = divergence / n if np.isfinite(divergence) else float("inf")
    return Agreement(n_prompts=len(PROMPTS), n_tokens=n, top1=same / n, kl=kl)


def chat_and_text(lm: LanguageModel) -> list[str]:
    """The fixed prompts, every other one as a chat turn."""
    return [lm.chat_prompt(p) if i % 2 == 0 else p for i, p in enumerate(PROMPTS)]


def compare(lm: LanguageModel, engine: QuickEngine, *, adapter: bool = False) -> Parity:
    """Compare on the fixed prompts.

    Args: adapter: with the adapter that is on both, speaking everywhere; also compares the gates' decisions.
    """
    found = agreement(lm, lambda text: engine.logits(text, speaks=adapter), adapter=adapter)
    gate = 1.0
    if adapter:
        prompts = chat_and_text(lm)
        gate = float(np.mean([a == b for a, b in zip(lm.speaks(prompts), engine.speaks(prompts), strict=True)]))
    return Parity(precision=engine.name, adapter=adapter, gate=gate, **asdict(found))

"""Training a night's adapter: examples in, a LoRA over the frozen base out.

Loss on answer tokens and the end of turn, examples drawn by their last loss, one batch in several an anchor, float32
masters under adapters in the base's format, an exponential average of the weights is what remains. Knows nothing of
memories, verification or where the result is kept.

Source: LoRA (Hu et al. 2022) with a higher rate for B (LoRA+, Hayou et al. 2024), AdamW (Loshchilov & Hutter 2019),
loss-based sampling after prioritized replay (Schaul et al. 2016), constant-then-decay learning rate (Hu et al. 2024,
MiniCPM): it needs no step count beforehand, so training can stop when everything is learned.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from hippo_mem.config import SleepConfig
from hippo_mem.errors import SleepError
from hippo_mem.lm import LanguageModel
from hippo_mem.replay.dynamic import LossSampler
from hippo_mem.sleep.allocator import keep_freed_memory
from hippo_mem.sleep.examples import Example
from hippo_mem.sleep.fused_mlp import fused
from hippo_mem.sleep.packing import Packed, pack
from hippo_mem.sleep.soft_targets import SoftSequence, divergence
from hippo_mem.sleep.vocabulary_loss import plain_head, vocabulary_loss

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
# The vocabulary's softmax over every position of an anchor would cost as much as the blocks below it.
_ANCHOR_POSITIONS = 6
_STOP_SAMPLE = 64  # stop questions of one check, spread over all of them


class Pace(NamedTuple):
    """The most steps: for each thing to be answered (a fact and a slot of it), for each fact however little is asked
    of it, and those that are taken in any case. Measured on the default model: docs/LOG.md."""

    per_answer: float
    per_fact: float
    least: int

    def steps(self, n_answers: int, n_facts: int) -> int:
        """The most steps for so many answers and facts."""
        return max(self.least, round(self.per_answer * n_answers), round(self.per_fact * n_facts))


FROM_LEARNED_START = Pace(0.32, 1.3, 40)
# From nothing, and from an earlier night too: what that one learned slips at first, and needs the steps to come back.
FULL_PACE = Pace(0.6, 2.0, 80)
# At the full learning rate single answers flicker: nine in ten right twice running become all right as the rate falls.
# A text that was told goes on in one way only, so more of them must be right.
_STOP_SHARE, _STOP_TEXT = 0.9, 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """How a training went. `curve` rows: step, seconds, loss (nats per answer), share of stop questions right or
    NaN."""

    steps: int
    seconds: float
    tokens: int
    stopped: str
    curve: tuple[tuple[int, float, float, float], ...]
    peak_lr: float
    n_examples: int
    fused_blocks: int
    drawn: dict[str, int] = field(default_factory=dict)


class AdapterTraining:
    """One training run over a model. The adapter is on `lm` from construction until `lm.detach`.

    Args:
        lm: the model; any adapter on it is taken off first.
        config: the night's configuration.
        start: an adapter folder to continue from, None for a new one.
    """

    def __init__(self, lm: LanguageModel, config: SleepConfig, start: Path | None = None) -> None:
        from peft import LoraConfig, PeftModel, get_peft_model

        self.lm, self.config = lm, config
        lm.detach()
        torch.manual_seed(config.train.seed)
        if start is not None:
            self.peft: Any = PeftModel.from_pretrained(
                lm.base, str(start), is_trainable=True, autocast_adapter_dtype=False
            )
        else:
            lora = LoraConfig(
                r=config.peft.rank, lora_alpha=config.peft.alpha, lora_dropout=config.peft.dropout,
                target_modules=list(config.targets), task_type="CAUSAL_LM", base_model_name_or_path=lm.name,
            )  # fmt: skip
            try:
                self.peft = get_peft_model(lm.base, lora, autocast_adapter_dtype=False)
            except ValueError as error:
                raise SleepError(f"targets {list(config.targets)} do not exist in {lm.name}: {error}") from error
        lm.adopt(self.peft, None, None)
        named = [(n, p) for n, p in self.peft.named_parameters() if p.requires_grad]
        self.parameters = [p for _, p in named]
        self.masters = [p.detach().float().clone() for p in self.parameters]
        self.average = [m.clone() for m in self.masters]
        t = config.train
        is_b = ["lora_B" in n for n, _ in named]
        groups = [
            {"params": [m for m, b in zip(self.masters, is_b, strict=True) if b == wanted], "scale": scale}
            for wanted, scale in ((False, 1.0), (True, t.lora_plus))
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=t.lr, betas=(0.9, 0.98), weight_decay=t.weight_decay, foreach=True
        )
        self._rng = random.Random(t.seed)
        self.n_steps = 0
        self.n_tokens = 0

    def begin_at(self, weights: Sequence[torch.Tensor]) -> None:
        """Set the adapter and its average to `weights`, float32, one tensor for each of `masters` and of its shape."""
        with torch.no_grad():
            for master, mean, weight in zip(self.masters, self.average, weights, strict=True):
                master.copy_(weight)
                mean.copy_(weight)
        self._set(self.masters)

    # One step -------------------------------------------------------------------------------------------------------

    def hidden(self, sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, Packed]:
        """Final hidden states of packed sequences: (R, T, d)."""
        packed = pack(sequences, self.lm.dtype)
        self.n_tokens += sum(len(s) for s in sequences)
        out: torch.Tensor = self.lm.decoder(
            input_ids=packed.ids, attention_mask=packed.mask, position_ids=packed.positions, use_cache=False
        ).last_hidden_state
        return out, packed

    def _answers(self, batch: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
        """States that predict the answers' tokens (n, d), those tokens (n,), and how many each example has."""
        hidden, packed = self.hidden([e.tokens for e in batch])
        rows = torch.cat([packed.rows(hidden, i, e.first, len(e.tokens) - 1) for i, e in enumerate(batch)])
        targets = torch.tensor([t for e in batch for t in e.tokens[e.first + 1 :]])
        return rows, targets, [len(e.tokens) - 1 - e.first for e in batch]

    def answer_loss(self, batch: Sequence[Example]) -> tuple[torch.Tensor, list[float]]:
        """Mean weighted loss of a batch, and each example's worst token loss."""
        rows, targets, spans = self._answers(batch)
        weights = torch.tensor([w for e in batch for w in e.token_weights()])
        head = plain_head(self.lm.base)
        if head is not None:
            total, losses = vocabulary_loss(rows, head, targets, weights)
        else:
            losses = cross_entropy(self.lm.base.lm_head(rows).float(), targets, reduction="none")
            total = (losses * weights).sum()
        for e, part in zip(batch, rows.split(spans), strict=True):
            if e.soft is not None:
                total = total + e.soft_weight * divergence(self.lm.base.lm_head(part).float(), e.soft)
        return total / len(batch), [part.max().item() for part in losses.detach().split(spans)]

    def anchor_loss(self, batch: Sequence[SoftSequence]) -> torch.Tensor:
        """KL to the frozen base per position, in nats, at the last position of each anchor and some of the others."""
        hidden, packed = self.hidden([a.tokens for a in batch])
        parts, chosen = [], []
        for i, a in enumerate(batch):
            n = len(a.tokens) - a.first
            at = [*self._rng.sample(range(n - 1), min(n - 1, _ANCHOR_POSITIONS - 1)), n - 1]
            parts.append(packed.rows(hidden, i, a.first, len(a.tokens))[at])
            chosen.append(at)
        logits = self.lm.base.lm_head(torch.cat(parts)).float().split([len(at) for at in chosen])
        total = [divergence(part, a, at) for part, a, at in zip(logits, batch, chosen, strict=True)]
        return torch.stack(total).sum() / sum(map(len, chosen))

    @contextmanager
    def stepping(self) -> Iterator[int]:
        """Inside, steps are quick: freed memory is kept, blocks are fused (how many is given)."""
        self.peft.train()
        keep_freed_memory()
        with fused(self.lm.decoder.layers) as n_fused:
            yield n_fused

    def update(self, lr: float) -> None:
        """One optimiser step from the gradients that have been summed, then the adapters are set from the masters."""
        t = self.config.train
        with torch.no_grad():
            for master, parameter in zip(self.masters, self.parameters, strict=True):
                master.grad = parameter.grad.float() if parameter.grad is not None else torch.zeros_like(master)
                parameter.grad = None
            norm = torch.nn.utils.clip_grad_norm_(self.masters, t.clip_norm)
            if not math.isfinite(norm):
                raise SleepError(f"the gradient became {norm} at step {self.n_steps + 1}; lower train.lr (now {lr:g})")
            for group in self.optimizer.param_groups:
                group["lr"] = lr * group["scale"]
            self.optimizer.step()
            self.n_steps += 1
            torch._foreach_lerp_(self.average, self.masters, 1.0 - t.ema)
            self._set(self.masters)

    def _set(self, values: Sequence[torch.Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self.parameters, values, strict=True):
                parameter.copy_(value)

    @torch.inference_mode()
    def exact(self, examples: Sequence[Example]) -> list[bool]:
        """Whether greedy decoding would give each example's answer, token for token and then stop."""
        result: list[bool] = []
        for at in range(0, len(examples), 128):
            rows, targets, spans = self._answers(examples[at : at + 128])
            right = self.lm.base.lm_head(rows).argmax(-1) == targets
            result += [bool(part.all()) for part in right.split(spans)]
        return result

    # The run --------------------------------------------------------------------------------------------------------

    def run(
        self, questions: Sequence[Example], statements: Sequence[Example], anchors: Sequence[SoftSequence],
        stop: Sequence[Example], progress: Progress | None = None, *, known: Mapping[int, float] | None = None,
        pace: Pace = FULL_PACE,
    ) -> TrainingResult:  # fmt: skip
        """Train until learned or out of steps; the averaged weights are in the adapter afterwards.

        Args:
            stop: questions that are not trained on; once nine in ten are right in two checks running, and the texts
                among `questions` go on as they were told, the learning rate falls and training ends.
            pace: how many steps at most, where the configuration does not say.
            known: positions in `questions` whose loss is known beforehand: they are not drawn for being new.
        Raises: SleepError when there is nothing to train on, or when the loss stops being a number.
        """
        if not questions and not statements:
            raise SleepError("nothing to train on: no question and no statement could be made from the memories")
        t, rng = self.config.train, self._rng
        n_answers = len({(e.fact, e.slot) for e in questions if e.fact >= 0}) or len(statements)
        n_facts = len({e.fact for e in (*questions, *statements) if e.fact >= 0})
        ceiling = t.steps if t.steps is not None else pace.steps(n_answers, n_facts)
        pool = list(questions) or list(statements)
        sampler = LossSampler(len(pool), power=t.loss_power, floor=t.uniform_floor, ema=0.0, seed=t.seed)
        if known:
            sampler.update(list(known), list(known.values()))
        n_statements = round(t.batch_size * t.statement_share) if questions and statements else 0
        checked = self._some(stop)
        texts = self._some([e for e in questions if e.kind == "text"])
        last_share = 0.0
        decay_from, decay_to, stopped = ceiling - max(1, round(ceiling * t.decay_share)), ceiling, "out of steps"
        curve: list[tuple[int, float, float, float]] = []
        start, n_drawn, n_anchors = time.perf_counter(), 0, 0
        with self.stepping() as n_fused:
            while self.n_steps < decay_to:
                step = self.n_steps + 1
                value = 0.0
                for _ in range(t.grad_accum):
                    indices = sampler.draw(min(t.batch_size - n_statements, len(pool)))
                    batch = [pool[i] for i in indices] + rng.sample(statements, min(n_statements, len(statements)))
                    loss, worst = self.answer_loss(batch)
                    (loss / t.grad_accum).backward()
                    value += loss.item() / t.grad_accum
                    if not math.isfinite(value):
                        raise SleepError(f"the loss became {value} at step {step}; lower train.lr (now {t.lr:g})")
                    n_drawn += len(indices)
                    sampler.update(indices, worst[: len(indices)])
                a = self.config.anchors
                if anchors and a.every and step % a.every == 0:
                    chosen = rng.sample(anchors, min(a.batch_size, len(anchors)))
                    (self.anchor_loss(chosen) * a.weight).backward()
                    n_anchors += len(chosen)
                warm = min(1.0, step / max(1, t.warmup_steps))
                left = (decay_to - self.n_steps) / max(1, decay_to - decay_from)
                self.update(t.lr * warm * min(1.0, left))
                share = math.nan
                waiting = t.stop_early and decay_to == ceiling and bool(stop) and step < decay_from
                if waiting and step % t.check_every == 0 and step >= pace.least // 2:
                    share = fmean(self.exact(checked))
                    enough = min(share, last_share) >= _STOP_SHARE
                    if enough and (not texts or fmean(self.exact(texts)) >= _STOP_TEXT):
                        stopped = "learned"
                        decay_from, decay_to = step, min(ceiling, step + max(5, round(step * t.decay_share)))
                    last_share = share
                curve.append((step, time.perf_counter() - start, value, share))
                if progress is not None:
                    progress("training", step, decay_to)
        self.keep_average()
        return TrainingResult(
            steps=self.n_steps, seconds=time.perf_counter() - start, tokens=self.n_tokens, stopped=stopped,
            curve=tuple(curve), peak_lr=t.lr, n_examples=len(questions) + len(statements), fused_blocks=n_fused,
            drawn={"questions": n_drawn, "statements": n_statements * self.n_steps, "anchors": n_anchors},
        )  # fmt: skip

    def _some(self, examples: Sequence[Example]) -> Sequence[Example]:
        return examples if len(examples) <= _STOP_SAMPLE else self._rng.sample(list(examples), _STOP_SAMPLE)

    def keep_average(self) -> None:
        """Put the averaged weights into the adapter: training is over."""
        self._set(self.average)
        self.peft.eval()

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format."""
        self.peft.save_pretrained(str(folder), safe_serialization=True)
        readme = folder / "README.md"  # PEFT's model card: empty headings that name nothing of this night
        readme.unlink(missing_ok=True)

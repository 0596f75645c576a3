"""Learn to learn: writes the adapter a user's first night begins from, which ships with the package.

    python scripts/train_start.py --out hippo_mem/sleep/start/smollm2-135m     # 26 minutes on two cores: what ships
    python scripts/train_start.py --out DIR --nights 2                         # a small slice

Rehearsal nights, each over other notes of `training/reading/`: from the adapter so far, the notes are learned in the
wordings a night writes itself, then asked as people asked them, and the adapter moves a part of the way to where the
night ended. What the notes say differs from night to night and averages out; how to learn notes stays. Nothing of a
user, of a suite or of a test set is in it.

Source: Reptile (Nichol, Achiam & Schulman 2018, arXiv 1803.02999, algorithm 1), the step size falling linearly; the
last steps of a rehearsal are on other wordings than the first, as first-order MAML's outer gradient is on held-out
examples of the task. Differs: only the LoRA moves, and anchors hold it to the base.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch

from hippo_eval.border import exit_code
from hippo_mem.config import SleepConfig
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.adapter_gate import gate_layers
from hippo_mem.lm.lora_folder import name_base
from hippo_mem.reader.lessons import Thread, load_threads
from hippo_mem.relational.frames import FrameParser
from hippo_mem.sleep.anchor_bank import anchor_bank
from hippo_mem.sleep.examples import UNKNOWN_ANSWER, chat_example
from hippo_mem.sleep.material import Material, anchor_prompts, prepare
from hippo_mem.sleep.soft_targets import SoftSequence
from hippo_mem.sleep.training import AdapterTraining
from hippo_mem.types import Provenance, Salience, Trace

T = TypeVar("T")
NOTES = Path(__file__).resolve().parents[1] / "training" / "reading"
_WARMUP = 5
_UNTOLD = 0.1  # of the questions asked as people asked them, those that have no answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=Path, default=NOTES, help="the folder of JSONL files to rehearse with")
    parser.add_argument("--out", type=Path, required=True, help="the folder the adapter is written to")
    parser.add_argument("--start", type=Path, help="go on with the adapter in this folder")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--nights", type=int, default=18)
    parser.add_argument("--threads", type=int, default=40, help="threads of messages a night")
    parser.add_argument("--steps", type=int, default=30, help="of a night, in its own wordings")
    parser.add_argument("--asked-steps", type=int, default=10, help="of a night, in those of people")
    parser.add_argument("--move", type=float, default=0.6, help="part of the way, first night; last: a fifth of it")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    lm = LanguageModel.load(args.model)
    config = SleepConfig()
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, seed=args.seed))
    bank = anchor_bank(lm, *anchor_prompts(lm), gate_layers(lm.n_layers), config.anchors.topk, lambda *_: None)
    threads = load_threads(args.notes)
    rng, frames = random.Random(args.seed), FrameParser()
    rng.shuffle(threads)
    began, at = time.perf_counter(), 0
    start: list[torch.Tensor] | None = None
    for night in range(args.nights):
        if at + args.threads > len(threads):
            rng.shuffle(threads)
            at = 0
        chosen, at = threads[at : at + args.threads], at + args.threads
        training = AdapterTraining(lm, config, args.start if start is None else None)
        if start is not None:
            training.begin_at(start)
        first = [m.clone() for m in training.masters]
        rehearsal = Rehearsal(lm, training, chosen, frames, list(bank.soft), random.Random(args.seed + night))
        # From nothing, the first rehearsal has the way of several to go.
        steps = args.steps * (3 if start is None and args.start is None else 1)
        said = rehearsal.run(steps, args.asked_steps)
        move = args.move * (1 - 0.8 * night / max(1, args.nights - 1))
        start = [torch.lerp(a, b, move) for a, b in zip(first, training.average, strict=True)]
        print(f"night {night + 1} of {args.nights}: {said}; {time.perf_counter() - began:.0f} s", flush=True)
        training.begin_at(start)
        training.save(args.out)
    name_base(args.out, args.model)


class Rehearsal:
    """One night over some threads, with what is asked of them."""

    def __init__(
        self, lm: LanguageModel, training: AdapterTraining, threads: Sequence[Thread], frames: FrameParser,
        anchors: Sequence[SoftSequence], rng: random.Random,
    ) -> None:  # fmt: skip
        self._training, self._rng, self._anchors = training, rng, anchors
        told = [text for thread in threads for text in thread.told]
        self._material: Material = prepare(lm, [_trace(i + 1, text) for i, text in enumerate(told)], frames)
        asked = [(q, a) for thread in threads for q, a in thread.asked]
        self._asked = [chat_example(lm, q, a) for q, a in asked if a is not None]
        self._untold = [chat_example(lm, q, UNKNOWN_ANSWER, kind="unknown") for q, a in asked if a is None]

    def run(self, steps: int, asked_steps: int) -> str:
        """Learn, then be asked; the average of the weights is where the night ended. Returns the losses in words."""
        material, a = self._material, self._training.config.anchors
        written = [*material.questions, *material.unknown]
        losses: list[float] = []
        with self._training.stepping():
            for step in range(steps + asked_steps):
                if step < steps:
                    batch = self._some(written, 30) + self._some(material.statements, 2)
                else:
                    untold = round(30 * _UNTOLD)
                    batch = self._some(self._asked, 20) + self._some(self._untold, untold)
                    batch += self._some(written, 30 - len(batch))
                loss, _ = self._training.answer_loss(batch)
                loss.backward()
                if a.every and step % a.every == 0:
                    (self._training.anchor_loss(self._some(self._anchors, a.batch_size)) * a.weight).backward()
                self._training.update(self._training.config.train.lr * min(1.0, (step + 1) / _WARMUP))
                losses.append(loss.item())
        own, asked = losses[:steps], losses[steps:]
        return f"loss {own[0]:.2f} to {own[-1]:.2f}, asked by people {asked[0]:.2f} to {asked[-1]:.2f}"

    def _some(self, items: Sequence[T], n: int) -> list[T]:
        return self._rng.sample(list(items), min(n, len(items)))


def _trace(number: int, text: str) -> Trace:
    return Trace(
        id=number, text=text, slots={}, tags=(), context_key=None,
        salience=Salience(surprise=0.0, novelty=1.0, reward=False, pin=False, score=1.0, threshold=0.0),
        provenance=Provenance(text_span=text, source="rehearsal", time=float(number)), created=float(number),
        valid_from=float(number),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(exit_code("train_start", main))

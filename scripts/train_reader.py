"""Teach the bundled model to read notes: writes the reading adapter that ships with the package.

    python scripts/train_reader.py --out hippo_mem/lm/reading/smollm2-135m          # about an hour on two cores
    python scripts/train_reader.py --out DIR --steps 20                             # a small slice

The one that ships was made in three runs of this procedure: 400 steps of a schedule of 526 over `--only home people
plans stories changes combining_and_alike dialogue` (lr 4e-4, seed 0), then, with --start, 400 steps over chains,
corrections, indirect, long_messages, near_misses, numbers, plain_statements, changes, combining_and_alike and people
(lr 5e-4, seed 5), then `--only own_indirect updates untold alike_and_chatty indirect near_misses corrections changes
home --start ... --epochs 1 --lr 3e-4 --seed 7` (399 steps, 20 minutes).

Only the words of the answer count, and every question is seen in the company of other notes (`training/reading/`).
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path

from hippo_eval.border import exit_code
from hippo_mem.config import PeftConfig, SleepConfig, TrainConfig
from hippo_mem.embed import MiniLMEmbedder
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.lora_folder import name_base
from hippo_mem.reader.lessons import Lesson, Lessons, load_threads
from hippo_mem.reader.notes import answer_text, notes_prompt
from hippo_mem.sleep.examples import Example, example
from hippo_mem.sleep.training import AdapterTraining

NOTES = Path(__file__).resolve().parents[1] / "training" / "reading"
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=Path, default=NOTES, help="the folder of JSONL files to learn from")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the folder's files only these, without .jsonl")
    parser.add_argument("--start", type=Path, help="go on with the adapter in this folder")
    parser.add_argument("--out", type=Path, required=True, help="the folder the adapter is written to")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--epochs", type=float, default=1.5)
    parser.add_argument("--steps", type=int, help="stop after so many, whatever the epochs")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    lm = LanguageModel.load(args.model)
    lessons = Lessons(load_threads(args.notes, args.only), MiniLMEmbedder(), seed=args.seed)
    n_steps = args.steps or round(len(lessons) * args.epochs / args.batch_size)
    config = SleepConfig(
        targets=TARGETS, peft=PeftConfig(rank=args.rank, alpha=2 * args.rank, dropout=0.0),
        train=dataclasses.replace(TrainConfig(), lr=args.lr, ema=0.98, seed=args.seed),
    )  # fmt: skip
    training = AdapterTraining(lm, config, args.start)
    waiting: list[Lesson] = []
    loss_so_far, start = 0.0, time.perf_counter()
    with training.stepping():
        for step in range(1, n_steps + 1):
            while len(waiting) < args.batch_size:
                waiting += lessons.epoch()
            batch, waiting = waiting[: args.batch_size], waiting[args.batch_size :]
            loss, _ = training.answer_loss([taught(lm, lesson) for lesson in batch])
            loss.backward()
            warm, left = min(1.0, step / 20), max(0.02, (n_steps - step) / n_steps)
            training.update(args.lr * warm * left)
            loss_so_far = loss.item() if step == 1 else 0.97 * loss_so_far + 0.03 * loss.item()
            if step % 20 == 0 or step == n_steps:
                spent = time.perf_counter() - start
                print(f"step {step} of {n_steps}: loss {loss_so_far:.3f} nats, {spent / step:.1f} s a step", flush=True)
    training.keep_average()
    training.save(args.out)
    name_base(args.out, args.model)
    print(f"{args.out}: {n_steps} steps over {len(lessons)} questions in {time.perf_counter() - start:.0f} s")


def taught(lm: LanguageModel, lesson: Lesson) -> Example:
    """The lesson as tokens; as with a statement, an answer counts the same however long it is."""
    prompt = notes_prompt(lesson.notes, lesson.question)
    return example(lm, prompt, answer_text(lesson.answer) + lm.end_of_turn, kind="statement")


if __name__ == "__main__":
    sys.exit(exit_code("train_reader", main))

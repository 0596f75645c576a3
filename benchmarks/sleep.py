"""Our night against plain HF Trainer + PEFT: seconds to teach the same facts, on this machine, in one run.

    python benchmarks/sleep.py --json runs/bench/sleep.json            # both, about 20 minutes on two cores
    python benchmarks/sleep.py --limit 240 --json F                    # give the peer four minutes at most

The peer is what the library's manual shows: `transformers.Trainer` over a PEFT LoRA with the specification's
`lora_small` settings (rank 8, lr 2e-4, batch 16, gradient accumulation 2, float32 adapters), trained on the same
questions about the same facts. Both are examined on the suite's sealed wordings, memory OFF. Each runs in a process of
its own, one after the other. `ratio_seconds` is ours over the peer's: seconds to sealed EM 0.9, or, where one does not
get there, all the seconds it was given (then the ratio is an upper bound, and `reached` says so).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

TARGET_EM = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50, help="stories (default 50)")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--limit", type=float, default=900.0, help="seconds of training the peer may use (default 900)")
    parser.add_argument("--every", type=float, default=60.0, help="examine the peer every so many seconds (default 60)")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        print(json.dumps(ours(args) if args.side == "ours" else peer(args)))
        return
    found: dict[str, Any] = {side: _in_process(side, args) for side in ("ours", "peer")}
    ratio = found["ours"]["seconds"] / found["peer"]["seconds"]
    from hippo_eval.machine import machine, versions

    result = {
        "ratio_seconds": ratio, "target_em": TARGET_EM, "n": args.n, "seed": args.seed, **found,
        "machine": machine(), "versions": versions(),
    }  # fmt: skip
    for name, side in found.items():
        print(
            f"{name:5} sealed EM {side['em']:.3f} after {side['seconds']:.0f} s"
            f" ({'reached' if side['reached'] else 'did not reach'} {TARGET_EM}), {side['tokens_per_s']:.0f} tokens/s,"
            f" peak {side['peak_rss_mb']:.0f} MB, flips {side['forgetting']['known_fact_flips']:.3f},"
            f" cross-entropy {side['forgetting']['ce_delta_nats']:+.3f} nats"
        )
    print(f"ratio_seconds {ratio:.3f}" + ("" if found["peer"]["reached"] else " (at most: the peer never got there)"))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=2, default=str) + "\n")


def _in_process(side: str, args: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--side", side, "--n", str(args.n), "--seed", str(args.seed)]
    command += ["--limit", str(args.limit), "--every", str(args.every), "--model", args.model]
    print(f"{side} …", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    last: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return last


def _exam(lm: Any, suite: Any, adapter: Any) -> float:
    from hippo_eval.metrics import exact_match

    said = lm.generate([lm.chat_prompt(t.prompt) for t in suite.test], max_new_tokens=16, adapter=adapter)
    return sum(exact_match(s, t.answer) for s, t in zip(said, suite.test, strict=True)) / len(suite.test)


def _forgetting(lm: Any, adapter: Any) -> dict[str, Any]:
    from hippo_eval.forgetting import baseline, measure

    return {k: v for k, v in asdict(measure(lm, baseline(lm), adapter=adapter)).items() if k != "flipped"}


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(args: argparse.Namespace) -> dict[str, Any]:
    """The whole night as a user gets it: questions, anchors, training, gate, verification."""
    from hippo_eval.fresh import fresh_hippo
    from hippo_eval.suites import episodic
    from hippo_mem.types import Event

    suite = episodic.generate(args.n, args.seed)
    with fresh_hippo(args.model) as hippo:
        hippo.observe_many([Event(text=t.fact, context=t.context_key) for t in suite.teach])
        start = time.perf_counter()
        report = hippo.sleep()
        seconds = time.perf_counter() - start
        em = _exam(hippo.lm, suite, True)
        return {
            "seconds": seconds, "training_seconds": report.seconds_by_stage["train"], "em": em,
            "reached": em >= TARGET_EM, "steps": report.steps, "tokens_per_s": report.tokens_per_s,
            "peak_rss_mb": _peak_mb(), "forgetting": _forgetting(hippo.lm, True),
            "forgetting_ungated": _forgetting(hippo.lm, "ungated"),
        }  # fmt: skip


def peer(args: argparse.Namespace) -> dict[str, Any]:
    """Trainer + PEFT with `lora_small`, on the same questions; examined every `--every` seconds of training."""
    import torch
    from peft import LoraConfig, get_peft_model
    from torch.nn.utils.rnn import pad_sequence
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from hippo_eval.suites import episodic
    from hippo_mem.config import SleepConfig, from_mapping, load_yaml
    from hippo_mem.configs_path import find_config
    from hippo_mem.lm import LanguageModel
    from hippo_mem.relational.frames import FrameParser
    from hippo_mem.sleep.material import prepare
    from hippo_mem.types import Provenance, Salience, Trace

    recipe = from_mapping(SleepConfig, load_yaml(find_config("lora_small", "consolidation")))
    suite = episodic.generate(args.n, args.seed)
    salience = Salience(surprise=0.0, novelty=1.0, reward=False, pin=False, score=1.0, threshold=0.0)
    traces = [
        Trace(
            id=i, text=t.fact, slots={}, tags=(), context_key=t.context_key, salience=salience,
            created=0.0, valid_from=0.0,
            provenance=Provenance(text_span=t.fact, source="bench", time=0.0),
        )
        for i, t in enumerate(suite.teach)
    ]  # fmt: skip
    lm = LanguageModel.load(args.model)
    lm.base.set_attn_implementation("eager")  # the library's, as plain training has it
    material = prepare(lm, traces, FrameParser())
    rows = [*material.questions, *material.statements]
    model = get_peft_model(
        lm.base,
        LoraConfig(
            r=recipe.peft.rank, lora_alpha=recipe.peft.alpha, lora_dropout=recipe.peft.dropout,
            target_modules=list(recipe.targets), task_type="CAUSAL_LM",
        ),
    )  # fmt: skip
    counted = {"tokens": 0}

    def collate(batch: list[Any]) -> dict[str, torch.Tensor]:
        counted["tokens"] += sum(len(e.tokens) for e in batch)
        ids = [torch.tensor(e.tokens) for e in batch]
        labels = [torch.tensor([-100] * (e.first + 1) + list(e.tokens[e.first + 1 :])) for e in batch]
        return {
            "input_ids": pad_sequence(ids, batch_first=True),
            "attention_mask": pad_sequence([torch.ones_like(i) for i in ids], batch_first=True),
            "labels": pad_sequence(labels, batch_first=True, padding_value=-100),
        }

    lm.adopt(model, None, None)
    state = {"examined_s": 0.0, "next": args.every, "em": 0.0, "start": time.perf_counter(), "seconds": 0.0}

    class Examine(TrainerCallback):  # type: ignore[misc]
        """Stops at the target or the limit; the exam's own seconds do not count."""

        def on_step_end(self, _: Any, __: Any, control: Any, **___: Any) -> Any:
            state["seconds"] = time.perf_counter() - state["start"] - state["examined_s"]
            if state["seconds"] >= min(state["next"], args.limit):
                began = time.perf_counter()
                model.eval()
                state["em"] = _exam(lm, suite, "ungated")
                model.train()
                state["examined_s"] += time.perf_counter() - began
                state["next"] += args.every
                print(f"  peer: {state['seconds']:.0f} s, sealed EM {state['em']:.3f}", file=sys.stderr, flush=True)
                control.should_training_stop = state["em"] >= TARGET_EM or state["seconds"] >= args.limit
            return control

    with tempfile.TemporaryDirectory() as out:
        Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=out, max_steps=recipe.train.steps or 4000, learning_rate=recipe.train.lr,
                warmup_steps=recipe.train.warmup_steps, per_device_train_batch_size=recipe.train.batch_size,
                gradient_accumulation_steps=recipe.train.grad_accum, report_to=[], save_strategy="no",
                logging_strategy="no", remove_unused_columns=False, use_cpu=True, seed=0, disable_tqdm=True,
            ),
            train_dataset=rows, data_collator=collate, callbacks=[Examine()],
        ).train()  # fmt: skip
    model.eval()
    return {
        "seconds": state["seconds"], "em": state["em"], "reached": state["em"] >= TARGET_EM,
        "tokens_per_s": counted["tokens"] / state["seconds"], "peak_rss_mb": _peak_mb(),
        "forgetting": _forgetting(lm, "ungated"),
    }  # fmt: skip


if __name__ == "__main__":
    main()

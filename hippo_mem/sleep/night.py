"""One night over a model: traces in, a trained, gated and verified adapter in a folder out.

    examples ► anchors ► train ► gate ► verify ► report

Whether the night comes into force is for the caller; here it is only judged. Knows nothing of users, stores or locks.
"""

from __future__ import annotations

import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hippo_mem.config import SleepConfig, config_hash, to_dict
from hippo_mem.errors import SleepError
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.adapter_gate import AdapterGate, gate_layers
from hippo_mem.relational.frames import FrameParser
from hippo_mem.sleep.anchor_bank import AnchorBank, anchor_bank
from hippo_mem.sleep.distillation import remembered, taught
from hippo_mem.sleep.gate_fit import fit_gate
from hippo_mem.sleep.material import Material, anchor_prompts, prepare
from hippo_mem.sleep.report import NightReport, write_report
from hippo_mem.sleep.starting import starting_folder
from hippo_mem.sleep.training import FROM_LEARNED_START, FULL_PACE, AdapterTraining
from hippo_mem.sleep.verification import RecallCheck, check_kept, check_recall, judge
from hippo_mem.types import Trace

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]

_MAX_EXAM = 128  # questions of a check; more cost minutes and change the share by less than a point
# Wordings that the gate is fitted to, each a pass through a quarter of the model: so many for a fact, and at least and
# at most so many in all. Fewer than forty for a fact cost what is asked as people ask (docs/LOG.md).
_GATE_FACT, _LEAST_GATE, _MAX_GATE = 40, 1000, 3000
# The loss earlier nights' questions start with: they are drawn seldom until one is seen to have slipped.
_EARLIER_LOSS = 0.05


def silent(stage: str, done: int, total: int) -> None:
    """The progress of someone who does not look."""


@dataclass(slots=True)
class Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block under `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def train_night(
    lm: LanguageModel, new: Sequence[Trace], earlier: Sequence[Trace], out_dir: Path, config: SleepConfig, *,
    start: Path | None = None, progress: Progress = silent, parser: FrameParser | None = None,
) -> NightReport:  # fmt: skip
    """Train one night and write its adapter, gate and report into `out_dir`; the adapter stays on `lm`.

    Args:
        new: what is to be learned. earlier: what the adapter at `start` knows and must keep.
        start: the adapter folder of the night this one goes on from; None begins anew, from the adapter that ships with
            the model (`starting_folder`) or from nothing.
    Returns: the report; its verdict is "kept" or "undone" by the bars of `config.verify`.
    Raises: SleepError when there is nothing to train on or training diverges; the model is then without adapter.
    """
    if not new and not earlier:
        raise SleepError("nothing to learn: no memory was given")
    began, clock, parser = time.perf_counter(), Clock(), parser or FrameParser()
    seed = config.train.seed
    with clock.stage("examples"):
        progress("writing questions", 0, 1)
        every = [*new, *earlier]
        material = prepare(
            lm, every, parser, seed=seed, statement_weight=config.train.statement_weight,
            paraphrases=config.train.paraphrases,
        )  # fmt: skip
        progress("writing questions", 1, 1)
    fresh = {t.id for t in new}
    exam = _sample([e for e in material.verify if e.fact in fresh])
    old_exam = _sample([e for e in material.verify if e.fact not in fresh])
    before: RecallCheck | None = None
    gate_before: AdapterGate | None = None
    if start is not None:
        lm.attach(start)
        gate_before = lm.gate
        with clock.stage("verify"):
            progress("asking about earlier nights", 0, 1)
            before = check_recall(lm, old_exam)
            progress("asking about earlier nights", 1, 1)
    with clock.stage("anchors"):
        bank = anchor_bank(lm, *anchor_prompts(lm), gate_layers(lm.n_layers), config.anchors.topk, progress)
        anchors = list(bank.soft) if config.anchors.every else []
        questions = list(material.questions)
        if start is not None:
            questions = remembered(lm, questions, fresh, config)
        if config.teacher.enabled:
            questions = taught(lm, questions, {t.id: t.text for t in every}, config)
    learned = starting_folder(lm.name, config) if start is None else None
    training = AdapterTraining(lm, config, start or learned)
    try:
        with clock.stage("train"):
            known = {i: _EARLIER_LOSS for i, e in enumerate(questions) if e.fact not in fresh} if start else {}
            result = training.run(
                [*questions, *material.unknown], list(material.statements), anchors, list(material.stop), progress,
                known=known, pace=FROM_LEARNED_START if learned else FULL_PACE,
            )  # fmt: skip
        out_dir.mkdir(parents=True, exist_ok=True)
        training.save(out_dir)
        lm.adopt(training.peft, None, out_dir)
        with clock.stage("gate"):
            gate_figures = _fit_gate(lm, material, bank, out_dir, progress, gate_before) if config.gate else {}
        with clock.stage("verify"):
            progress("verifying", 0, 3)
            recall = check_recall(lm, exam)
            progress("verifying", 1, 3)
            after = check_recall(lm, old_exam) if old_exam else None
            progress("verifying", 2, 3)
            keep = check_kept(lm, bank)
            progress("verifying", 3, 3)
    except BaseException:
        lm.detach()
        raise
    verdict = judge(config.verify, recall, before, after, keep)
    lora = {"peft": to_dict(config.peft), "targets": list(config.targets)}
    report = NightReport(
        verdict="kept" if verdict.kept else "undone", reason=verdict.reason, folder=str(out_dir), model=lm.name,
        dtype=str(lm.dtype).removeprefix("torch."), seconds=time.perf_counter() - began,
        seconds_by_stage=clock.seconds, n_facts=len(every), n_new=len(new), n_earlier=len(earlier),
        n_questions=len(material.questions), unaskable=material.unaskable, trace_ids=tuple(t.id for t in every),
        conditioned=material.conditioned, steps=result.steps,
        began_from="night" if start else "learned start" if learned else "nothing",
        stopped=result.stopped, tokens=result.tokens,
        tokens_per_s=result.tokens / max(result.seconds, 1e-9), curve=result.curve,
        replay={"samples": sum(result.drawn.values()), "drawn": result.drawn, "policy": config.replay.policy},
        recall=recall, earlier_before=before, earlier_after=after, keep=keep, gate=gate_figures,
        config=to_dict(config), config_hash=config_hash(config), lora_config_hash=config_hash(lora),
        versions={p: importlib.metadata.version(p) for p in ("torch", "transformers", "peft")},
    )  # fmt: skip
    write_report(report, out_dir)
    return report


def consolidate(
    traces: Sequence[Trace], *, model: str, out_dir: Path, config: SleepConfig | None = None,
    progress: Progress | None = None, merge: bool = False,
) -> NightReport:  # fmt: skip
    """A night outside any user's home: load `model`, learn `traces`, leave adapter and report in `out_dir`.

    Raises: ModelUnavailable, SleepError.
    """
    lm = LanguageModel.load(model)
    report = train_night(lm, traces, (), Path(out_dir), config or SleepConfig(), progress=progress or silent)
    if merge:
        report = replace(report, merged=str(merge_adapter(lm, Path(out_dir))))
        write_report(report, Path(out_dir))
    return report


def merge_adapter(lm: LanguageModel, night_dir: Path) -> Path:
    """Bake a night's adapter into a copy of the base: `<night>/merged`, a folder that loads like any model.

    The gate cannot be baked in: a merged model always speaks with what it learned.
    Raises: SleepError when a merged weight is not finite.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(lm.folder, dtype=torch.float32, local_files_only=True)
    try:
        merged = PeftModel.from_pretrained(base, str(night_dir)).merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise SleepError(f"the adapter in {night_dir} does not merge: {error}") from error
    target = night_dir / "merged"
    merged.save_pretrained(target)
    lm.tokenizer.save_pretrained(target)
    return target


def _fit_gate(
    lm: LanguageModel,
    material: Material,
    bank: AnchorBank,
    out_dir: Path,
    progress: Progress,
    earlier: AdapterGate | None,
) -> dict[str, float]:
    raw = [c for c in material.cues if c.raw]
    most = min(_MAX_GATE, max(_LEAST_GATE, _GATE_FACT * len({c.fact for c in material.cues})))
    cues = raw + _sample([c for c in material.cues if not c.raw], max(0, most - len(raw)))
    held = _sample(material.held_cues, 2 * _MAX_EXAM)
    if not cues or not held:
        return {}  # statements alone: nothing tells their subject from any other, so the adapter always speaks
    layers = gate_layers(lm.n_layers)
    progress("fitting the gate", 0, 2)
    learned = lm.hidden_states([c.prompt for c in cues], layers)
    progress("fitting the gate", 1, 2)
    fit = fit_gate(
        layers, learned, np.array([c.fact for c in cues]), np.array([c.raw for c in cues]), bank.states,
        lm.hidden_states([c.prompt for c in held], layers), bank.held_states, earlier,
    )  # fmt: skip
    fit.gate.save(out_dir)
    lm.gate = fit.gate
    progress("fitting the gate", 2, 2)
    return {
        "opens_for_learned": fit.opens_for_learned, "opens_for_other": fit.opens_for_other,
        "threshold": fit.gate.threshold,
    }  # fmt: skip


def _sample(items: Sequence, most: int = _MAX_EXAM) -> list:  # type: ignore[type-arg]
    """At most `most`, evenly spaced, so every part of the night is in it."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]

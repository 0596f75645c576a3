"""The main job, end to end and measured: told once, recalled at once, learned asleep, asked without memory.

    before   200 questions, memory OFF, nothing told
    told     50 stories, once each
    recall   the same questions, memory ON
    sleep    one night
    exam     the same questions, memory OFF, in a new process, on a copy of the home that has no store

The exam's phrasings are the sealed ones: no night can have trained on them. Knows nothing of the terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hippo_eval.fresh import home_with_models
from hippo_eval.machine import machine, versions
from hippo_eval.metrics import exact_match
from hippo_eval.night_picture import draw
from hippo_eval.suites import episodic
from hippo_eval.suites.items import Suite
from hippo_mem.errors import SleepError
from hippo_mem.home import UserHome, make_folder, write_private
from hippo_mem.memory import Hippo
from hippo_mem.types import Event

Progress = Callable[[str, int, int], None]
# What the project promises of this demo: metric, how it is compared, the bar.
BARS: tuple[tuple[str, str, float], ...] = (
    ("em.before_off", "<=", 0.05),
    ("em.memory_on", ">=", 0.80),
    ("em.after_off_sealed", ">=", 0.90),
    ("forgetting.known_fact_flips", "<=", 0.01),
    ("forgetting.ce_delta_nats", "<=", 0.01),
    ("sleep.seconds", "<=", 180.0),
)
_EXAM_SECONDS = 1200  # a machine many times slower than the reference still finishes


def _silent(stage: str, done: int, total: int) -> None:
    """The progress of someone who does not look."""


def run_demo(
    *,
    n: int = 50,
    seed: int = 1337,
    out_dir: Path = Path("runs/demo"),
    model: str = "smollm2-135m",
    models_home: Path | None = None,
    progress: Progress = _silent,
) -> dict[str, Any]:
    """Run the job and write `metrics.json` and `night.png` into `out_dir`.

    Args:
        n: stories, 1..; four questions each.
        seed: of the stories.
        out_dir: made when needed; a `home` and `exam` folder left there by an earlier demo are replaced.
        models_home: the data home whose converted models are used; None is the user's.
        progress: called with (stage, done, total).
    Returns: the metrics as plain data; `BARS` names the promised ones.
    Raises: ValueError for an impossible `n`; SleepError when the exam's process fails; what `Hippo` raises.
    """
    began = time.perf_counter()
    suite = episodic.generate(n, seed)
    out = make_folder(Path(out_dir).absolute())
    _clear(out)
    home = home_with_models(out / "home", models_home)
    questions = [t.prompt for t in suite.test]

    with Hippo.open(home.root, home.user, model=model) as hippo:
        progress("ask before", 0, len(questions))
        before = [a.text for a in hippo.answer_many(questions, memory=False)]
        progress("ask before", len(questions), len(questions))
        tell_s = _tell(hippo, suite, progress)
        progress("ask at once", 0, len(questions))
        asked = time.perf_counter()
        on = hippo.answer_many(questions, contexts=[t.context_key for t in suite.test], memory=True)
        ask_s = time.perf_counter() - asked
        progress("ask at once", len(questions), len(questions))
        slept = time.perf_counter()
        report = hippo.sleep(progress=progress)
        sleep_s = time.perf_counter() - slept

    progress("exam", 0, 1)
    exam = _exam(home, out, questions, model, models_home)
    progress("exam", 1, 1)

    replies = {"before_off": before, "memory_on": [a.text for a in on], "after_off_sealed": exam["replies"]}
    metrics = {
        "n": n,
        "n_questions": len(questions),
        "seed": seed,
        "suite": {"name": suite.name, "version": suite.version},
        "model": model,
        "em": {name: _mean(_marks(suite, said)) for name, said in replies.items()},
        "em_by_slot": {slot: {name: _mean(_marks(suite, said, slot)) for name, said in replies.items()}
                       for slot in episodic.SLOTS},
        "decoding": _tally([a.decoding for a in on]),
        "tell": {"seconds": tell_s, "seconds_per_event": tell_s / n},
        "ask": {"seconds_per_question": ask_s / len(questions)},
        "sleep": {"seconds": sleep_s, "report": report.to_dict()},
        "exam": {"spoke_share": _mean([bool(s) for s in exam["spoke"]]), "status": exam["status"]},
        "forgetting": exam["forgetting"],
        "forgetting_ungated": exam["forgetting_ungated"],
        "examples": _examples(suite, replies),
        "machine": machine(),
        "versions": versions(),
        "seconds": time.perf_counter() - began,
    }  # fmt: skip
    metrics["bars"] = judge(metrics)
    _write(out, suite, replies, metrics)
    return metrics


def value_at(metrics: dict[str, Any], path: str) -> float | None:
    """`value_at(m, "em.memory_on")`; None where there is no figure."""
    found: Any = metrics
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return None if found is None else float(found)


def judge(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Every promised figure beside its bar. A figure that is missing has not reached it."""
    judged = []
    for path, sign, bar in BARS:
        value = value_at(metrics, path)
        reached = value is not None and (value <= bar if sign == "<=" else value >= bar)
        judged.append({"metric": path, "value": value, "sign": sign, "bar": bar, "reached": reached})
    return judged


def _clear(out: Path) -> None:
    """Remove what an earlier demo left here, and nothing else."""
    for name in ("home", "exam"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("metrics.json", "replies.json", "night.png", "exam_sheet.json", "exam_replies.json"):
        (out / name).unlink(missing_ok=True)


def sealed_copy(home: UserHome, root: Path, models_home: Path | None) -> UserHome:
    """A data home with the nights of another and nothing else of it: no store, no index.

    Raises: SleepError when a store is there all the same.
    """
    sealed = home_with_models(root, models_home)
    shutil.rmtree(sealed.nights)
    shutil.copytree(home.nights, sealed.nights)
    if sealed.database.exists() or sealed.index.exists():
        raise SleepError(f"the exam's home {sealed.folder} must not hold a store")
    return sealed


def _tell(hippo: Hippo, suite: Suite, progress: Progress) -> float:
    """Tell every story once, one call each as a user would; seconds it took."""
    start = time.perf_counter()
    for done, item in enumerate(suite.teach, start=1):
        hippo.observe_many([Event(text=item.fact, context=item.context_key, source="demo")])
        progress("tell", done, len(suite.teach))
    return time.perf_counter() - start


def _exam(home: UserHome, out: Path, questions: Sequence[str], model: str, models_home: Path | None) -> dict[str, Any]:
    """Ask in a new process, on a home that has the nights and no store.

    Raises: SleepError with the process's own words when it fails.
    """
    sealed = sealed_copy(home, out / "exam", models_home)
    sheet, replies = out / "exam_sheet.json", out / "exam_replies.json"
    write_private(sheet, json.dumps(list(questions)).encode())
    command = [sys.executable, "-m", "hippo_eval.demo_exam", "--home", str(sealed.root), "--model", model]
    command += ["--questions", str(sheet), "--out", str(replies)]
    environment = {k: v for k, v in os.environ.items() if k != "HIPPO_HOME"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=_EXAM_SECONDS, env=environment, check=False)
    if done.returncode != 0 or not replies.is_file():
        words = done.stderr.strip().splitlines()
        raise SleepError(
            f"the exam's process ended with {done.returncode}: {words[-1] if words else 'it said nothing'}"
        )
    result: dict[str, Any] = json.loads(replies.read_text(encoding="utf-8"))
    return result


def _marks(suite: Suite, said: Sequence[str], slot: str | None = None) -> list[bool]:
    pairs = zip(suite.test, said, strict=True)
    return [exact_match(reply, item.answer) for item, reply in pairs if slot in (None, item.slot)]


def _mean(marks: Sequence[bool]) -> float:
    return sum(marks) / len(marks)


def _tally(values: Sequence[str]) -> dict[str, int]:
    return {v: values.count(v) for v in sorted(set(values))}


def _examples(suite: Suite, replies: dict[str, Sequence[str]], count: int = 3) -> list[dict[str, Any]]:
    """The first stories, one question each, a different slot each time."""
    slots = len(episodic.SLOTS)
    examples = []
    for i in range(min(count, len(suite.teach))):
        at = i * slots + i % slots
        item = suite.test[at]
        said = {
            name: {"said": given[at], "right": exact_match(given[at], item.answer)} for name, given in replies.items()
        }
        examples.append({"fact": suite.teach[i].fact, "question": item.prompt, "answer": item.answer, **said})
    return examples


def _write(out: Path, suite: Suite, replies: dict[str, Sequence[str]], metrics: dict[str, Any]) -> None:
    """`metrics.json`, `replies.json` (every question with what was said), `night.png`."""
    sheet = [
        {"prompt": item.prompt, "answer": item.answer, "slot": item.slot, **{k: v[i] for k, v in replies.items()}}
        for i, item in enumerate(suite.test)
    ]
    write_private(out / "replies.json", json.dumps(sheet, indent=1, ensure_ascii=False).encode())
    write_private(out / "metrics.json", json.dumps(metrics, indent=2, ensure_ascii=False, default=str).encode())
    draw(metrics, out / "night.png")

"""A sleep that is killed, in every phase: the night before answers, the store is whole, the next sleep succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hippo_mem.embed import HashingEmbedder
from hippo_mem.home import open_home
from hippo_mem.memory import Hippo
from tests.sleep.test_bedtime import FACTS, QUICK, tell

PHASES = (
    "writing questions", "asking about earlier nights", "asking the base", "training", "fitting the gate", "verifying",
    "publishing",
)  # fmt: skip
# Sleeps, prints every phase, and stops dead at the wanted one until it is killed. "publishing" is the moment after the
# ledger is written and before the folder is renamed.
SLEEPER = """
import sys, time
from tests.sleep.test_bedtime import QUICK
from hippo_mem.embed import HashingEmbedder
from hippo_mem.memory import Hippo
from hippo_mem.sleep.nights import Nights
home, model, phase = sys.argv[1:4]
def wait():
    print("READY", flush=True)
    while True:
        time.sleep(60)
def progress(stage, done, total):
    if stage == phase and (stage != "training" or done == 2):
        wait()
if phase == "publishing":
    Nights.publish = lambda *_: wait()
with Hippo.open(home, model=model, embedder=HashingEmbedder()) as hippo:
    hippo.sleep(QUICK, progress=progress)
"""


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_sleep_leaves_the_last_good_night(phase: str, tiny_folder: Path, home_with_models: Path) -> None:
    data_home = home_with_models
    with Hippo.open(data_home, model=str(tiny_folder), embedder=HashingEmbedder()) as hippo:
        tell(hippo, FACTS[0])
        hippo.sleep(QUICK)
        tell(hippo, *FACTS[1:])
        question = [hippo.base.chat_prompt("Who repaired the compass?")]
        before = hippo.lm.generate(question, adapter="ungated")
    for kept in (data_home / "models").glob("anchors-*"):
        kept.unlink()  # so that the base is asked again, and the sleep can be killed while it is
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(data_home), str(tiny_folder), phase], stdout=subprocess.PIPE, text=True,
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "READY"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        if process.stdout:
            process.stdout.close()
    assert list(open_home(data_home).nights.glob(".writing-*"))  # it was killed with its work half done
    with Hippo.open(data_home, model=str(tiny_folder), embedder=HashingEmbedder()) as hippo:
        assert [(n.number, n.in_force) for n in hippo.nights()] == [(1, True)]
        assert hippo.lm.generate(question, adapter="ungated") == before
        assert {t.text for t in hippo.awake.store} == set(FACTS)
        hippo.awake.database.check()
        report = hippo.sleep(QUICK)
        assert (report.verdict, report.n_new, report.n_earlier) == ("kept", 2, 1)
        assert not list(hippo.home.nights.glob(".writing-*"))

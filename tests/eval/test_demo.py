"""The demo's own parts: bars, examples, the sealed home, the picture."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hippo_eval import demo, demo_exam
from hippo_eval.data import load_general_text, load_sanity
from hippo_eval.demo import BARS, judge, value_at
from hippo_eval.forgetting import baseline
from hippo_eval.machine import machine, versions
from hippo_eval.night_picture import curve_of, draw
from hippo_mem.config import SleepConfig
from hippo_mem.memory import Hippo
from hippo_mem.sleep import Night, Nights
from hippo_mem.sleep.training import AdapterTraining

FORGETTING = {"known_fact_flips": 0.004, "ce_delta_nats": -0.002}


def _metrics(curve: list) -> dict:
    em = {"before_off": 0.0, "memory_on": 0.9, "after_off_sealed": 0.95}
    return {
        "n": 5,
        "seed": 7,
        "model": "smollm2-135m",
        "em": em,
        "em_by_slot": dict.fromkeys(("what", "where", "when", "who"), em),
        "sleep": {"seconds": 120.0, "report": {"training": {"curve": curve}}},
        "forgetting": FORGETTING,
        "forgetting_ungated": {"known_fact_flips": None, "ce_delta_nats": 0.04},
    }


def test_every_bar_of_the_issue_is_judged():
    judged = judge(_metrics([]))
    assert [b["metric"] for b in judged] == [path for path, _, _ in BARS]
    assert all(b["reached"] for b in judged)


@pytest.mark.parametrize(
    ("path", "value"),
    [("em.before_off", 0.051), ("em.memory_on", 0.79), ("forgetting.ce_delta_nats", None), ("sleep.seconds", 180.1)],
)
def test_a_figure_beyond_its_bar_or_missing_is_not_reached(path, value):
    metrics = json.loads(json.dumps(_metrics([])))
    group, name = path.split(".")
    metrics[group][name] = value
    assert [b["metric"] for b in judge(metrics) if not b["reached"]] == [path]


def test_value_at_a_path_that_is_not_there():
    assert value_at({"em": 3}, "em.memory_on") is None
    assert value_at({}, "em.memory_on") is None


@pytest.mark.parametrize("curve", [[], [[40, 12.5, 2.0, None], [80, 25.0, 0.4, 0.7], [120, 40.0, 0.1, 1.0]]])
def test_the_picture_is_drawn_with_and_without_a_curve(tmp_path: Path, curve):
    metrics = _metrics(curve)
    draw(metrics, tmp_path / "night.png")
    assert (tmp_path / "night.png").read_bytes().startswith(b"\x89PNG")
    assert curve_of(metrics) == curve


def test_machine_and_versions_are_json_and_name_no_host():
    import platform

    text = json.dumps({"machine": machine(), "versions": versions()})
    assert json.loads(text)["versions"]["torch"].startswith("2.")
    assert platform.node() not in text or len(platform.node()) < 4


@pytest.mark.slow
@pytest.mark.real_model
def test_the_exam_reads_the_night_from_disk_and_no_store(tmp_path: Path, monkeypatch):
    """The adapter is one that changes nothing yet, so what the exam measures is known: no forgetting at all."""
    few = functools.partial(baseline, sanity=load_sanity()[:3], texts=[t.text for t in load_general_text()[:2]])
    monkeypatch.setattr(demo_exam, "baseline", few)
    home = demo.home_with_models(tmp_path / "home", None)
    question = "Who repaired the brass compass?"
    with Hippo.open(home.root) as hippo:
        alone = hippo.answer(question, memory=False)
        hippo.observe("Marta repaired the brass compass.")
        nights = Nights(home.nights)
        with nights.writing() as scratch:
            training = AdapterTraining(hippo.base, SleepConfig())
            training.save(scratch)
            training.lm.detach()
            nights.publish(
                scratch,
                Night(
                    number=1, created=1.8e9, status="kept", in_force=True, parent=None, model="smollm2-135m", n_facts=1,
                    n_new=1, recall=None, seconds=0.0, reason="", conditioned=False, config_hash="", folder="",
                ),
            )  # fmt: skip
    sealed = demo.sealed_copy(home, tmp_path / "exam", None)
    assert not sealed.database.exists()
    found = demo_exam.sit(sealed.root, "smollm2-135m", [question])
    assert found["replies"] == [alone.text]
    assert found["spoke"] == [True]
    assert (found["status"]["n_traces"], found["status"]["night_in_force"]["number"]) == (0, 1)
    for figures in (found["forgetting"], found["forgetting_ungated"]):
        assert (figures["n"], figures["n_flipped"], figures["spoke_share"]) == (3, 0, 1.0)
        assert figures["ce_delta_nats"] == pytest.approx(0.0, abs=1e-6)
    assert not sealed.database.exists(), "the exam opened a store"


def test_the_exam_is_one_line_when_it_cannot_be_sat(tmp_path: Path):
    sheet = tmp_path / "sheet.json"
    sheet.write_text('["Who?"]')
    words = ["--home", str(tmp_path / "home"), "--model", "no such model", "--questions", str(sheet)]
    command = [sys.executable, "-m", "hippo_eval.demo_exam", *words, "--out", str(tmp_path / "replies.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no such model" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "replies.json").exists()

"""A command line over a real store, with a stand-in for what needs a language model: answering and sleep."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from hippo_cli.main import main
from hippo_cli.session import Session
from hippo_mem.awake import Awake
from hippo_mem.config import SleepConfig, to_dict
from hippo_mem.embed import HashingEmbedder
from hippo_mem.sleep.nights import Night, Nights
from hippo_mem.sleep.report import NightReport, write_report
from hippo_mem.sleep.verification import RecallCheck
from hippo_mem.types import Answer


class FakeHippo:
    """Remembers for real (hashed vectors), answers with the best memory's text, sleeps without training."""

    def __init__(self, home: Path, user: str) -> None:
        self._awake = Awake.open(home, user, embedder=HashingEmbedder())
        self.observe, self.observe_many = self._awake.observe, self._awake.observe_many
        self.recall, self.forget, self.status = self._awake.recall, self._awake.forget, self._awake.status
        self._nights = Nights(self._awake.home.nights)

    def __enter__(self) -> FakeHippo:
        return self

    def __exit__(self, *_: object) -> None:
        self._awake.close()

    def answer(self, question: str, *, memory: bool = True, context: str | None = None, k: int = 8) -> Answer:
        if not memory:
            return Answer(text="I don't know.", decoding="greedy", source="weights", adapter_spoke=False)
        found = self.recall(question, k)
        text = found.hits[0].trace.text if found.hits else ""
        return Answer(text=text, decoding="span" if text else "none", source="memory", recall=found)

    def sleep(self, config: SleepConfig | None = None, *, progress: Any = None, merge: bool = False) -> NightReport:
        number, recipe = self._nights.next_number, config or SleepConfig()
        progress("train", 1, 2)
        progress("train", 2, 2)
        night = Night(
            number=number, created=1.8e9, status="kept", in_force=True, parent=number - 1 or None, model="fake",
            n_facts=3, n_new=2, recall=0.9375, seconds=1.5, reason="every check passed", conditioned=False,
            config_hash="0" * 12, folder="",
        )  # fmt: skip
        report = NightReport(
            verdict="kept", reason=night.reason, number=number, folder=str(self._nights.path(number)), n_facts=3,
            n_new=2, seconds=1.5, recall=RecallCheck(n=16, share=0.9375), merged="there" if merge else None,
            config=to_dict(recipe),
        )  # fmt: skip
        with self._nights.writing() as scratch:
            write_report(report, scratch)
            save_file({"lora_A": np.ones((2, 2), dtype=np.float32)}, scratch / "adapter_model.safetensors")
            self._nights.publish(scratch, night)
        return report

    def nights(self) -> list[Night]:
        return self._nights.all()

    def undo_night(self) -> Night | None:
        return self._nights.undo()[1]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIPPO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HIPPO_MODEL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


@pytest.fixture
def hippo(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run one command line; sessions and what they were opened with are in `run.sessions`."""
    sessions: list[Session] = []

    def open_fake(session: Session) -> FakeHippo:
        sessions.append(session)
        return FakeHippo(session.home or home, session.user or "default")

    monkeypatch.setattr(Session, "open", open_fake)

    def run(*words: str) -> Done:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return Done(code=code, out=said.out, err=said.err)

    run.sessions = sessions  # type: ignore[attr-defined]
    return run

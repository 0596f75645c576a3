"""The adapter a first night begins from: which nights it is for, and that it is whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hippo_mem.config import PeftConfig, SleepConfig, TrainConfig
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.lora_folder import read_lora
from hippo_mem.sleep import starting
from hippo_mem.sleep.night import train_night
from hippo_mem.sleep.starting import starting_folder
from hippo_mem.sleep.training import FROM_LEARNED_START, FULL_PACE, AdapterTraining, Pace
from tests.recalled import recalled

MODEL = "smollm2-135m"


def test_the_bundled_model_has_a_start_of_the_default_nights_shape() -> None:
    config = SleepConfig()
    folder = starting_folder(MODEL, config)
    assert folder is not None
    lora = read_lora(folder)
    assert {target for _, target in lora.parts} == set(config.targets)
    assert len(lora.parts) == 30 * len(config.targets)
    for pair in lora.parts.values():
        assert pair["A"].shape[0] == pair["B"].shape[1] == config.peft.rank
        assert np.isfinite(pair["A"]).all()
        assert np.isfinite(pair["B"]).all()
        assert pair["B"].any()


@pytest.mark.parametrize(
    ("model", "config"),
    [
        ("another-model", SleepConfig()),
        ("../" + MODEL, SleepConfig()),
        ("", SleepConfig()),
        (MODEL, replace(SleepConfig(), peft=PeftConfig(rank=8, alpha=16, dropout=0.0))),
        (MODEL, replace(SleepConfig(), targets=("q_proj", "v_proj"))),
        (MODEL, replace(SleepConfig(), train=TrainConfig(learned_start=False))),
    ],
)
def test_every_other_night_begins_from_nothing(model: str, config: SleepConfig) -> None:
    assert starting_folder(model, config) is None


class _Asked(Exception):
    """The pace a night would have had."""


@pytest.mark.parametrize(
    ("ships", "goes_on", "pace"),
    [(True, False, FROM_LEARNED_START), (False, False, FULL_PACE), (True, True, FULL_PACE)],
)
def test_only_a_night_from_the_learned_start_is_short(
    tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ships: bool, goes_on: bool, pace: Pace
) -> None:
    # Two nights of 15 stories, the second one as short as the first: what the first learned fell from 1.00 to 0.70.
    AdapterTraining(tiny, SleepConfig()).save(tmp_path / "tiny")
    monkeypatch.setattr(starting, "_FOLDER", tmp_path if ships else tmp_path / "none")
    monkeypatch.setattr(tiny, "name", "tiny")
    monkeypatch.setattr(AdapterTraining, "run", lambda *_, pace, **__: (_ for _ in ()).throw(_Asked(pace)))
    trace = recalled("Who sold the vase?", "Marta sold the vase.", similarity=0.5).hits[0].trace
    with pytest.raises(_Asked) as asked:
        train_night(tiny, [trace], (), tmp_path / "night", SleepConfig(), start=tmp_path / "tiny" if goes_on else None)
    assert asked.value.args == (pace,)

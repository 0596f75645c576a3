"""The adapter a first night begins from: which nights it is for, and that it is whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hippo_mem.config import PeftConfig, SleepConfig, TrainConfig
from hippo_mem.lm.lora_folder import read_lora
from hippo_mem.sleep.starting import starting_folder

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

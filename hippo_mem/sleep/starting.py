"""The adapter a first night begins from: it knows how to learn notes, and none of anybody's.

It ships with the package for the bundled model, in PEFT's format; `scripts/train_start.py` makes it. A night of another
model, or whose configuration asks for another adapter, begins from nothing. Knows nothing of training.

Source: Reptile (Nichol, Achiam & Schulman 2018).
"""

from __future__ import annotations

import json
from pathlib import Path

from hippo_mem.config import SleepConfig
from hippo_mem.lm.lora_folder import packaged

_FOLDER = Path(__file__).parent / "start"


def starting_folder(model: str, config: SleepConfig) -> Path | None:
    """The PEFT folder of the starting adapter for a model's name; None where none of the night's shape was made."""
    folder = packaged(_FOLDER, model)
    if folder is None or not config.train.learned_start:
        return None
    made = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    shape = made["r"], made["lora_alpha"], set(made["target_modules"])
    asked = config.peft.rank, config.peft.alpha, set(config.targets)
    return folder if shape == asked else None

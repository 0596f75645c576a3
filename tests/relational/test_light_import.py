"""Reading sentences loads neither torch nor the commands of the parser's library; both can be had afterwards."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import sys
from hippo_mem.memory import Hippo
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.extract import SpacyExtractor
assert FrameParser().parse("Ana hid the brass lamp in the attic.")[0].subject == "Ana"
assert SpacyExtractor().extract("Ana lives in Leeds.")
unused = ("torch", "spacy.cli", "weasel", "networkx", "onnx", "transformers")
print([name for name in unused if name in sys.modules])
import spacy, torch
print(spacy.info(silent=True)["spacy_version"] == spacy.__version__, torch.ones(2).sum().item())
import spacy.cli
print(spacy.cli.download.__module__)
"""


def test_nothing_is_loaded_that_serving_does_not_use() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "True 2.0", "spacy.cli.download"]

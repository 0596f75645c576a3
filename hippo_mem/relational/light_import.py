"""Keeps the parser's library from loading what parsing never uses: torch, and its own command line.

Its numeric layer (thinc) imports torch where it is installed, only to hand arrays over to a GPU: 200 MB resident and a
second. Its package imports every command it has, for one function (`spacy.info`): 16 MB. Importing this module first
lets it find neither. Where they are loaded already, nothing changes, and both can be imported at any time after. Knows
nothing of parsing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def _load_thinc() -> None:
    if "thinc.compat" in sys.modules or "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # an import of it fails, as if it were not installed
    try:
        import thinc.compat  # noqa: F401
    finally:
        del sys.modules["torch"]


def _load_spacy() -> None:
    if "spacy" in sys.modules:
        return
    stand_ins = {name: ModuleType(name) for name in ("spacy.cli", "spacy.cli.info")}
    stand_ins["spacy.cli.info"].__dict__["info"] = _info
    sys.modules.update(stand_ins)
    try:
        import spacy  # noqa: F401
    finally:
        for name in stand_ins:
            del sys.modules[name]


def _info(*args: Any, **options: Any) -> Any:
    """`spacy.info`, which loads the commands when it is called."""
    return importlib.import_module("spacy.cli.info").info(*args, **options)


_load_thinc()
_load_spacy()

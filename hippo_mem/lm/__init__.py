"""The language model: a frozen base, and the night's adapter that may speak over it.

In: text, already templated or not. Out: text, log-probabilities, hidden states.
Knows nothing of memories, stores, recall or training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hippo_mem.lm.engine import AdapterUse
from hippo_mem.lm.source import DEFAULT_MODEL, resolve

if TYPE_CHECKING:
    from hippo_mem.lm.model import LanguageModel

__all__ = ["DEFAULT_MODEL", "AdapterUse", "LanguageModel", "resolve"]


def __getattr__(name: str) -> Any:
    """`LanguageModel` brings torch along, which a process that only serves does without: 200 MB."""
    if name == "LanguageModel":
        from hippo_mem.lm.model import LanguageModel

        return LanguageModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

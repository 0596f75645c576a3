"""The language model: a frozen base, and the night's adapter that may speak over it.

In: text, already templated or not. Out: text, log-probabilities, hidden states.
Knows nothing of memories, stores, recall or training.
"""

from hippo_mem.lm.model import AdapterUse, LanguageModel
from hippo_mem.lm.source import DEFAULT_MODEL, resolve

__all__ = ["DEFAULT_MODEL", "AdapterUse", "LanguageModel", "resolve"]

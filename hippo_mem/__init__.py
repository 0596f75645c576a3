"""Memory for a language model: told once, recalled at once, learned asleep.

In: what was said. Out: what is recalled, answers, and after a night a model that knows it. `Hippo` is the whole of it;
it is loaded when first asked for, so that importing a small part stays quick. Knows nothing of evaluation or of the
command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hippo_mem.memory import Hippo, HippoConfig

__all__ = ["Hippo", "HippoConfig"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from hippo_mem import memory

        return getattr(memory, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

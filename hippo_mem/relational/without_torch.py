"""Keeps the parser's library from loading torch, which it would only use to hand arrays over to a GPU.

That library (thinc) imports torch where it is installed: 200 MB resident and a second, in a process that may only
parse and recall. Importing this module first lets it find none. Where torch is loaded already, nothing changes, and
torch can be imported at any time after. Knows nothing of parsing.
"""

from __future__ import annotations

import sys


def _load_thinc() -> None:
    if "thinc.compat" in sys.modules or "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # an import of it fails, as if it were not installed
    try:
        import thinc.compat  # noqa: F401
    finally:
        del sys.modules["torch"]


_load_thinc()

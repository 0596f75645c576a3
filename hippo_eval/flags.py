"""Values of command-line flags. Knows nothing of which flags there are."""

from __future__ import annotations

import argparse


def truth(word: str) -> bool:
    """`true` or `false` in the usual spellings.

    Raises: argparse.ArgumentTypeError for another word.
    """
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if word.lower() not in known:
        raise argparse.ArgumentTypeError(f"give true or false, got {word!r}")
    return known[word.lower()]

"""Suites by name. Knows nothing of who answers."""

from __future__ import annotations

from collections.abc import Callable

from hippo_eval.suites import episodic, semantic, spatial
from hippo_eval.suites.items import Suite
from hippo_mem.errors import InputError, nearest

SUITES: dict[str, Callable[[int, int], Suite]] = {
    "episodic": episodic.generate,
    "semantic": semantic.generate,
    "spatial": spatial.generate,
}
# Named by the specification; not part of this version.
NOT_YET = ("procedural",)


def generate_suite(name: str, n: int, seed: int) -> Suite:
    """`n` facts of a seed with their questions.

    Raises: InputError for an unknown suite or an impossible `n`.
    """
    if name in NOT_YET:
        raise InputError(f"suite {name!r} is not available in this version; available: {', '.join(SUITES)}")
    if name not in SUITES:
        raise InputError(f"no suite {name!r}{nearest(name, SUITES)}")
    try:
        return SUITES[name](n, seed)
    except ValueError as error:
        raise InputError(str(error)) from error

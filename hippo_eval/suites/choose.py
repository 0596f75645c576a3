"""Suites by name. Knows nothing of who answers."""

from __future__ import annotations

from collections.abc import Callable

from hippo_eval.suites import (
    episodic,
    episodic_capacity,
    episodic_cross,
    episodic_multi,
    procedural,
    semantic,
    spatial,
)
from hippo_eval.suites.items import PROFILES, Profile, Suite
from hippo_eval.suites.leaks import refuse_leaks
from hippo_mem.errors import InputError, nearest

Generator = Callable[[int, int, Profile], Suite]


def _episodic(n: int, seed: int, profile: Profile) -> Suite:
    return episodic.generate(n, seed, profile=profile)


SUITES: dict[str, Generator] = {
    "episodic": _episodic,
    "episodic_multi": episodic_multi.generate,
    "episodic_cross": episodic_cross.generate,
    "episodic_capacity": episodic_capacity.generate,
    "semantic": semantic.generate,
    "spatial": spatial.generate,
    "procedural": procedural.generate,
}
# Part of every suite's stamp: a version changes when its items do.
VERSIONS: dict[str, int] = {
    "episodic": episodic.VERSION,
    "episodic_multi": episodic_multi.VERSION,
    "episodic_cross": episodic_cross.VERSION,
    "episodic_capacity": episodic_capacity.VERSION,
    "semantic": semantic.VERSION,
    "spatial": spatial.VERSION,
    "procedural": procedural.VERSION,
}


def check_suite(name: str) -> str:
    """The name of a suite, if there is one.

    Raises: InputError with the nearest one.
    """
    if name not in SUITES:
        raise InputError(f"no suite {name!r}{nearest(name, SUITES)}")
    return name


def check_profile(profile: str) -> Profile:
    """The profile, if there is one.

    Raises: InputError with the nearest one.
    """
    for known in PROFILES:
        if profile == known:
            return known
    raise InputError(f"no profile {profile!r}{nearest(profile, PROFILES)}")


def generate_suite(name: str, n: int, seed: int, profile: str = "default") -> Suite:
    """`n` facts, stories, households or scripts of a seed with their questions; the same on any machine.

    Raises: InputError for an unknown suite or profile, an impossible `n`, or a question that gives its answer away.
    """
    make = SUITES[check_suite(name)]
    level = check_profile(profile)
    try:
        return refuse_leaks(make(n, seed, level))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from error

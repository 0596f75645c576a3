"""What can be wrong with the files beside a user's store, and how each is mended: nights, policy, settings.

A damaged night gives way to the one before it, what is derived is removed, and what the user chose is set aside.
Knows nothing of the store's rows, and nothing of how the findings are printed.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from hippo_cli.findings import REPAIR, Check, paths
from hippo_cli.session import Session

if TYPE_CHECKING:
    from hippo_mem.sleep.nights import Nights


def nights(session: Session, repair: bool) -> Check:
    """Records can be read, the night in force is there, and the weights of every kept night are what was written."""
    from hippo_mem.errors import StoreFormatError
    from hippo_mem.sleep.nights import Nights

    kept = Nights(paths(session).nights)
    mended: list[str] = []
    try:
        every, force = kept.all(), kept.in_force()
    except StoreFormatError as error:
        if not repair:
            return Check(name="nights", ok=False, found=str(error), remedy=REPAIR)
        last = _newest_whole(kept)
        kept.set_force(last)
        mended.append(f"{'no night' if last is None else f'night {last}'} put in force ({error})")
        every, force = kept.all(), kept.in_force()
    if not every:
        return Check(name="nights", ok=None, found="no night yet")
    damaged = {n.number: wrong for n in every if n.status == "kept" and (wrong := _night_wrong(kept, n.number))}
    if damaged and not repair:
        number, wrong = max(damaged.items())
        where = "in force" if force is not None and force.number == number else "kept"
        return Check(name="nights", ok=False, found=f"night {number} ({where}): {wrong[0]}", remedy=REPAIR)
    for number in sorted(damaged):
        if force is None or number != force.number:
            kept.purge([number])
            mended.append(f"night {number} gave up its damaged weights")
    if force is not None and force.number in damaged:
        with session.open() as hippo:
            now = hippo.undo_night()
        mended.append(f"night {force.number} undone, its memories are new to the next sleep")
        force = now
    speaks = "the base speaks alone" if force is None else f"night {force.number} is in force"
    return Check(
        name="nights",
        ok=True,
        found=f"{len(every)} on disk, {speaks}" + (f", mended: {'; '.join(mended)}" if mended else ""),
    )


def policy(session: Session, repair: bool) -> Check:
    """What macros are ranked by can be read. It is derived: a damaged one is removed, the next sleep makes another."""
    from hippo_mem.errors import StoreFormatError
    from hippo_mem.spatial.policy import Policy

    file = paths(session).policy
    if not file.exists():
        return Check(name="policy", ok=None, found="none yet")
    try:
        Policy.load(file)
    except StoreFormatError as error:
        if not repair:
            return Check(name="policy", ok=False, found=str(error), remedy=REPAIR)
        file.unlink()
        return Check(name="policy", ok=True, found=f"mended: removed, the next sleep makes another ({error})")
    return Check(name="policy", ok=True, found="whole")


def settings(session: Session, repair: bool) -> Check:
    """When to sleep can be read. It is the user's choice: a damaged file is kept under another name, and the defaults
    hold."""
    from hippo_mem.errors import StoreFormatError
    from hippo_mem.sleep.schedule import read_schedule

    file = paths(session).schedule
    if not file.exists():
        return Check(name="settings", ok=None, found="the defaults")
    try:
        read_schedule(file)
    except StoreFormatError as error:
        if not repair:
            return Check(name="settings", ok=False, found=str(error), remedy=REPAIR)
        aside = file.rename(file.with_name(f"{file.name}.damaged-{time.time():.0f}"))
        return Check(name="settings", ok=True, found=f"mended: set aside as {aside.name}, the defaults hold ({error})")
    return Check(name="settings", ok=True, found="can be read")


def _night_wrong(kept: Nights, number: int) -> list[str]:
    from safetensors import SafetensorError, safe_open

    wrong = kept.damage(number)
    file = kept.path(number) / "adapter_model.safetensors"
    if not wrong:
        try:
            with safe_open(file, framework="numpy") as weights:
                wrong = [] if list(weights.keys()) else [f"{file} is empty"]
        except (SafetensorError, OSError) as error:
            wrong = [f"{file} is damaged: {error}"]
    return wrong


def _newest_whole(kept: Nights) -> int | None:
    from hippo_mem.errors import StoreFormatError

    numbers: list[int] = []
    for folder in sorted(kept.folder.glob("[0-9]*")):
        with contextlib.suppress(StoreFormatError, ValueError):
            if kept.read(int(folder.name)).status == "kept" and not _night_wrong(kept, int(folder.name)):
                numbers.append(int(folder.name))
    return max(numbers, default=None)

"""When a user's memory should sleep by itself: at an hour of their choice, or when much of it is not learned yet.

The settings are a file of the user's own; whether a night is due is a pure function of them, of what there is, and of
the time. Knows nothing of processes, servers or training.

    settings.json   {"at": "03:30" | null, "when_full": true, "capacity": 50}
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.home import write_private

_HOUR = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")
FULL = 0.8  # of the capacity
_LATE_S = 6 * 3600.0  # an hour missed by more (the machine was off) waits for the next day


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepSchedule:
    """When to sleep. `at` is local time "HH:MM" or None; `capacity` is how many memories one night is to learn: with
    `when_full`, more than 0.8 of it waiting makes a night due.

    Raises: InputError for an hour or a capacity that is none.
    """

    at: str | None = None
    when_full: bool = True
    capacity: int = 50

    def __post_init__(self) -> None:
        if self.at is not None and not (isinstance(self.at, str) and _HOUR.fullmatch(self.at)):
            raise InputError(f"the hour of sleep {self.at!r} is not a time; write it as 03:30, or leave it out")
        if not isinstance(self.capacity, int) or isinstance(self.capacity, bool) or not 1 <= self.capacity <= 1000:
            raise InputError(f"a night's capacity of {self.capacity!r} is not possible; give 1 to 1000 memories")
        if not isinstance(self.when_full, bool):
            raise InputError(f"when_full is {self.when_full!r}; give true or false")

    def due(self, *, n_waiting: int, now: float, last_try: float | None) -> str | None:
        """Why a night is due now, in words; None when it is not.

        Args:
            n_waiting: memories told and not learned, and deletions not unlearned.
            now: unix seconds. last_try: when a night last ended, kept or not; a memory that was refused is not tried
                again until more was told or an hour comes.
        """
        if n_waiting < 1:
            return None
        if self.when_full and n_waiting > FULL * self.capacity and (last_try is None or now - last_try > _LATE_S):
            return f"{n_waiting} memories are not learned yet, more than {FULL:.0%} of a night's {self.capacity}"
        if self.at is not None:
            hour, minute = map(int, self.at.split(":"))
            hour_today = datetime.fromtimestamp(now).replace(hour=hour, minute=minute, second=0, microsecond=0)
            since = now - hour_today.timestamp()
            if 0 <= since < _LATE_S and (last_try is None or last_try < hour_today.timestamp()):
                return f"it is {self.at}"
        return None


def read_schedule(file: Path) -> SleepSchedule:
    """The user's schedule; the default where none was set.

    Raises: StoreFormatError for a damaged file.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return SleepSchedule(**found)
    except FileNotFoundError:
        return SleepSchedule()
    except (ValueError, TypeError) as error:
        raise StoreFormatError(f"{file} is damaged ({error}); remove it to have the defaults again") from error


def write_schedule(file: Path, schedule: SleepSchedule) -> None:
    """Keep it, atomically.

    Raises: StorageFull.
    """
    write_private(file, json.dumps(asdict(schedule)).encode())

"""When something is, told as a day, as an hour, or as both: which of them is asked for, and what holds of each.

A new day does not end the hour, nor a new hour the day: "The visit is on Friday" and, later, "The visit is at 3 pm" are
one answer. Words in, words out. Knows nothing of facts or of how questions are read.
"""

from __future__ import annotations

import re

from hippo_mem.relational import lexicon as lex

DATE, HOUR = "date", "hour"  # relations of what happens
# An hour as it is written, in any case of letters.
CLOCK = (
    r"\d{1,2}(?:[:.]\d\d)?\s?(?:(?:am|pm|o['\u2019]clock)\b|a\.m\.|p\.m\.)|"
    r"\d{1,2}:\d\d\b|(?:noon|midnight)\b|(?:half|quarter|five|ten|twenty) (?:past|to) \w+"
)
_CLOCK = re.compile(rf"(?:\b(?:at|around|about) )?\b(?P<clock>{CLOCK})", re.IGNORECASE)
_HOURS = lex.word_set("time hour")
_DAYS = lex.word_set("day date weekday")
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b", re.IGNORECASE)
_HOUR = re.compile(rf"\bat \d|{CLOCK}", re.IGNORECASE)
_EDGES = re.compile(r"^(?:on|in|,|\s)+|(?:\b(?:on|at|in)|,|\s)+$", re.IGNORECASE)


def parts(when: str) -> tuple[str, str]:
    """The day and the hour of a time, "" for what it does not tell: `"noon on Sunday"` is Sunday and noon."""
    found = _CLOCK.search(when)
    if found is None:
        return when, ""
    return _EDGES.sub("", f"{when[: found.start()]}{when[found.end() :]}"), found["clock"]


def only_hour(when: str) -> bool:
    """Whether a time tells an hour and no day."""
    day, hour = parts(when)
    return bool(hour) and not day


def asked_for(noun: str, date: str, hour: str, *, hour_is_newer: bool) -> str:
    """What is asked for of a date and an hour that hold, either of which may be ""; "" where it was not told.

    Args:
        noun: of the question ("time", "day"); others ask for all of it.
        date: as told, which may have an hour of its own; what is told of the hour later takes its place.
    """
    day, own = parts(date)
    if not hour or (own and not hour_is_newer):
        hour = own
    if noun in _HOURS:
        return hour
    if noun in _DAYS:
        return day
    if not day or hour == own:
        return date or hour
    return f"{day} at {hour}"


def other_time(one: str, other: str) -> bool:
    """Whether one time could take the place of the other: both tell a day of the week, or both an hour, or both of
    each, in other words."""
    return tells_time(one) and _kinds(one) == _kinds(other) and one.casefold().strip() != other.casefold().strip()


def tells_time(when: str) -> bool:
    """Whether there is a day of the week or an hour in it."""
    return any(_kinds(when))


def _kinds(when: str) -> tuple[bool, bool]:
    return _WEEKDAY.search(when) is not None, _HOUR.search(when) is not None

"""A change that is told, as what holds now: "the meeting was moved from Monday to Thursday" is "the meeting is on
Thursday", "our rent went up to 950 euros" is "our rent is 950 euros", of what was painted red "it is red" is told too.

A sentence in, a sentence out; one that tells no such change comes back as it is. Words decide, no parser. Knows nothing
of stores or of what held before.
"""

from __future__ import annotations

import re

from hippo_mem.relational.dates import CLOCK
from hippo_mem.relational.lexicon import COLORS, SHADES

_HAS = r"(?:['\u2019]ve| have| has)?"
_MINE = re.compile(
    rf"^(?:i|we|they){_HAS} (?:changed|switched) (?P<what>(?:my|our|the) [^,]+?) (?:from .+? )?to (?P<is>[^,]+)$",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"^(?P<what>.+?) (?:(?:was|were|has been|have been|got|is) )?(?:has |have )?changed (?:from .+? )?to (?P<is>.+)$",
    re.IGNORECASE,
)
_ROSE = re.compile(
    r"^(?P<what>.+?) (?:(?:has|have) )?(?:just )?(?:(?:went|gone) (?:up|down)|rose|risen|increased|dropped|fell|fallen|"
    r"decreased|(?:was|were|been|got) (?:raised|lowered|increased|reduced|cut)) (?:from .+? )?to "
    r"(?P<is>[^a-z]{0,3}\d.*)$",
    re.IGNORECASE,
)
_TURNED = re.compile(
    r"^(?P<what>.+?) (?:has |have )?(?:just |recently )?turned (?P<age>\d{1,3})(?: years old)?"
    r"(?=[.!,]*$| (?:today|yesterday|last|this|in|on)\b)",
    re.IGNORECASE,
)
_NAME = r"[A-Z][\w'\u2019-]*(?: [A-Z][\w'\u2019-]*)?"
_ONE = rf"(?:{_NAME}|[Mm]y [a-z-]+)"
_PARTED = re.compile(
    rf"^(?P<one>{_ONE}) and (?P<other>{_ONE}) (?:(?:have|are|got|get|just|recently) ){{0,3}}"
    r"(?:divorced|(?:split|broke|broken) up|separated)(?=[.!,]*$| (?:last|in|this|after|years?|yesterday|recently)\b)"
)

_COLOR = rf"(?P<color>(?:(?:{'|'.join(sorted(SHADES))}) )?(?:{'|'.join(sorted(COLORS))}))\b"
_PAINT = r"(?:(?:re|spray[- ])?painted|dyed|sprayed|stained|colou?red)"
_WHOSE = r"(?:my|our|the|his|her|their|its|[A-Z][\w-]*['\u2019]s)"
_THEREBY = r"(?: (?:last|this|yesterday|today|in|on|for|over|again|recently|now)\b[^,]*?)?"
_PAINTED = re.compile(rf"^(?P<did>.+? {_PAINT} (?P<what>{_WHOSE} [^,]+?)) {_COLOR}(?P<rest>{_THEREBY})(?P<end>[.!]*)$")
_WAS_PAINTED = re.compile(
    rf"^(?P<what>.+?) (?:was|were|got|has been|have been|is being) (?:just |recently )?(?P<did>{_PAINT}) {_COLOR}"
    rf"(?: by (?P<who>{_NAME}|me|us))?{_THEREBY}(?P<end>[.!]*)$"
)
_ACTING = {"me": "I", "us": "we"}
_DOES = (
    r"(?:go|eat|drink|use|drive|ride|take|play|live|work|stud(?:y|ie)|see|wear|read|watch|learn|teach|shop|bank|train)"
    r"(?:e?s)?"
)
_INSTEAD = re.compile(
    rf"^(?P<who>(?:[Ii]|[Ww]e|[Tt]hey|[Hh]e|[Ss]he|{_NAME}|[Mm]y \w+)) (?:now |nowadays )?"
    rf"(?P<does>{_DOES}(?: (?P<by>to|in|at|with|for|by))?) (?P<new>[^,]+?)(?: now| nowadays| these days)? "
    r"instead of (?P<old>[^,]+?)(?: now| nowadays| these days)?(?P<end>[.!]*)$"
)

_PUT_OFF = (
    r"(?:moved(?: back| forward| up)?|postponed|rescheduled|delayed|deferred|shifted|changed|switched|put off|put back|"
    r"pushed(?: back| out| forward)?|brought forward|extended|set|slipped)"
)
_THING = rf"(?:{_WHOSE} [^,.]+?|it|them)"
_TOOK = r"(?:took|take|takes|taken|taking|got|get|pulled|pull|fished|grabbed|grab|removed|remove)"
_OUT_OF = re.compile(rf"\b(?P<took>{_TOOK}) (?P<what>[^,.]+?) out (?:of|from) ", re.IGNORECASE)
_THROWN = r"(?:threw|throw|throws|throwing|thrown|tossed|toss)"
_THREW = re.compile(
    rf"\b{_THROWN} (?:(?:away|out) (?P<what>{_THING})|(?P<thing>{_THING}) (?:away|out))"
    r"(?=[.!]*$| (?:last|this|yesterday|today|and)\b)",
    re.IGNORECASE,
)
_GAVE_BACK = re.compile(
    rf"^(?P<who>.+?) (?:gave|has given|brought|handed|sent)(?: back (?P<what>{_THING})|"
    rf" (?P<thing>{_THING}) back)(?P<rest>(?: (?:to|last|this|yesterday|today|on)\b[^,]*?)?[.!]*)$"
)
_ROOM = r"(?P<is>(?:room|hall|floor) \w+[.!]*)$"
_TO_ROOM = re.compile(rf"^(?P<what>.+?) (?:(?:was|were|has been|have been|is|got) )?moved to {_ROOM}", re.IGNORECASE)
_WE_MOVED = re.compile(rf"^(?:I|We|They)(?:['\u2019]ve)? moved (?P<what>(?:the|our|my) [^,]+?) to {_ROOM}")
_IS_BACK = re.compile(r"\b(?:is|am|are)(?: (?:finally|now))? back (?:home )?from ", re.IGNORECASE)
_RETIRED = re.compile(
    r"^(?P<who>[^,]+?) (?:(?:has|have) )?(?:just |recently |finally )?retired"
    r"(?: (?:last|this|in|on|from work)\b[^,]*)?[.!]*$"
)
_BEEN = r"(?:was|were|is|are|got|gets|has been|have been|had to be|will be|is being)"
_RESCHEDULED = (
    re.compile(
        rf"^(?P<what>.+?) (?:{_BEEN} )?(?:now |just |again )?{_PUT_OFF}(?: again)? (?:from .+? )?(?:to|until|till) "
        r"(?P<is>.+)$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:i|we|they|he|she){_HAS}(?: had to)? {_PUT_OFF} (?P<what>(?:my|our|the|his|her|their) [^,]+?) "
        r"(?:from .+? )?(?:to|until|till) (?P<is>.+)$",
        re.IGNORECASE,
    ),
)
_SOMEBODY = re.compile(r"(?:i|you|he|she|we|they|it|some(?:body|one))(?:['\u2019](?:ve|s))?", re.IGNORECASE)
_PERSONAL = re.compile(rf"{_NAME} (?:has |have )?changed from ")  # "Felix changed from chemistry to law"

_MONTH = (
    r"(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)\b|"
    r"(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
)
_NUMBER = r"(?:the )?\d{1,2}(?:st|nd|rd|th)?"
_DAY = (
    r"(?:the )?(?:next |following |first |last )?(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
    rf"(?: (?:morning|afternoon|evening|night))?\b|{_MONTH} {_NUMBER}\b|"
    rf"{_NUMBER}(?: of)? {_MONTH}|the \d{{1,2}}(?:st|nd|rd|th)\b"
)
_SEASON = rf"{_MONTH}(?: \d{{4}})?|(?:19|20)\d\d|(?:the )?(?:spring|summer|autumn|fall|winter)"
_THEN = r"tomorrow|today|tonight|(?:next|this) (?:week|month|year|weekend)|the weekend"
_ENDING = r"(?:(?:,| at| on| in the| sharp| instead| because| due| since| as| so)\b.*)?[.!]*$"
# What each kind of time is told with.
_TOLD_WITH = tuple(
    (word, re.compile(f"(?:{times}){_ENDING}", re.IGNORECASE))
    for word, times in (("on", _DAY), ("in", _SEASON), ("at", CLOCK), ("", _THEN))
)


def now_holds(said: str) -> str:
    """The sentence, or what holds after the change it tells."""
    if (put_off := _rescheduled(said)) is not None:
        return put_off
    for shape in (_MINE, _CHANGED, _ROSE):
        if (found := shape.match(said)) is None or _SOMEBODY.fullmatch(found["what"]):
            continue
        if shape is not _CHANGED or not _PERSONAL.match(said):
            return f"{found['what']} is {found['is']}"
    if (found := _INSTEAD.match(said)) is not None:
        who, does, old = found["who"], found["does"], found["old"].removeprefix(f"{found['by'] or ''} ")
        return f"{who} no longer {does} {old}. {who} {does} {found['new']}{found['end']}"
    if (painted := _painted(said)) is not None:
        return painted
    for shape in (_TO_ROOM, _WE_MOVED):
        if (found := shape.match(said)) is not None and not _SOMEBODY.fullmatch(found["what"]):
            return f"{found['what']} is in {found['is']}"
    if (found := _GAVE_BACK.match(said)) is not None:
        return f"{found['who']} returned {found['what'] or found['thing']}{found['rest']}"
    if (found := _RETIRED.match(said)) is not None:
        have = "have" if found["who"].lower() in ("i", "we", "they", "you") else "has"
        return f"{found['who']} {have} no job any more."
    said = _OUT_OF.sub(r"\g<took> \g<what> from ", said)
    said = _THREW.sub(lambda m: f"binned {m['what'] or m['thing']}", said)
    said = _IS_BACK.sub("came back from ", said)
    said = _TURNED.sub(r"\g<what> is \g<age> years old", said)
    return _PARTED.sub(r"\g<one> broke up with \g<other>", said)


def _painted(said: str) -> str | None:
    if (found := _PAINTED.match(said) or _WAS_PAINTED.match(said)) is None:
        return None
    what, end = found["what"], found["end"]
    be = "are" if re.search(r"[^su]s$", what) else "is"
    if found.re is _PAINTED:
        did = f"{found['did']}{found['rest']}{end or '.'} "
    else:
        did = f"{_ACTING.get(found['who'], found['who'])} {found['did']} {what}. " if found["who"] else ""
    return f"{did}{what} {be} {found['color']}{end}"


def _rescheduled(said: str) -> str | None:
    for shape in _RESCHEDULED:
        if (found := shape.match(said)) is None or _SOMEBODY.fullmatch(found["what"]):
            continue
        for word, times in _TOLD_WITH:
            if times.match(found["is"]):
                return " ".join(filter(None, (found["what"], "is", word, found["is"])))
    return None

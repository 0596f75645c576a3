"""Where somebody lives, asked for in other words: "Where is Ana's home?", "Which town do I put on a letter to Ana?".

A question in, the plain question out. Words decide, no parser. Knows nothing of stores or of what was told.
"""

from __future__ import annotations

import re

_TOWN = r"(?:town|city|village|place|country)"
_NAME = r"(?:[A-Z][\w.\u2019'-]*\s)*[A-Z][\w.\u2019'-]*?"
_WHO = rf"(?P<who>(?:[Mm]y|[Oo]ur) [a-z]+(?: [A-Za-z]+)?|{_NAME})"
_PAST = re.compile(r"\b(?:was|were|before|used)\b")
_HOME = re.compile(
    rf"(?:[Ww]here|(?:[Ii]n )?(?:[Ww]hich|[Ww]hat) (?:town|city|village|place))\b.*?\s"
    rf"(?:(?P<mine>my|our)|(?P<name>{_NAME})['\u2019]s?)\s+(?:home|residence)"
    r"(?:\s+(?:in|at|located|situated|now))*\s*\?*$"
)
_MAIL = r"(?:letter|card|postcard|parcel|package|present|gift|invitation|envelope|birthday card|note|flowers)s?"
_A = r"(?:an? |the |my |this |some )?"
_SEND = rf"(?:write(?: {_A}{_MAIL})?|(?:send|post|mail|address) {_A}{_MAIL})"
_MUST = r"(?:do|should|must|shall|would|can|will|have) I(?: have to| need to)?"
_WHICH = rf"(?:[Tt]o )?(?:[Ww]hich|[Ww]hat) {_TOWN}"
_MAILING = (
    # I want to write to Ana; which town do I put on the envelope?
    re.compile(
        rf"(?:I(?: want to| need to| would like to|['\u2019]d like to| have to|['\u2019]m going to| am going to) "
        rf"|[Ii]f I |[Tt]o |[Ww]hen I )?(?i:{_SEND}) to {_WHO}\s?[,;:.\u2014-]+ ?(?:{_WHICH} "
        rf"{_MUST} (?:put|write|use|send|post|mail|address)\b.*|(?:[Ww]here) {_MUST} (?:send|post|mail|address)\b.*)$"
    ),
    # Which town do I put on a letter to Ana?
    re.compile(
        rf"{_WHICH} {_MUST} (?:(?:put|write) on|send|post|mail|address|use for) {_A}{_MAIL} "
        rf"(?:to|for) {_WHO}(?: to)?\s*\?*$"
    ),
    # Where do I send Ana's parcel?
    re.compile(
        rf"(?:[Ww]here|{_WHICH}) {_MUST} (?:send|post|mail|address) "
        rf"(?:{_WHO}['\u2019]s? {_MAIL}|{_A}{_MAIL} (?:to|for) (?P<other>{_NAME}|[Mm]y [a-z]+))(?: to)?\s*\?*$"
    ),
)


def asked_plainly(question: str) -> str:
    """ "Where does Ana live?" for a question that asks this in other words; empty for any other question."""
    text = question.strip()
    if (match := _HOME.match(text)) is not None and not _PAST.search(text):
        if match["mine"]:
            return f"Where do {'I' if match['mine'] == 'my' else 'we'} live?"
        return f"Where does {match['name']} live?"
    for shape in _MAILING:
        if (match := shape.match(text)) is not None:
            return f"Where does {match['who'] or match['other']} live?"
    return ""

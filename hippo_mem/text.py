"""What may enter memory as text, and what words it is made of. Knows nothing of storage, models or scores.

Control characters are refused, not removed: a text that is changed silently is no longer what was said. Only `\\n`
and `\\t` pass; `\\r\\n` and `\\r` become `\\n`. What is kept is NFC-normalized and stripped of outer whitespace.
"""

from __future__ import annotations

import re
import unicodedata

from hippo_mem.errors import InputError
from hippo_mem.types import MAX_TEXT_CHARS

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Edge punctuation that changes no fact. Signs that do ("-5", "$5", "C#", "?") stay part of the word.
_EDGES = ".,;:!\"'()[]{}…“”‘’«»`"
_ARTICLES = frozenset({"a", "an", "the"})

_FUNCTION = """
    i me my you your we us our it its he him his she her they them their this that these those
    am is are was were be been being do does did have has had will would can could shall should may might must
    and or but so if then of to in on at for with about as by from what who whom whose how why when where which
    s t d m ll re ve
"""  # the last line is what is left of contractions ("he's", "they'd")
_CHATTER = """
    here there up out all just very too really doing going today ?
    i'm you're it's that's i'll i've i'd don't what's let's how's
    ok okay k kk yes yeah yep yup no nope nah not sure fine good great nice cool awesome perfect alright right
    thanks thank thx ty cheers please sorry welcome pardon excuse
    hi hello hey howdy greetings bye goodbye see later morning afternoon evening night
    hm hmm hmmm mm mhm uh um uhm er oh ah aha wow lol haha hahaha hehe ha
    got get sounds understood well anyway actually maybe perhaps indeed exactly course
    know think mean guess go ahead wait moment second one minute problem worries mind never
"""
# Words that find nothing in a search.
STOP_WORDS = _ARTICLES | frozenset(_FUNCTION.split())
# Words that say nothing by themselves: a text made of nothing else is chatter. English only; a text in another
# language never counts as chatter.
_EMPTY_WORDS = STOP_WORDS | frozenset(_CHATTER.split())


def decode_text(data: bytes, what: str = "text") -> str:
    """UTF-8 bytes as text.

    Raises: InputError naming the first byte that is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{what} is not valid UTF-8: byte 0x{data[error.start]:02x} at position {error.start}; save it as UTF-8"
        ) from None


def clean_text(text: str | bytes, what: str = "text") -> str:
    """`text` as it may be stored: NFC, `\\n` line ends, no outer whitespace.

    Raises: InputError when it is not text, empty, longer than `MAX_TEXT_CHARS`, or holds a lone surrogate (bytes that
        were not UTF-8) or a control character, with the position.
    """
    if isinstance(text, bytes):
        text = decode_text(text, what)
    if not isinstance(text, str):
        raise InputError(f"{what} must be text, got {type(text).__name__}")
    _check_length(text, what)
    if found := _SURROGATE.search(text):
        raise InputError(
            f"{what} is not valid UTF-8: lone surrogate U+{ord(found[0]):04X} at position {found.start()}; "
            "save it as UTF-8"
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if found := _FORBIDDEN.search(text):
        raise InputError(
            f"{what} holds the control character U+{ord(found[0]):04X} at position {found.start()}; "
            "remove it (only newline and tab may be used)"
        )
    text = unicodedata.normalize("NFC", text).strip()
    _check_length(text, what)
    if not text:
        raise InputError(f"{what} is empty; give at least one word")
    return text


def _check_length(text: str, what: str) -> None:
    if len(text) > MAX_TEXT_CHARS:
        raise InputError(
            f"{what} has {len(text):,} characters, the limit is {MAX_TEXT_CHARS:,}; split it into smaller events"
        )


def clean_name(value: str, what: str, *, limit: int = 256) -> str:
    """A short one-line label (source, document, context, tag).

    Raises: InputError as `clean_text`, and when it has a line break or more than `limit` characters.
    """
    value = clean_text(value, what)
    if len(value) > limit:
        raise InputError(f"{what} has {len(value):,} characters, the limit is {limit}")
    if "\n" in value or "\t" in value:
        raise InputError(f"{what} {value!r} must be one line without tabs")
    return value


def soften(cue: str) -> str:
    """Any string as a cue that can be searched for: what `clean_text` would refuse is dropped.

    Raises: InputError for what is no text.
    """
    if not isinstance(cue, str):
        raise InputError(f"a cue or question must be text, got {cue!r:.60}")
    cue = _SURROGATE.sub("", cue[:MAX_TEXT_CHARS])
    return unicodedata.normalize("NFC", _FORBIDDEN.sub(" ", cue)).strip()


def words(text: str) -> tuple[str, ...]:
    """The words that make two texts the same: case, articles and edge punctuation aside, in order."""
    found = []
    for raw in text.casefold().replace("’", "'").split():
        core = raw.strip(_EDGES)
        asks = core.endswith("?")
        core = core.rstrip("?").rstrip(_EDGES)
        if core and core not in _ARTICLES:
            found.append(core)
        if asks:
            found.append("?")
    return tuple(found)


def has_content(text: str) -> bool:
    """Whether any word of `text` says something: False for "ok", "Thank you!", "I see.", "?!"."""
    return any(
        word not in _EMPTY_WORDS and any(part.isalnum() and part not in _EMPTY_WORDS for part in re.split(r"\W+", word))
        for word in words(text)
    )

"""A sentence with a rare name that the parser did not read as one name, read again.

"Kirsten Ulverston lives in Narva" may be parsed as an order to kirsten something. Such a sentence is parsed once more
with a name in that place that the parser was trained on, and what it finds is put on the words that were said.
Knows nothing of what is read out of a parse.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from spacy.tokens import Doc

_STAND_IN = ("Mary", "Smith")
_KEPT: list[int | str] = ["TAG", "POS", "MORPH", "DEP", "HEAD", "SENT_START", "ENT_IOB", "ENT_TYPE"]


def misread(doc: Any, is_verb: Callable[[str], bool]) -> list[int]:
    """Where a name of two words begins that was not read as one: its first word is the root of a sentence, or a verb or
    an adjective, or is not joined to the second though both are one person.

    Args: is_verb: whether a word in lower case is the base form of a verb: at the beginning it is an order.
    """
    found = []
    for first, second in pairwise(doc):
        if not (_is_name(first) and _is_name(second)) or (first.is_sent_start and is_verb(first.lower_)):
            continue
        apart = second.head.i != first.i and first.head.i not in (second.i, second.head.i)
        one = first.ent_type_ == second.ent_type_ == "PERSON" and second.ent_iob_ == "I"
        if (first.is_sent_start and first.dep_ == "ROOT" and apart) or (
            one and (apart or first.tag_[:2] in ("VB", "JJ"))
        ):
            found.append(first.i)
    return found


def read_again(nlp: Any, doc: Any, at: list[int]) -> Any:
    """The document with the parse that it has when names that are known stand at these places."""
    words = [token.text for token in doc]
    for i in at:
        words[i], words[i + 1] = _STAND_IN
    spaces = [bool(token.whitespace_) for token in doc]
    other = nlp(Doc(doc.vocab, words=words, spaces=spaces))
    mended = Doc(doc.vocab, words=[token.text for token in doc], spaces=spaces).from_array(_KEPT, other.to_array(_KEPT))
    for token, parsed in zip(mended, other, strict=True):
        token.lemma_ = parsed.lemma_ if parsed.text == token.text else token.text
    return mended


def _is_name(token: Any) -> bool:
    text = token.text
    return bool(text.isalpha() and text[0].isupper() and text[1:].islower())

"""Noun and prepositional phrases of a parsed clause: what they say (where, when, whom), and their shortest form.

Works on spaCy tokens, with the closed classes of `lexicon` deciding wherever the statistical parse is known to
waver. Knows nothing of verbs' forms, frames or questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from spacy.tokens import Token

from hippo_mem.relational import lexicon as lex

Role = Literal["when", "where", "object", "other"]

_NEARNESS = lex.word_set("next close far across away ahead opposite right just out up down back")
# Prepositions that a "when" answer may lose without changing what it says.
_LOOSE_TIME = lex.word_set("on in at during since by from around")
_DROPPED = frozenset({"relcl", "punct", "cc", "preconj"})


def is_time(token: Token) -> bool:
    """Whether the phrase headed by `token` is a point or stretch of time."""
    word = token.lower_
    if word == "second" and token.tag_ != "NN":
        return False
    if lex.is_time_word(word):
        return True
    if token.pos_ in ("ADJ", "VERB"):
        return False
    if (lex.CLOCK.match(word) and word[-1] in "mh") or re.match(r"^\d{1,2}:\d\d$", word):
        return True
    return token.ent_type_ in ("DATE", "TIME") and any(
        lex.is_time_word(t.lower_) or t.like_num for t in token.subtree if t.ent_type_ in ("DATE", "TIME")
    )


def is_person(token: Token) -> bool:
    """Whether the phrase headed by `token` names or describes a human being."""
    word = token.lower_
    if word in ("he", "she", "him", "her", "me", "us", "them", "who", "someone", "everyone"):
        return True
    if token.tag_ in ("NNP", "NNPS"):
        if token.ent_type_ == "PERSON" or any(c.lower_ in ("mr.", "mrs.", "ms.", "dr.") for c in token.children):
            return True
        bare = not any(c.dep_ in ("det", "poss") for c in token.children)
        return bare and token.ent_type_ not in ("DATE", "TIME", "LANGUAGE", "NORP", "EVENT", "FAC", "LOC")
    if token.ent_type_ == "PERSON":
        return True
    return word in lex.KIN or token.lemma_.lower() in lex.KIN or word in lex.PLURAL_KIN or lex.is_trade(word)


def is_plural(token: Token) -> bool:
    """Whether the phrase headed by `token` takes `are`."""
    if any(c.dep_ == "conj" for c in token.children) and any(c.lower_ == "and" for c in token.children):
        return True
    return token.tag_ in ("NNS", "NNPS") or token.lower_ in ("we", "they", "these", "those", "you")


def preposition_role(prep: Token, verb: str) -> Role:
    """What a prepositional phrase tells about an event whose verb has the base form `verb`."""
    word = prep.lower_
    if word in lex.GOVERNED.get(verb, ()):
        return "object"
    head = next((c for c in prep.children if c.dep_ in ("pobj", "pcomp")), None)
    if head is None:
        inner = next((c for c in prep.children if c.dep_ == "prep"), None)  # "out of the house"
        return "where" if inner is not None and word in lex.PLACE_PREPOSITIONS | _NEARNESS else "other"
    if word == "for":
        return "other"
    if word in lex.ALWAYS_TIME or (word in ("before", "after") and head.dep_ == "pobj"):
        return "when"
    if word in lex.TIME_PREPOSITIONS | {"to"} and is_time(head):
        return "when"
    if word == "at" and lex.is_number(head.lower_):
        return "when"
    if word not in lex.PLACE_PREPOSITIONS or head.dep_ == "pcomp":
        return "other"
    if head.lower_ in lex.NOT_PLACES or head.lemma_.lower() in lex.NOT_PLACES:
        return "other"
    person = is_person(head) and head.ent_type_ not in ("GPE", "LOC", "ORG", "FAC")
    if word == "by" and (person or not any(c.dep_ == "det" for c in head.children)):
        return "other"
    if word in ("to", "from") and (
        verb in lex.DATIVE_VERBS or (person and head.lower_ not in ("doctor", "dentist", "vet"))
    ):
        return "other"
    return "where"


def adverb_role(token: Token) -> Role:
    """What a bare adverb or adverbial noun phrase tells: `yesterday`, `last winter`, `home`."""
    word = token.lower_
    if word in lex.PLACE_ADVERBS:
        return "where"
    if word in lex.DATED_ADVERBS or (token.pos_ in ("NOUN", "PROPN") and is_time(token)):
        return "when"
    if word == "ago" or any(c.lower_ == "ago" for c in token.subtree):
        return "when"
    if word in _NEARNESS and any(c.dep_ == "prep" for c in token.children):
        return "where"
    return "other"


def detached(head: Token, verb: str, *, places: bool) -> list[Token]:
    """Prepositions and time adverbs inside a noun phrase that tell about the whole event instead.

    Time always does; a place does when `places` (an object's, but not a subject's or another place's).
    """
    found: list[Token] = []
    stack = [head]
    while stack:
        token = stack.pop()
        for child in token.children:
            if child.dep_ == "prep" and child.i > head.i - 1 and child.lower_ not in lex.BINDING_PREPOSITIONS:
                role = preposition_role(child, verb)
                company = child.lower_ == "with" and any(is_person(c) for c in child.children if c.dep_ == "pobj")
                if role == "when" or (role == "where" and places) or (company and token.dep_ != "nsubj"):
                    found.append(child)
                    continue
            if child.dep_ in ("npadvmod", "advmod", "appos") and child.i > head.i and adverb_role(child) == "when":
                found.append(child)
                continue
            if child.dep_ not in ("relcl", "acl", "ccomp"):
                stack.append(child)
    return found


def phrase_tokens(head: Token, without: Iterable[Token] = ()) -> list[Token]:
    """The tokens of the phrase headed by `head`, in order, less the subtrees of `without` and outer punctuation."""
    left_out = {t.i for w in without for t in w.subtree}
    for child in head.children:
        if child.dep_ == "relcl" or (child.dep_ in ("acl", "appos") and child.i > 0 and _after_comma(child)):
            left_out |= {t.i for t in child.subtree}
    tokens = [t for t in sorted(head.subtree, key=lambda t: t.i) if t.i not in left_out]
    # Keep only the run around the head, so that an odd parse cannot glue distant pieces together.
    run = [head]
    here = {t.i: t for t in tokens}
    for step in (-1, 1):
        i = head.i + step
        while i in here:
            run.append(here[i])
            i += step
    run.sort(key=lambda t: t.i)
    while run and ((run[-1].is_punct and run[-1].text not in (")", '"', "'", "%")) or run[-1].dep_ == "cc"):
        run.pop()
    while run and ((run[0].is_punct and run[0].text not in ("(", '"', "'", "#")) or run[0].dep_ == "cc"):
        run.pop(0)
    return run


def _after_comma(token: Token) -> bool:
    left = token.left_edge
    return bool(left.i > 0 and left.nbor(-1).text in (",", "(", "-", "\u2013", "\u2014"))


def text_of(tokens: list[Token]) -> str:
    """The words as written, except that a sentence's first word loses its capital unless it is a name or `I`."""
    if not tokens:
        return ""
    text = "".join(t.text_with_ws for t in tokens).strip()
    first = tokens[0]
    common = (
        first.lower_ in lex.DATED_ADVERBS
        or first.pos_ in ("DET", "PRON", "ADP", "ADV", "SCONJ", "NUM")
        or first.tag_ in ("NNS", "VBG", "JJ", "PRP$")
    )
    if first.is_sent_start and first.is_title and first.lower_ != "i" and common and not _dated(first.lower_):
        text = text[0].lower() + text[1:]
    return text


def _dated(word: str) -> bool:
    """Whether a word keeps its capital at the head of a time."""
    return word in lex.DAYS or word in lex.MONTHS or word in lex.HOLIDAYS


def shortest(phrase: str, role: str) -> str:
    """`in the boathouse` gives `the boathouse`, `on Friday morning` gives `Friday morning`; the article stays."""
    if role == "where":
        phrase = re.sub(r"^(?:right|just|directly|straight|only) (?=\w+ )", "", phrase, flags=re.IGNORECASE)
        low = phrase.lower()
        for prefix in lex.COMPOUND_PREPOSITIONS:
            if low.startswith(prefix + " "):
                return phrase[len(prefix) + 1 :]
        words = phrase.split(" ")
        while len(words) > 1 and words[0].lower() in lex.PLACE_PREPOSITIONS:
            words.pop(0)
        return " ".join(words)
    if role == "when":
        first, _, rest = phrase.partition(" ")
        return rest if rest and first.lower() in _LOOSE_TIME else phrase
    return phrase

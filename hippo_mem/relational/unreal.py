"""Clauses that are said without being said to be so: wished, doubted, denied, asked about, almost done, perhaps true.

In: a clause of a parsed sentence. Out: whether it tells anything, and whether only as a possibility. Knows nothing of
what a clause states. What somebody thinks or says is taken as told: who said it is another question.
"""

from __future__ import annotations

from spacy.tokens import Token

from hippo_mem.relational import lexicon as lex

_WISHED = lex.word_set(
    "wish hope doubt deny dream pretend imagine fear worry wonder ask question suppose speculate rumour rumor joke "
    "expect bet want"
)
_THOUGHT = lex.word_set("think believe say claim mean suggest")
_TRUE = lex.word_set("true certain sure clear correct right case likely")
_DOUBTED = lex.word_set("false untrue unlikely possible doubtful wrong impossible")
_HARDLY = lex.word_set("almost nearly hardly barely scarcely practically supposedly allegedly")
_PERHAPS = lex.word_set("maybe perhaps probably possibly presumably conceivably")
_RUMOUR = lex.word_set("rumour rumor")


def is_unreal(verb: Token) -> bool:
    """Whether the clause of this verb is not said to be so."""
    if any(c.lower_ in _HARDLY and c.dep_ in ("advmod", "amod") for c in verb.children):
        return True
    if any(c.dep_ in ("nsubj", "nsubjpass") and _is_denied(c) for c in verb.children):
        return True
    if verb.lower_ == "supposed" and any(c.dep_ == "xcomp" for c in verb.children):
        return True
    here = verb
    while here.head.i != here.i:
        # A "ccomp" before its verb is a sentence of its own, with a comma for a full stop.
        governed = here.dep_ in ("csubj", "csubjpass") or (here.dep_ in ("ccomp", "acl") and here.i > here.head.i)
        if governed and _spoils(here.head, here):
            return True
        here = here.head
    return False


def is_perhaps(verb: Token) -> bool:
    """Whether the clause is said to be so only perhaps."""
    return any(c.lower_ in _PERHAPS for c in verb.children)


def _is_denied(subject: Token) -> bool:
    """`Neither Tom nor Ann`, `Not Tom but Ann`."""
    return any(c.lower_ in ("neither", "not") and c.dep_ in ("preconj", "neg", "cc", "det") for c in subject.children)


def _spoils(above: Token, clause: Token) -> bool:
    """Whether what stands above a clause takes its truth from it."""
    if any(c.lower_ in ("whether", "if") and c.dep_ == "mark" for c in clause.children):
        return True
    base = above.lemma_.lower()
    negated = any(c.dep_ == "neg" for c in above.children)
    if base in _WISHED:
        return True
    amazed = any(
        c.lower_ in ("ca", "can", "could", "wo", "will", "would") for c in above.children
    )  # "I can't believe that he lives there"
    if negated and base in _THOUGHT and not amazed:
        return True
    if base == "have" and any(c.dep_ == "nsubj" and c.lemma_.lower() in _RUMOUR for c in above.children):
        return True
    if base == "be":
        said = {c.lower_ for c in above.children if c.dep_ in ("acomp", "attr")}
        return bool(said & _DOUBTED) or (negated and bool(said & _TRUE))
    return False

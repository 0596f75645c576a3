"""What one clause says, as a `Frame`, built from the clause's parts.

Closed word classes and the table of verb forms correct what the parse got wrong. Knows nothing of loading a parser,
of whole texts or of questions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.clauses import Clause, joined
from hippo_mem.relational.phrases import is_person, is_plural, is_time, phrase_tokens, text_of
from hippo_mem.relational.plain import Plain

SubjectKind = Literal["person", "first", "thing"]
_AUX = {"'s": "is", "'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "wo": "will", "ca": "can",
        "\u2019s": "is", "\u2019m": "am", "\u2019re": "are", "\u2019ve": "have", "\u2019ll": "will"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What one clause says. Empty strings stand for what it does not say.

    `kind` is "event" (a verb and its parts), "be" (a subject and its `attribute`, `where` or `when`) or "name" (the
    subject is called `attribute`). A passive is given as the active event it tells (`passive` stays true).
    `past` is the finite verb as written ("repaired", "has moved", "loves"), `participle` the past participle;
    `do` and `bare` are its parts as a question needs them ("did" + "repair", "has" + "moved"); both verbs include
    the particle ("picked up"). `where` and `when` keep their prepositions. `complements` are (preposition, phrase).
    """

    text: str
    kind: Literal["event", "be", "name"]
    subject: str = ""
    subject_kind: SubjectKind = "thing"
    subject_plural: bool = False
    base: str = ""
    past: str = ""
    participle: str = ""
    do: str = ""
    bare: str = ""
    tense: Literal["past", "present", "other"] = "past"
    particle: str = ""
    negated: bool = False
    passive: bool = False
    object: str = ""
    object_kind: SubjectKind = "thing"
    object_plural: bool = False
    where: str = ""
    when: str = ""
    complements: tuple[tuple[str, str], ...] = ()
    attribute: str = ""
    attribute_kind: Literal["person", "thing", "quality"] = "thing"


def be_frame(text: str, subject: str, attribute: str) -> Frame:
    """`subject is attribute`, in the present."""
    return Frame(text=text, kind="be", subject=subject, base="be", past="is", do="is", tense="present",
                 attribute=attribute)  # fmt: skip


def plain_frame(plain: Plain, text: str) -> Frame:
    """The frame of a plain sentence."""
    first = plain.subject.lower() in lex.FIRST_PERSON
    subject = plain.subject.lower() if plain.subject in ("We", "He", "She", "They", "You") else plain.subject
    words = plain.object.split(" ")
    named = words[0][:1].isupper() and words[0] != "I"
    regular = plain.verb.endswith("ed") and plain.base not in verbs.IRREGULAR
    return Frame(
        text=text, kind="event", subject=subject, subject_kind="first" if first else "person",
        subject_plural=subject in ("we", "they", "you"), base=plain.base, past=plain.verb, do="did", bare=plain.base,
        participle=plain.verb if regular else verbs.participle(plain.base), object=plain.object,
        object_kind="person" if named or words[-1] in lex.KIN else "thing",
        object_plural="and" in words or (words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is"))),
        where=plain.where, when=plain.when, complements=plain.complements,
    )  # fmt: skip


def _object_kind(token: Any) -> SubjectKind:
    """As `_kind`; a proper noun that acts is a person, one that is acted on only when nothing says otherwise."""
    place = token.ent_type_ in ("GPE", "ORG", "LOC", "FAC", "PRODUCT", "WORK_OF_ART", "LANGUAGE", "NORP")
    return "thing" if place else _kind(token)


def _kind(token: Any) -> SubjectKind:
    if token.lower_ in lex.FIRST_PERSON | {"me", "us"}:
        return "first"
    return "person" if is_person(token) else "thing"


def name_frames(clause: Clause, text: str) -> list[Frame]:
    """`My dog Rex ...`, `a cat named Milo`, `my boss, Ana, ...`: who or what is called what."""
    found = []
    for head in (clause.subject, clause.object):
        if head is None:
            continue
        before = [t for t in phrase_tokens(head) if t.i < head.i]
        if head.tag_ == "NNP" and len(before) >= 2 and before[0].tag_ == "PRP$":
            cut = next((k for k, t in enumerate(before) if t.tag_ == "NNP"), len(before))
            common, name = before[:cut], [*before[cut:], head]
            if len(common) >= 2 and common[-1].tag_ == "NN":
                found.append(_named(text, text_of(common), text_of(name), common[-1]))
        for appos in head.children:
            if appos.dep_ == "appos" and appos.tag_ == "NNP" and head.tag_ == "NN" and appos.i > head.i:
                found.append(_named(text, text_of([t for t in phrase_tokens(head) if t.i < appos.left_edge.i and
                                                   not t.is_punct]), text_of(phrase_tokens(appos)), head))  # fmt: skip
    if clause.label is not None:
        whole = clause.object if clause.object is not None else clause.subject
        if whole is not None and clause.object is not None:
            what = text_of(clause.object_tokens)
            if clause.verb_base in ("have", "own", "get", "adopt", "buy") and clause.subject is not None:
                owner = {"i": "my", "we": "our"}.get(clause.subject.lower_)
                owner = owner or f"{text_of(clause.subject_tokens)}'s"
                what = re.sub(r"^(a|an|one)\s+", f"{owner} ", what)
            found.append(_named(text, what, text_of(phrase_tokens(clause.label)), whole))
    return found


def _named(text: str, subject: str, name: str, head: Any) -> Frame:
    kind = _kind(head)
    return Frame(text=text, kind="name", subject=subject, subject_kind=kind, base="be", past="is", do="is",
                 tense="present", attribute=name, attribute_kind="person" if kind == "person" else "thing")  # fmt: skip


def clause_frame(clause: Clause, text: str) -> Frame | None:
    """The frame of a clause; None where it says nothing that can be asked for."""
    subject = clause.subject
    if subject is None or not clause.subject_tokens:
        return None
    subject_text = text_of(clause.subject_tokens)
    where, when = joined(clause.where), joined(clause.when)
    others = tuple((p, text_of(t)) for p, t in clause.others)
    if clause.passive and clause.label is not None and clause.object is None:  # "My dog is called Rex"
        return replace(_named(text, subject_text, text_of(phrase_tokens(clause.label)), subject), past=_surface(clause))
    if subject.dep_ == "expl" or subject_text.lower() == "there":
        return _existence(clause, text, where, when)
    common = dict(text=text, subject=subject_text, subject_kind=_kind(subject), subject_plural=is_plural(subject),
                  negated=clause.negated, where=where, when=when, complements=others)  # fmt: skip
    if clause.verb_base == "be" and not clause.passive and clause.object is None and not clause.chain:
        return _copula(clause, common)
    return _event(clause, common)


def _existence(clause: Clause, text: str, where: str, when: str) -> Frame | None:
    """`There is a spare key under the mat`."""
    head = clause.attribute if clause.attribute is not None else clause.object
    if head is None:
        return None
    inner = [c for c in head.children if c.dep_ == "prep" and c.lower_ in lex.PLACE_PREPOSITIONS]
    placed = [t for g in (*clause.where, *clause.when) for t in g[:1]]
    thing = text_of(phrase_tokens(head, placed if where else inner))
    place = where or " ".join(text_of(phrase_tokens(c)) for c in inner)
    return replace(be_frame(text, thing, ""), where=place, when=when, subject_plural=is_plural(head),
                   past=_surface(clause), do=_surface(clause), subject_kind=_kind(head))  # fmt: skip


def _copula(clause: Clause, common: dict[str, Any]) -> Frame | None:
    head, subject = clause.attribute, clause.subject
    surface = _surface(clause)
    common["subject_plural"] = surface in ("are", "were") and common["subject"] != "you"
    frame = Frame(kind="be", base="be", past=surface, do=surface.split(" ")[0],
                  bare=" ".join(surface.split(" ")[1:]), tense=_tense(clause), **common)  # fmt: skip
    if head is None:
        return frame if frame.where or frame.when else None
    tokens = clause.attribute_tokens
    about = next((c for c in head.children if c.dep_ == "prep" and c.i > head.i), None)
    if head.pos_ == "ADJ" and about is not None and about in tokens:  # "allergic to peanuts"
        thing = next((c for c in about.children if c.dep_ == "pobj"), None)
        if thing is not None:
            phrase = text_of([t for t in tokens if t.i <= about.i])
            return replace(frame, kind="event", base=phrase, past=f"{surface} {phrase}".strip(), bare=phrase,
                           participle="", object=text_of([t for t in tokens if t.i > about.i]),
                           object_kind=_object_kind(thing), object_plural=is_plural(thing))  # fmt: skip
    if is_time(head) and not _takes_time_as_value(subject, head):
        return replace(frame, when=" ".join(filter(None, (text_of(tokens), frame.when))))
    quality = head.pos_ == "ADJ" and head.lower_ not in lex.COLORS and not _names_a_value(subject)
    person = head.ent_type_ == "PERSON" or (is_person(head) and head.ent_type_ not in ("GPE", "LOC", "ORG"))
    return replace(frame, attribute=text_of(tokens),
                   attribute_kind="quality" if quality else "person" if person else "thing")  # fmt: skip


def _names_a_value(subject: Any) -> bool:
    """Whether the subject is a property ("mother tongue", "favorite food") rather than a thing that has some."""
    favorite = any(c.lower_ in ("favorite", "favourite", "preferred") for c in subject.children)
    return favorite or subject.lower_ in lex.PROPERTIES or subject.lemma_.lower() in lex.PROPERTIES


def _takes_time_as_value(subject: Any, head: Any) -> bool:
    """Whether a time after `is` is the subject's value ("my favorite day is Friday"), not when it takes place."""
    if head.lower_.isdigit() and not any(lex.is_time_word(c.lower_) for c in head.children):
        return True  # "my PIN is 1984"
    duration = any(c.dep_ == "nummod" for c in head.children) and head.lower_.rstrip("s") in lex.SPANS
    return duration or _names_a_value(subject) or (lex.is_time_word(subject.lower_) and subject.lower_ != "birthday")


def _event(clause: Clause, common: dict[str, Any]) -> Frame | None:
    verb = clause.verb
    if verb.pos_ not in ("VERB", "AUX"):
        return None
    chain = "".join(f" {t.text}" for t in clause.chain)
    particle = f" {clause.particle}" if clause.particle else ""
    base = verbs.base_of(verb.text, verb.lemma_) if verb.tag_ in ("VBD", "VBN") else verb.lemma_.lower()
    extra: dict[str, Any] = {}
    if clause.object is not None:
        extra = dict(object=text_of(clause.object_tokens), object_kind=_object_kind(clause.object),
                     object_plural=is_plural(clause.object))  # fmt: skip
    if clause.passive:
        extra = dict(object=common["subject"], object_kind=common["subject_kind"],
                     object_plural=common["subject_plural"])  # fmt: skip
        agent = clause.agent
        common["subject"] = text_of(phrase_tokens(agent, _moved(agent))) if agent is not None else ""
        common["subject_kind"] = _kind(agent) if agent is not None else "thing"
        common["subject_plural"] = is_plural(agent) if agent is not None else False
        tense = _tense(clause)
        plain = verbs.past(base) if tense == "past" else verbs.third_person(base)
        return Frame(kind="event", base=base + particle, past=plain + particle, passive=True,
                     participle=verb.text.lower() + particle, do="did" if tense == "past" else "does",
                     bare=base + particle, tense=tense, particle=clause.particle, **common, **extra)  # fmt: skip
    surface = _surface(clause)
    tense = _tense(clause)
    negation = "not " if clause.negated else ""
    if clause.auxiliaries:
        first, *rest = surface.split(" ")
        do, bare, finite = first, negation + " ".join(rest), f"{first} {negation}{' '.join(rest)}"
    else:
        do = "did" if verb.tag_ in ("VBD", "VBN") else "does" if verb.tag_ == "VBZ" else "do"
        bare, finite = base, surface
    tail = chain + particle
    return Frame(kind="event", base=base + tail, past=finite + tail, do=do, bare=bare + tail, tense=tense,
                 participle="" if chain or clause.auxiliaries else _participle(verb.text, base) + particle,
                 particle=clause.particle, **common, **extra)  # fmt: skip


def _participle(surface: str, base: str) -> str:
    regular = surface.endswith("ed") and base not in verbs.IRREGULAR
    return surface if regular else verbs.participle(base)


def _moved(token: Any) -> list[Any]:
    return [c for t in token.subtree for c in t.children if c.dep_ == "prep" and c.lower_ != "of"]


def _surface(clause: Clause) -> str:
    words = [_AUX.get(t.lower_, t.lower_) for t in (*clause.auxiliaries, clause.verb) if t.dep_ != "neg"]
    if clause.auxiliaries and clause.verb.tag_ == "VBN" and words[0] == "is" and clause.auxiliaries[0].dep_ == "aux":
        words[0] = "has"  # "she's moved"
    return " ".join(words)


def _tense(clause: Clause) -> Literal["past", "present", "other"]:
    if clause.auxiliaries and not any(a.dep_ == "auxpass" for a in clause.auxiliaries):
        return "other"
    first = clause.auxiliaries[0] if clause.auxiliaries else clause.verb
    if len(clause.auxiliaries) > 1:
        return "other"
    return "past" if first.tag_ in ("VBD", "VBN") else "present"

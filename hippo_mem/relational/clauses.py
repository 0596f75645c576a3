"""From one parsed sentence to the plain parts of each of its clauses.

Finds every predicate with a subject (conjoined verbs and reported clauses included), its auxiliaries, object,
places, times and other complements. Works on spaCy tokens; knows nothing of loading a parser or of questions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spacy.tokens import Span, Token

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.phrases import (
    adverb_role,
    detached,
    is_time,
    phrase_tokens,
    preposition_role,
    text_of,
)

REPORTING = lex.word_set("think say know remember note tell believe guess hope mean learn hear forget see")
_BE_SHORT = frozenset({"'s", "\u2019s", "'m", "\u2019m", "'re", "\u2019re"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "expl"})


@dataclass(slots=True)
class Clause:
    """The raw parts of one clause, as tokens and phrases (mutable while it is being read)."""

    verb: Token
    subject: Token | None = None
    agent: Token | None = None
    object: Token | None = None
    attribute: Token | None = None
    label: Token | None = None  # "named Milo"
    auxiliaries: list[Token] = field(default_factory=list)
    negated: bool = False
    particle: str = ""
    chain: list[Token] = field(default_factory=list)  # "want to visit": the words after the first verb
    where: list[list[Token]] = field(default_factory=list)
    when: list[list[Token]] = field(default_factory=list)
    others: list[tuple[str, list[Token]]] = field(default_factory=list)
    object_tokens: list[Token] = field(default_factory=list)
    attribute_tokens: list[Token] = field(default_factory=list)
    subject_tokens: list[Token] = field(default_factory=list)
    verb_base: str = ""
    passive: bool = False


def clauses(sentence: Span, *, subordinate: bool = False) -> list[Clause]:
    """The clauses of one sentence, in order of their verbs; with `subordinate` those of relative and adverbial
    clauses too.
    """
    found: list[Clause] = []
    seen: set[int] = set()

    def visit(verb: Token, inherited: Token | None, auxiliaries: list[Token]) -> None:
        if verb.i in seen:
            return
        seen.add(verb.i)
        subject = next((c for c in verb.children if c.dep_ in _SUBJECTS), None) or _misread_subject(verb)
        clause = read_clause(verb, subject or inherited, inherited_aux=auxiliaries if subject is None else [])
        tail = clause.chain[-1] if clause.chain else verb
        seen.add(tail.i)
        reported = [c for v in (verb, tail) for c in v.children if c.dep_ == "ccomp"]
        speaks = verb.lemma_.lower() in REPORTING and reported and clause.object is None
        if clause.subject is not None and (subordinate or not speaks):
            found.append(clause)
        for child in reported:
            visit(child, None, [])
        for v in (verb, tail):
            for child in v.children:
                if child.dep_ == "conj" and child.pos_ in ("VERB", "AUX"):
                    visit(child, clause.subject, clause.auxiliaries)
                elif child.dep_ == "parataxis" or (child.dep_ == "ccomp" and child.i < verb.i):
                    visit(child, None, [])

    root = sentence.root
    if root.pos_ in ("VERB", "AUX") or any(c.dep_ in _SUBJECTS for c in root.children):
        visit(root, None, [])
    for verb in sentence if subordinate else ():
        if verb.dep_ == "relcl" and verb.i not in seen:
            seen.add(verb.i)
            found += _relative(verb)
        elif verb.dep_ == "advcl" and any(c.dep_ in _SUBJECTS for c in verb.children):
            visit(verb, None, [])
    return sorted(found, key=lambda c: c.verb.i)


def _misread_subject(verb: Token) -> Token | None:
    """A name before a finite main verb that was taken for an adverbial: `Tim neither smokes nor drinks`."""
    if verb.dep_ != "ROOT" or verb.tag_ not in ("VBD", "VBZ"):
        return None
    before = [c for c in verb.lefts if c.dep_ == "npadvmod" and c.tag_ == "NNP" and not is_time(c)]
    return before[-1] if before else None


def _relative(verb: Token) -> list[Clause]:
    """`Elena, who teaches physics`: the clause about its antecedent."""
    antecedent = verb.head
    subject = next((c for c in verb.children if c.dep_ in _SUBJECTS), None)
    if subject is not None and subject.tag_ in ("WP", "WDT"):
        clause = read_clause(verb, None, [])
        clause.subject = antecedent
        clause.subject_tokens = phrase_tokens(antecedent, detached(antecedent, "", places=False))
        return [clause]
    if subject is None:
        return []
    clause = read_clause(verb, subject, [])
    whose = next((c for c in verb.children if c.tag_ in ("WP", "WDT")), None)
    free = clause.object is None and not clause.where and any(c.tag_ == "WRB" for c in verb.children) is False
    if (whose is not None and whose.dep_ == "dobj") or (free and verb.pos_ == "VERB" and whose is None):
        clause.object, clause.object_tokens = antecedent, phrase_tokens(antecedent)
    return [clause]


def read_clause(verb: Token, subject: Token | None, inherited_aux: list[Token] | None = None) -> Clause:
    """The parts of the clause of `verb`, whose subject is `subject`; a conjoined verb may inherit auxiliaries."""
    clause = Clause(verb=verb, subject=subject, verb_base="be" if verb.lower_ in _BE_SHORT else verb.lemma_.lower())
    clause.auxiliaries = [
        c for c in verb.children if c.dep_ in ("aux", "auxpass") and c.i < verb.i and c.lower_ != "to"
    ]
    if not clause.auxiliaries and inherited_aux and verb.tag_ in ("VB", "VBG", "VBN"):
        clause.auxiliaries = [a for a in inherited_aux if a.dep_ != "auxpass"]
    _collect(clause, verb)
    clause.passive = clause.agent is not None or any(a.dep_ == "auxpass" for a in clause.auxiliaries)
    complement = next((c for c in verb.children if c.dep_ == "xcomp" and c.pos_ == "VERB" and c.i > verb.i), None)
    if complement is not None and clause.object is None:
        _chain(clause, verb, complement)
    if subject is not None:
        tokens = phrase_tokens(subject, detached(subject, "", places=False))
        clause.subject_tokens = [t for t in tokens if t.i < verb.i or subject.i > verb.i]
    _sort_phrases(clause)
    return clause


def _collect(clause: Clause, verb: Token) -> None:
    """Read the direct dependents of `verb` into `clause`."""
    base = clause.verb_base
    for child in verb.children:
        dep = child.dep_
        if dep == "neg":
            clause.negated = True
        elif dep == "prt":
            clause.particle = child.lower_
        elif dep == "dobj" and clause.object is None:
            if child.lower_ in lex.DATED_ADVERBS:
                clause.when.append([child])
            else:
                _set_object(clause, child)
        elif dep == "ccomp" and base == "make" and child.pos_ == "NOUN" and clause.object is None:
            _set_object(clause, child)  # "makes her home in Oslo": no clause in it
        elif (dep in ("attr", "acomp") or (dep == "oprd" and base == "be")) and not child.is_punct:
            clause.attribute = child
            moved = detached(child, base, places=False)
            clause.attribute_tokens = phrase_tokens(child, moved)
            _place(clause, moved)
        elif dep == "oprd":
            clause.label = child
        elif dep == "dative":
            inner = next((c for c in child.children if c.dep_ == "pobj"), child)
            moved = detached(inner, base, places=True)
            clause.others.append((child.lower_ if inner is not child else "to", phrase_tokens(inner, moved)))
            _place(clause, moved)
        elif dep == "agent":
            clause.agent = next((c for c in child.children if c.dep_ == "pobj"), None)
            if clause.agent is not None:
                _place(clause, detached(clause.agent, base, places=True))
        elif dep == "prep":
            _place(clause, [child])
        elif dep in ("npadvmod", "advmod", "nmod"):
            role = adverb_role(child)
            if role in ("when", "where"):
                moved = detached(child, base, places=role == "when")
                (clause.when if role == "when" else clause.where).append(phrase_tokens(child, moved))
                _place(clause, moved)


def _set_object(clause: Clause, head: Token) -> None:
    moved = detached(head, clause.verb_base, places=True)
    if (clause.verb_base, head.lower_) == ("take", "place"):
        clause.particle = head.lower_
        _place(clause, moved)
        return
    naming = [c for c in head.children if c.dep_ == "acl" and c.lower_ in ("named", "called")]
    for acl in naming:
        clause.label = next((c for c in acl.children if c.dep_ in ("oprd", "dobj", "attr")), clause.label)
    clause.object = head
    clause.object_tokens = phrase_tokens(head, [*moved, *naming])
    _place(clause, moved)


def _place(clause: Clause, heads: list[Token]) -> None:
    """File each prepositional phrase (or time adverb) under what it tells."""
    for head in heads:
        if head.dep_ != "prep":
            clause.when.append(phrase_tokens(head))
            continue
        role = preposition_role(head, clause.verb_base)
        inner = next((c for c in head.children if c.dep_ in ("pobj", "pcomp")), None)
        nested = detached(inner, clause.verb_base, places=role == "other") if inner is not None else []
        tokens = phrase_tokens(head, nested)
        if role == "when":
            clause.when.append(tokens)
        elif role == "where":
            clause.where.append(tokens)
        elif role == "object" and inner is not None and clause.object is None:
            clause.particle = f"{clause.particle} {head.lower_}".strip()
            clause.object, clause.object_tokens = inner, phrase_tokens(inner, nested)
        elif inner is not None and len(tokens) > 1:
            clause.others.append((head.lower_, tokens[1:]))
        _place(clause, nested)


def _chain(clause: Clause, verb: Token, complement: Token) -> None:
    """`want to visit Japan`: one verb group with the inner verb's object, where it has one."""
    if any(c.dep_ in _SUBJECTS for c in complement.children):
        return
    inner = Clause(verb=complement, verb_base=complement.lemma_.lower())
    _collect(inner, complement)
    words = [t for t in verb.doc[verb.i + 1 : complement.i + 1] if t.dep_ != "neg"]
    simple = all(t.i == complement.i or t.dep_ in ("aux", "advmod") for t in words)
    if simple and (inner.object is not None or inner.where or inner.when):
        clause.chain = words
        clause.object, clause.object_tokens = inner.object, inner.object_tokens
        clause.particle = inner.particle
    elif simple:
        clause.object, clause.object_tokens = complement, phrase_tokens(complement)
        return
    clause.where += inner.where
    clause.when += inner.when
    clause.others += inner.others


def _sort_phrases(clause: Clause) -> None:
    for group in (clause.where, clause.when):
        group[:] = [g for g in group if g]
        group.sort(key=lambda g: g[0].i)


def joined(groups: list[list[Token]]) -> str:
    """Several phrases of one kind as one: `on Tuesday` and `at 5 pm` give `on Tuesday at 5 pm`."""
    return " ".join(text_of(g) for g in groups)

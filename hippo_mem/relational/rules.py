"""Tuples without any model: sentences read left to right by closed word classes.

Worse than the parse, good enough to remember by: one subject, one verb, and what follows, cut at prepositions.
In: text. Out: `Tuple`s by the same `stating.Reader` as the parse's. Knows nothing of spaCy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.pronouns import Pronouns
from hippo_mem.relational.statements import Mood, Phrase, Placed, Statement
from hippo_mem.relational.stating import Reader
from hippo_mem.relational.tuples import USER, Kind, Tuple
from hippo_mem.relational.vocabulary import role_name

_LABELED = re.compile(r"^\s*([A-Za-z][\w' -]{1,40}?)\s*[:=]\s+(\S.{0,80}?)\s*\.?\s*$")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'A-Z\u201c])|\n+|(?<=\w);\s+")
_TOKEN = re.compile(r"\d[\d.,:/-]*\d|[\w\u00c0-\u024f]+(?:[-'\u2019][\w\u00c0-\u024f]+)*|[^\w\s]")
_BE = lex.word_set("is are was were am be been 's 'm 're")
_AUX = lex.word_set("has have had will would can could may might must should shall do does did")
_MODAL: dict[str, Mood] = {
    "will": "planned", "shall": "planned", "would": "possible", "could": "possible", "may": "possible",
    "might": "possible", "should": "possible", "must": "possible",
}  # fmt: skip
_NOT = lex.word_set("not never n't")
_PREPOSITIONS = lex.PLACE_PREPOSITIONS | lex.word_set("with for without about as of since until before after during")
_PREPOSITIONS -= lex.word_set("of down up off past")
_PARTICLES = lex.word_set("up down away off out back")
_DETERMINERS = lex.word_set("the a an my our his her their its your this that these those some any no every two three")
_ADVERBS = lex.word_set("also just still already really currently always often usually sometimes now actually then "
                        "recently finally probably even only once again either")  # fmt: skip
_CONTRACTIONS = (
    (re.compile(r"\b(can)'t\b", re.IGNORECASE), r"\1 not"), (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n['\u2019]t\b"), " not"), (re.compile(r"['\u2019](?=m\b)m\b"), " am"),
    (re.compile(r"['\u2019]re\b"), " are"), (re.compile(r"['\u2019]ve\b"), " have"),
    (re.compile(r"['\u2019]ll\b"), " will"),
    (re.compile(r"\b(he|she|it|that|there|this)['\u2019]s\b", re.IGNORECASE), r"\1 is"),
    (re.compile(r"\bno longer\b", re.IGNORECASE), "not"), (re.compile(r"\banymore\b", re.IGNORECASE), ""),
)  # fmt: skip
_PRESENTS = lex.word_set(
    "live lives work works like likes love loves hate hates own owns play plays speak speaks study studies teach "
    "teaches run runs keep keeps sell sells make makes prefer prefers belong belongs enjoy enjoys drive drives "
    "eat eats drink drinks go goes come comes "
    "stand stands need needs want wants cook cooks write writes collect collects know "
    "knows use uses wear wears carry carries contain contains open opens close closes leave leaves grow grows have has"
)
_NOT_PASTS = lex.word_set("red bed need seed old left-handed wed shed sled hundred")


class RuleExtractor:
    """Reads tuples without a parser."""

    def extract(self, text: str) -> list[Tuple]:
        """The tuples of one text, in reading order; `[]` where no rule applies."""
        reader = Reader(pronouns=Pronouns())
        found: list[Tuple] = []
        for sentence in _SENTENCE.split(text):
            said: list[Statement] = []
            for part in _parts(sentence):
                clause = _clause(part, sentence, said[-1].subjects if said else ())
                said += [clause] if clause is not None else []
            found += reader.read(said) if said else labeled(sentence)
        return list(dict.fromkeys(found))

    def extract_many(self, texts: Iterable[str]) -> list[list[Tuple]]:
        """`extract` of each text."""
        return [self.extract(t) for t in texts]


def labeled(text: str) -> list[Tuple]:
    """`wifi code: 1234-abc`: a heading and its value."""
    match = _LABELED.match(text)
    if match is None:
        return []
    subject, value = match.groups()
    subject = re.sub(r"^(my|our)\s+", f"{USER}'s ", subject, flags=re.IGNORECASE)
    subject = re.sub(r"^the\s+", "", subject, flags=re.IGNORECASE)
    if not subject.isupper():
        subject = subject[0].lower() + subject[1:]
    return [Tuple(head=subject, relation="is", tail=value, tail_kind="value", span=text.strip(), pattern="label")]


def _parts(sentence: str) -> list[str]:
    """A sentence's clauses: cut where a conjunction is followed by a subject and a verb, or by a verb alone."""
    text = sentence.strip()
    if not text or text.endswith("?") or re.match(r"(if|unless|when|while)\b", text, re.IGNORECASE):
        return []
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    text = re.sub(r"^(?:Remember|Note|I think|I know|I believe) (?:that )?", "", text)
    parts = re.split(r",?\s+(?:and|but|so|because) (?=(?:I|he|she|it|we|they|then)\b)", text.rstrip(".! "))
    return [q for p in parts for q in _verb_phrases(p)]


def _verb_phrases(text: str) -> list[str]:
    """Cut where "and" is followed by a past form: `dropped the keys and ran to the station`."""
    found = [""]
    for piece in re.split(r"(,?\s+and\s+)(?=[a-z]+\b)", text):
        first = piece.split(" ")[0]
        if found[-1].endswith(" and ") and verbs.is_past(first) and first not in _NOT_PASTS:
            found[-1] = found[-1][: -len(" and ")]
            found.append(piece)
        elif piece.strip(" ,") == "and":
            found[-1] += " and "
        else:
            found[-1] += piece
    return found


def _clause(text: str, sentence: str, before: tuple[Phrase, ...]) -> Statement | None:
    """One clause; one without a subject has that of the clause `before`."""
    ended = bool(re.search(r"\bused to\b", text))
    text = re.sub(r"\bused to\s+", "did ", text)
    exists = re.match(
        r"^There (?:is|are|was|were)\s+(.+?)\s+((?:in|on|at|under|behind|near|next to|inside|above) .+)$", text
    )
    if exists:
        return _existence(exists[1], exists[2], sentence)
    words = _TOKEN.findall(text)
    opener: list[str] = []
    if words and words[0].lower() in _PREPOSITIONS | {"last", "yesterday", "today", "next"} and "," in words:
        opener, words = words[: words.index(",")], words[words.index(",") + 1 :]
    words = [w for w in words if w not in ('"', "\u201c", "\u201d")]
    while words and words[0].lower() in ("then", "also", "actually", "yesterday", "today"):
        opener, words = (words[:1], words[1:]) if words[0].lower() in ("yesterday", "today") else (opener, words[1:])
    at = _verb_at(words)
    inherited = before if words and verbs.is_past(words[0].lower()) else ()
    at = 0 if inherited else at
    if at < 0 or at > 10 or (at == 0 and not inherited):
        return None
    subject = re.sub(r"\s+([,'])", r"\1", " ".join(words[:at])).strip(" ,")
    subjects = inherited or _subject(subject)
    if not subjects or subject.lower() in ("nobody", "it", "you", "there", "who"):
        return None
    negated = False
    mood: Mood = "told"
    passive = False
    surface = words[at].lower()
    k = at
    auxiliary = ""
    while k < len(words) and (words[k].lower() in _NOT | _AUX | _BE | _ADVERBS):
        low = words[k].lower()
        if low in _NOT:
            negated = True
        elif low in _MODAL:
            mood = _MODAL[low]
        elif low in _ADVERBS:
            pass
        else:
            auxiliary = low
        k += 1
    rest = words[k:]
    if rest and auxiliary in _AUX | _BE | {""} and _is_verb(rest[0], auxiliary):
        surface, rest = rest[0].lower(), rest[1:]
        passive = auxiliary in _BE and not surface.endswith("ing")
    elif auxiliary in _BE:
        surface = "is"
    elif auxiliary in ("has", "have", "had", "did", "do", "does"):
        surface = "have"
    elif rest:
        surface, rest = rest[0].lower(), rest[1:]
    base = "be" if surface in _BE else _base(surface)
    present = surface in _PRESENTS and surface != "have"
    return _statement(subjects, base, surface, rest, opener, negated=negated, ended=ended,
                      mood="habit" if present and mood == "told" else mood, passive=passive,
                      span=sentence.strip().rstrip("."))  # fmt: skip


def _subject(text: str) -> tuple[Phrase, ...]:
    """`Eva, the mayor of Lund`: a name, and what the apposition says of it."""
    apposed = re.match(r"^([^,]+), ((?:the|a|an|my|our|his|her|their) [^,]+)$", text)
    if apposed:
        return (replace(_phrase(apposed[1]), described=apposed[2]),)
    named = re.match(r"^((?:my|our|the|his|her|their) [a-z -]+), ((?:[A-Z][\w.'-]*\s?)+)$", text, re.IGNORECASE)
    if named and named[2][:1].isupper():
        return (replace(_phrase(named[1]), label=named[2].strip(), kind="person"),)
    return _phrases(text)


def _existence(thing: str, where: str, sentence: str) -> Statement:
    preposition = next((c for c in lex.COMPOUND_PREPOSITIONS if where.startswith(c + " ")), where.split(" ")[0])
    placed = Placed(preposition=preposition, phrases=_phrases(where[len(preposition) + 1 :]), text=where)
    return Statement(subjects=_phrases(thing), verb="be", places=(placed,), existence=True,
                     span=sentence.strip().rstrip("."))  # fmt: skip


def _statement(subjects: tuple[Phrase, ...], base: str, surface: str, rest: list[str], opener: list[str], *,
               negated: bool, ended: bool, mood: Mood, passive: bool, span: str) -> Statement | None:  # fmt: skip
    particle = ""
    if rest and rest[0].lower() in _PARTICLES:
        particle, rest = rest[0].lower(), rest[1:]
    chunks = _chunks(rest)
    head = chunks[0][1] if chunks and not chunks[0][0] else ""
    complements: list[Placed] = []
    places: list[Placed] = []
    agents: tuple[Phrase, ...] = ()
    times = (
        [" ".join(opener)]
        if opener and (opener[0].lower() in ("yesterday", "today", "last", "next") or _is_when(opener))
        else []
    )
    for preposition, phrase in chunks[1 if head or (chunks and not chunks[0][0]) else 0 :]:
        words = phrase.split(" ")
        if preposition == "by" and passive:
            agents = _phrases(phrase)
        elif _is_when([preposition, *words]) or (not preposition and words and lex.is_time_word(words[-1].lower())):
            times.append(f"{preposition} {phrase}".strip())
        elif preposition in lex.PLACE_PREPOSITIONS and not (
            preposition in lex.GOVERNED.get(base, ()) or (preposition in ("to", "from") and base in lex.DATIVE_VERBS)
        ):
            if places and preposition in ("in", "of", "on"):  # "at the hospital in Leeds": of the place, not the event
                continue
            places.append(Placed(preposition=preposition, phrases=_phrases(phrase), text=f"{preposition} {phrase}",
                                 alternatives=" or " in phrase))  # fmt: skip
        elif phrase:
            complements.append(Placed(preposition=preposition, phrases=_phrases(phrase), text=phrase))
    if head.lower() in ("there", "home"):
        places.append(Placed(preposition=head.lower(), phrases=(), text=head.lower()))
        head = ""
    head = re.sub(r"\s+there$", "", head)
    if head and head.split(" ")[0].lower() in ("no", "any"):
        negated = negated or head.lower().startswith("no ")
        head = head.partition(" ")[2]
    attributes: tuple[Phrase, ...] = ()
    qualities: tuple[str, ...] = ()
    if base in ("be", "become") and head:
        first = head.split(" ")[0]
        nominal = first.lower() in _DETERMINERS or first[:1].isupper() or re.match(r"^\S+['\u2019]s ", head)
        if nominal and not (lex.is_number(first.lower()) and "old" in head):
            attributes = _phrases(head)
        else:
            qualities = tuple(p for p in re.split(r"\s+and\s+", head) if p)
        head = ""
    if passive and base in ("call", "name") and head:
        attributes, head = (Phrase(text=head, kind="thing", named=True),), ""
    return Statement(
        subjects=subjects, verb=base, verb_text=surface, participle=surface, particle=particle,
        objects=_objects(head), agents=agents, complements=tuple(complements), places=tuple(places),
        times=tuple(times), qualities=qualities, attributes=attributes, negated=negated, ended=ended, mood=mood,
        passive=passive, span=span,
    )  # fmt: skip


def _objects(head: str) -> tuple[Phrase, ...]:
    called = re.match(r"^(.+?)\s+(?:named|called)\s+(\S.*)$", head)
    if called:
        return (replace(_phrase(called[1]), label=called[2]),)
    return _phrases(head) if head else ()


def _verb_at(words: list[str]) -> int:
    """Where the finite verb stands: the first auxiliary, known present or past form after the first word."""
    for i, word in enumerate(words):
        low = word.lower()
        if i == 0 or (word[:1].isupper() and low not in _BE):
            continue
        if low in _BE | _AUX | _PRESENTS:
            if words[i - 1].lower() in _DETERMINERS:
                continue
            return i
        if verbs.is_past(low) and low not in _NOT_PASTS and words[i - 1].lower() not in _DETERMINERS:
            return i
        if low in _PREPOSITIONS and low not in ("of", "in", "at", "on", "from"):
            return -1
    return -1


def _is_verb(word: str, auxiliary: str) -> bool:
    low = word.lower()
    if auxiliary in _BE:
        participles = {p for _, p in verbs.IRREGULAR.values()}
        return low in participles or (low.endswith(("ed", "ing")) and len(low) > 4 and low not in _NOT_PASTS)
    if auxiliary in ("has", "have", "had"):
        return verbs.is_past(low) or low in {p for _, p in verbs.IRREGULAR.values()}
    return auxiliary != "" and low not in _DETERMINERS and not word[:1].isupper()


def _base(surface: str) -> str:
    known = verbs.base_of(surface, "")
    if known:
        return known
    if surface in ("has", "had"):
        return "have"
    stems = [surface]
    if surface.endswith("ied"):
        stems = [surface[:-3] + "y"]
    elif surface.endswith("ed"):
        stems = [surface[:-2], surface[:-1], surface[:-3]]
        return verbs.choose_base(surface, [s for s in stems if s and (s.endswith("e") or _closed(s))])
    elif surface.endswith("ies"):
        stems = [surface[:-3] + "y"]
    elif surface.endswith("ing"):
        stems = [surface[:-3]]
    elif surface.endswith(("shes", "ches", "xes", "oes")):
        stems = [surface[:-2]]
    elif surface.endswith("s") and not surface.endswith("ss"):
        stems = [surface[:-1]]
    return stems[0]


def _closed(stem: str) -> bool:
    """Whether a stem is spelled as a base that takes -ed: `stor` is not, `visit` and `discard` are."""
    return not re.search(r"(?:[^aeiou][aiou](?:r|v|z|s|c|k|d|m)|v|c|u|[^s]s|[^n]g)$", stem) or stem.endswith(
        ("ow", "ay")
    )


def _chunks(words: list[str]) -> list[tuple[str, str]]:
    """The words after the verb, cut before each preposition and time adverb; the first may have none."""
    found: list[tuple[str, list[str]]] = [("", [])]
    i = 0
    while i < len(words):
        low = words[i].lower()
        compound = next((c for c in lex.COMPOUND_PREPOSITIONS if " ".join(words[i:]).lower().startswith(c + " ")), "")
        if compound:
            found.append((compound, []))
            i += len(compound.split(" "))
            continue
        if low in _PREPOSITIONS and i + 1 < len(words):
            found.append((low, []))
        elif low in lex.DATED_ADVERBS or (low in ("last", "next", "every") and i + 1 < len(words)
                                          and lex.is_time_word(words[i + 1].lower())):  # fmt: skip
            found.append(("", [words[i]]))
        elif low in ("who", "which", "that", "where", "when") and found[-1][1]:
            break
        elif low not in ("either",):
            found[-1][1].append(words[i])
        i += 1
    cleaned = [(p, re.sub(r"\s+([,;:'])", r"\1", " ".join(w)).strip(" ,;:-")) for p, w in found]
    return [(p, t) for k, (p, t) in enumerate(cleaned) if t or k == 0]


def _is_when(words: list[str]) -> bool:
    head = words[-1].lower()
    return words[0].lower() in lex.TIME_PREPOSITIONS | lex.ALWAYS_TIME and (
        lex.is_time_word(head) or bool(lex.CLOCK.match(head) and words[0] == "at")
    )


def _phrases(text: str) -> tuple[Phrase, ...]:
    parts = [p.strip(" ,") for p in re.split(r"\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or|nor)\s+", text)]
    return tuple(_phrase(re.sub(r"^(both|either|neither)\s+", "", p)) for p in parts if p)


def _phrase(text: str) -> Phrase:
    words = text.split(" ")
    low = text.lower()
    named = words[-1][:1].isupper() and low != "i"
    kind: Kind = "thing"
    if low in ("i", "we", "me", "us"):
        kind = "user"
    elif low in ("he", "she", "him", "her") or role_name(words[-1]) or (named and words[0][:1].isupper()):
        kind = "person"
    elif lex.is_time_word(words[-1].lower()):
        kind = "time"
    elif words[-1].isdigit():
        kind = "number"
    plural = low.endswith("s") and not low.endswith(("ss", "us", "is")) and not named
    return Phrase(text=text, kind=kind, plural=plural, named=named)

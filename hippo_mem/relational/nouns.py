"""From a noun phrase as written to the thing it names, and what the phrase itself states about it.

"my sister Ana" names Ana and states that she is the user's sister; "Tom's car" names itself and states its owner.
In: a `Phrase` and what the pronouns stand for. Out: `Named`. Knows nothing of verbs or of parsers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.statements import Phrase
from hippo_mem.relational.tuples import USER, Kind, Tuple
from hippo_mem.relational.vocabulary import ATTRIBUTES, role_name

_ARTICLE = re.compile(
    r"^(?:a|an|the|this|that|these|those|some|any|another|no|either|neither|both|all of the)\s+(?=\S)", re.IGNORECASE
)
_FIRST = lex.word_set("i me we us myself ourselves")
_POSSESSIVES = {"my": USER, "our": USER, "mine": USER, "ours": USER}
_THIRD = lex.word_set("he him she her it they them his hers theirs himself herself itself themselves")
_THEIRS = lex.word_set("his her its their")
_OWNED = re.compile(r"^(.+)(?:['\u2019]s|(?<=s)['\u2019])\s+(\S.*)$")
_PREPOSITION = re.compile(
    rf"\s(?:{'|'.join(sorted(lex.PLACE_PREPOSITIONS | {'of', 'with', 'for', 'about', 'called', 'named'}))})\s"
)
# "the driver's seat", "the children's hospital": what a thing is for, not whose it is.
_FOR = re.compile(
    "children|women|men|driver|beginner|master|bachelor|new year|today|tomorrow|yesterday|tonight", re.IGNORECASE
)
_OF = re.compile(r"^(?:the\s+)?((?:[\w-]+\s+){0,2}?[\w-]+)\s+of\s+(\S.*)$", re.IGNORECASE)
_NAMED = re.compile(r"^((?:[a-z][\w-]*\s+)*?[a-z][\w-]*)\s+((?:[A-Z][\w.'\u2019-]*)(?:\s+[A-Z][\w.'\u2019-]*){0,3})$")
# Common nouns that a name may follow directly, besides roles ("our dog Rex").
_NAMEABLE = lex.PETS | lex.word_set(
    "horse boat ship yacht band company startup firm car truck bike robot app project team school cafe restaurant "
    "shop store son daughter friend character song novel book film movie town village city river lake island"
)
_SINGULARS = {"children": "child", "kids": "child", "people": "person", "wives": "wife"}
_NUMBERS = lex.word_set("two three four five six seven eight nine ten several many both")
_PROPERTY_OF = ATTRIBUTES | {"name"}
Resolve = Callable[[str, bool, bool], tuple[str, ...]]  # (pronoun, subject, possessive) -> names


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A thing by its canonical name, what kind it is, and what its phrase states.

    `owner` and `noun` are set for a possessed thing ("user", "locker code"): what `X's noun` is made of.
    """

    name: str
    kind: Kind
    states: tuple[Tuple, ...] = ()
    owner: str = ""
    noun: str = ""
    proper: bool = False
    plural: bool = False
    indefinite: bool = False
    members: tuple[str, ...] = ()
    role: str = ""


def bare(text: str) -> str:
    """`text` without its leading article or infinitive's "to": "the old mill" gives "old mill"."""
    cut = re.sub(r"^to\s+(?=\S)", "", _ARTICLE.sub("", text.strip(), count=1))
    return cut.strip(" ,;:")


def head_noun(text: str) -> str:
    """The noun a phrase is about, lower case: "best friend from college" gives "friend"."""
    cut = _PREPOSITION.split(f" {text} ")[0].split()
    return cut[-1].lower() if cut else ""


def property_of(noun: str) -> str:
    """The relation of a property noun ("phone number", "favorite food"); empty where `noun` is not one."""
    words = noun.lower().replace("favourite", "favorite").replace("colour", "color").split()
    if len(words) > 1 and words[0] in ("new", "current", "latest", "updated", "present"):
        words = words[1:]  # a property has one value: the new one is it
    if not words:
        return ""
    if words[0] in ("favorite", "preferred") and len(words) > 1:
        return "favorite_" + "_".join(words[1:])
    joined = "_".join(words)
    if joined in _PROPERTY_OF or joined in ("phone_number", "email_address", "license_plate", "shoe_size",
                                            "mother_tongue", "native_language", "middle_name", "first_name",
                                            "last_name", "date_of_birth", "place_of_birth", "blood_type",
                                            "phone_no", "street_address", "maiden_name", "zip_code"):  # fmt: skip
        return joined
    return ""


def read_noun(phrase: Phrase, resolve: Resolve, speaker: str, *, subject: bool = False) -> tuple[Named, ...]:
    """What `phrase` names; more than one thing where a pronoun stands for several, `()` where it names nothing."""
    text = phrase.text.strip().strip("\"'\u201c\u201d").strip(" ,;:.")
    low = text.lower()
    if not text:
        return ()
    if low in _FIRST:
        return (_plain(speaker, "user" if speaker == USER else "person"),)
    if low in _THIRD:
        names = resolve(low, subject, False)
        several = low in ("they", "them") and bool(names)
        human = low in ("he", "him", "she", "her") or (several and _is_human(names[0]))
        kind: Kind = "person" if human else "thing" if several else phrase.kind
        return tuple(_plain(n, kind) for n in names) or (() if low == "it" else (_plain(low, kind),))
    if low in ("one", "ones", "yours") or low.startswith("your "):
        return ()
    if low in lex.PRONOUNS and low not in ("someone", "something"):
        return ()
    return tuple(_whole(phrase, text, owner, rest, resolve, speaker) for owner, rest in _owners(text, resolve, speaker))


def _is_human(name: str) -> bool:
    last = name.split(" ")[-1]
    return name[:1].isupper() or last in lex.PLURAL_KIN or bool(role_name(last.removesuffix("s")))


def _plain(name: str, kind: Kind) -> Named:
    return Named(name=name, kind=kind, proper=name[:1].isupper())


def _owners(text: str, resolve: Resolve, speaker: str) -> list[tuple[Named | None, str]]:
    """`my car` gives the user and "car"; a phrase without possessor gives none and itself."""
    owned = _OWNED.match(text)
    if owned and not _FOR.fullmatch(bare(owned[1])) and not _PREPOSITION.search(owned[1]):
        whose = read_noun(Phrase(text=owned[1], kind="person"), resolve, speaker)
        if whose:
            return [(w, owned[2]) for w in whose]
    first, _, rest = text.partition(" ")
    if rest and first.lower() in _POSSESSIVES:
        return [(_plain(speaker, "user" if speaker == USER else "person"), rest)]
    if rest and first.lower() in _THEIRS:
        names = resolve(first.lower(), False, True)
        return [(_plain(n, "person" if first.lower() != "its" else "thing"), rest) for n in names] or [(None, text)]
    of = _OF.match(text)
    if of and not _PREPOSITION.search(f" {of[1]} "):
        noun = bare(of[1])
        last = noun.split(" ")[-1].lower()
        if (role_name(last) and last not in lex.PLURAL_KIN) or property_of(noun):
            whole = read_noun(Phrase(text=of[2]), resolve, speaker)
            if whole:
                return [(whole[0], noun)]
    return [(None, text)]


def _whole(phrase: Phrase, text: str, owner: Named | None, rest: str, resolve: Resolve, speaker: str) -> Named:
    label = phrase.label
    common = rest
    named = _NAMED.match(rest)
    if named and not label:
        noun = named[1].split(" ")[-1].lower()
        if (role_name(noun) or noun in _NAMEABLE) and not _PREPOSITION.search(f" {named[1]} ") and (
            owner is not None or text.lower().startswith("the ") or noun in _NAMEABLE
        ):  # fmt: skip
            common, label = named[1], named[2]
    states: list[Tuple] = list(owner.states) if owner is not None else []
    common = bare(_with_possessors(common, resolve, speaker)).replace("favourite", "favorite")
    noun = head_noun(common)
    role = role_name(_singular(noun))
    possessed = f"{owner.name}'s " if owner is not None else ""
    whole = possessed + (_with_role(common, noun, role) if role and owner is not None else common)
    kind = phrase.kind
    if role and kind in ("thing", "value"):
        kind = "person"
    article = text.split(" ")[0].lower()
    indefinite = article in ("a", "an", "another") or noun == "one"
    name = bare(label) if label and not (indefinite and phrase.label) else whole
    if label and name == whole:  # "a cat named Milo": what it is called is news, what it is comes first
        states.append(_state(whole, "name", bare(label), kind, kind, text, "label"))
    elif label:
        states.append(_state(whole, "name", name, kind, kind, text, "label" if phrase.label else "appositive"))
    if owner is not None and role:
        states.append(_state(name, f"{role}_of", owner.name, "person", owner.kind, text, "possessive"))
    elif owner is not None and not property_of(common) and noun not in _PROPERTY_OF:
        target = whole
        states.append(_state(target, "owner", owner.name, kind, owner.kind, text, "possessive"))
    if phrase.described:
        states += _described(name, kind, phrase, resolve, speaker)
    if owner is not None and role:
        states += [_state(m, f"{role}_of", owner.name, "person", owner.kind, text, "appositive")
                   for m in phrase.members]  # fmt: skip
    return Named(name=name, kind=kind, states=tuple(states), owner=owner.name if owner else "", noun=common,
                 proper=phrase.named or bool(label), plural=phrase.plural,
                 indefinite=indefinite, members=phrase.members if role else (), role=role)  # fmt: skip


def _with_possessors(text: str, resolve: Resolve, speaker: str) -> str:
    """Possessives inside a phrase: "top drawer of my desk" gives "top drawer of user's desk"."""

    def whose(match: re.Match[str]) -> str:
        word = match[1].lower()
        names = (speaker,) if word in _POSSESSIVES else resolve(word, False, True)
        return f"{names[0]}'s " if names else match[0]

    return re.sub(r"(?<=\s)(my|our|his|her|their)\s", whose, text)


def _with_role(common: str, noun: str, role: str) -> str:
    """The common part with the role's one name: "new landlady" gives "new landlord"; a plural stays as written."""
    if _singular(noun) != noun or noun in lex.PLURAL_KIN:
        return common
    return re.sub(rf"\b{re.escape(noun)}\b", role, common, count=1, flags=re.IGNORECASE)


def _singular(noun: str) -> str:
    if noun in _SINGULARS:
        return _SINGULARS[noun]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "boss")) and role_name(noun[:-1]):
        return noun[:-1]
    return noun


def _described(name: str, kind: Kind, phrase: Phrase, resolve: Resolve, speaker: str) -> list[Tuple]:
    """`Eva, the mayor of Lund` and `Margaret, a widow`: what the apposition says."""
    said = read_noun(Phrase(text=phrase.described), resolve, speaker)
    return list(identity(name, kind, said[0], phrase.described, pattern="appositive")) if said else []


def identity(name: str, kind: Kind, said: Named, span: str, *, pattern: str = "copular") -> tuple[Tuple, ...]:
    """What `name is said` states where `said` is a description: a role of somebody, a property, a class."""
    role = role_name(_singular(head_noun(said.noun))) if said.noun else ""
    if said.owner and role:
        also = tuple(s for s in said.states if s.head != said.name)
        person: Kind = "user" if name == USER else "person"
        states = [*also, _state(name, f"{role}_of", said.owner, person, _kind_of(said.owner), span, pattern)]
        if name[:1].isupper():
            states.append(_state(said.name, "name", name, "person", "person", span, pattern))
        return tuple(states)
    if said.owner and property_of(said.noun):
        return (_state(said.owner, property_of(said.noun), name, _kind_of(said.owner), kind, span, pattern),)
    relation = "is_a" if said.indefinite else "is"
    return (*said.states, _state(name, relation, said.name, kind, said.kind, span, pattern))


def _kind_of(name: str) -> Kind:
    return "user" if name == USER else "person" if name[:1].isupper() else "thing"


def _state(head: str, relation: str, tail: str, head_kind: Kind, tail_kind: Kind, span: str, pattern: str) -> Tuple:
    made = Tuple(head=head, relation=relation, tail=tail, head_kind="user" if head == USER else head_kind,
                 tail_kind="user" if tail == USER else tail_kind, span=span)  # fmt: skip
    return replace(made, pattern=pattern)  # type: ignore[arg-type]

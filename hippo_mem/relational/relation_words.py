"""Which relations a verb, a predicate or a noun of relation may have been told in, and in which direction.

In: a word of a question ("employs", "married to", "landlady"). Out: `Steps`, tiers of (relation, turned): from the one
who is spoken of, along the relation, or against it where `turned`. A later tier counts only where the earlier ones
find nothing. Synonyms, inverses and the forms that verbs and nouns share ("paints", "painter") are here; knows nothing
of sentences, entities or stores.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.nouns import property_of
from hippo_mem.relational.vocabulary import INVERSE, canonical, role_name

Step = tuple[str, bool]
Steps = tuple[tuple[Step, ...], ...]

# Each line is one meaning: all of it says the same of the same two; "-" turns head and tail around. After "|" stands
# what only suggests it.
_MEANINGS = (
    "works_at employer -employ -employer_of employed_at employed_by work_at work_for employee_of -employee workplace "
    "staff_of | -hire studies_at",
    "lives_in residence home -home_to resident_in resident_of | live_at address has_a_home_in hometown",
    "owner -owns -owner_of -own belong_to | -has -possess",
    "has -held_by carry hold | owns -owner",
    "spouse wife_of husband_of -wife_of -husband_of spouse_of -spouse_of married_to -married_to -spouse marry | "
    "partner_of -partner_of partner",
    "engaged_to -engaged_to fiance_of -fiance_of fiance -fiance",
    "located_at located_in lies_in based_in based_at headquartered_in situated_in housed_in |",
    "studies_at study_at attend student_at enrolled_in enrolled_at student_of | works_at",
    "works_as job profession occupation work_as | is_a is",
    "born_in birthplace place_of_birth |",
    "from come_from hometown grow_up_in native_of | born_in",
    "plays play |", "speaks speak |", "studies study |", "drives drive |", "likes like love enjoy prefer |",
    "name nickname also_known_as known_as |",
    "boss_of -boss manage supervise |",
    "write author_of writer_of -author -writer |",
)  # fmt: skip
# A noun's holders may be known by the mirrored noun; with the gender that the noun asks for.
_MIRRORED: dict[str, tuple[str, ...]] = {
    "sibling": ("sister", "brother", "twin", "sibling"), "parent": ("child", "son", "daughter", "kid"),
    "child": ("parent", "mother", "father"), "spouse": ("spouse", "husband", "wife"),
    "grandparent": ("grandchild", "grandson", "granddaughter"),
    "grandchild": ("grandparent", "grandmother", "grandfather"), "uncle": ("niece", "nephew"),
    "nephew": ("uncle", "aunt"), "teacher": ("student", "pupil"), "student": ("teacher", "tutor"),
    "doctor": ("patient",), "patient": ("doctor",), "landlord": ("tenant",), "tenant": ("landlord", "landlady"),
    "mentor": ("mentee",), "mentee": ("mentor",), "employee": ("boss", "employer", "supervisor"),
    **{n: (n,) for n in ("friend", "neighbor", "colleague", "cousin", "roommate", "partner", "twin", "classmate",
                         "teammate", "rival", "fiance")},
}  # fmt: skip
_CLASS: dict[str, tuple[str, str]] = {  # noun -> its class and the gender it asks for
    "brother": ("sibling", "he"), "sister": ("sibling", "she"), "father": ("parent", "he"), "mother": ("parent", "she"),
    "son": ("child", "he"), "daughter": ("child", "she"), "husband": ("spouse", "he"), "wife": ("spouse", "she"),
    "grandfather": ("grandparent", "he"), "grandmother": ("grandparent", "she"), "grandson": ("grandchild", "he"),
    "granddaughter": ("grandchild", "she"), "aunt": ("uncle", "she"), "niece": ("nephew", "she"),
    "uncle": ("uncle", "he"), "nephew": ("nephew", "he"), "pupil": ("student", ""), "tutor": ("teacher", ""),
}  # fmt: skip
_SPECIAL: dict[str, tuple[str, ...]] = {  # a general noun -> those that say more
    "sibling": ("sister", "brother", "twin"), "parent": ("mother", "father"), "child": ("son", "daughter", "kid"),
    "grandparent": ("grandmother", "grandfather"), "grandchild": ("grandson", "granddaughter"),
    "spouse": ("husband", "wife"),
}  # fmt: skip
# What somebody is to another by way of a third: followed only where nobody said it outright.
COMPOSED: dict[str, tuple[tuple[str, str], ...]] = {
    "sibling": (("parent", "child"),), "grandparent": (("parent", "parent"),), "grandchild": (("child", "child"),),
    "uncle": (("parent", "sibling"),), "nephew": (("sibling", "child"),), "colleague": (("employer", "employee"),),
    "mother-in-law": (("spouse", "mother"),), "father-in-law": (("spouse", "father"),),
    "brother-in-law": (("spouse", "brother"),), "sister-in-law": (("spouse", "sister"),),
    "classmate": (("school", "student"),), "parent": (("sibling", "parent"),),
}  # fmt: skip
_NOUN_RELATIONS: dict[str, str] = {  # nouns that name the other end of a relation
    **dict.fromkeys(("home", "residence", "dwelling", "domicile", "abode"), "lives_in"),
    **dict.fromkeys(("workplace", "employer", "work"), "works_at"),
    **dict.fromkeys(("employee", "worker", "staff"), "-works_at"),
    **dict.fromkeys(("job", "profession", "occupation", "trade", "vocation", "line of work"), "works_as"),
    **dict.fromkeys(("birthplace", "place of birth"), "born_in"),
    **dict.fromkeys(("hometown", "home town"), "from"),
    **dict.fromkeys(("location", "headquarters", "seat", "whereabouts", "address"), "located_at"),
    "owner": "owner", "possession": "owns", "author": "-write", "writer": "-write", "maker": "-make",
    "resident": "-lives_in", "inhabitant": "-lives_in", "student": "-studies_at", "pupil": "-studies_at",
    "school": "studies_at", "college": "studies_at", "university": "studies_at", "native": "-from",
    "company": "works_at", "firm": "works_at", "tenant": "-rent", "leader": "-lead",
}  # fmt: skip
# "has a job at", "makes her home in": verb and noun together are one relation.
_LIGHT_VERBS = lex.word_set("have get take find hold start accept land make keep secure")
_LIGHT: tuple[tuple[frozenset[str], str, frozenset[str]], ...] = (
    (lex.word_set("job post position employment work internship"), "works_at", lex.word_set("at with in for")),
    (lex.word_set("home residence"), "lives_in", lex.word_set("in at on near")),
    (lex.word_set("flat apartment house room cottage lodgings"), "has_a_home_in", lex.word_set("in at on near")),
    (lex.word_set("headquarters office offices seat base premises"), "located_at", lex.word_set("in at on near")),
    (lex.word_set("job position post work"), "works_as", lex.word_set("as")),
    (lex.word_set("place"), "studies_at", lex.word_set("at")),
)
# Predicates that are neither verbs nor roles: words after "be" and the relation from the subject on.
PREDICATES: dict[tuple[str, ...], str] = {
    ("home", "to"): "-lives_in", ("on", "the", "staff", "of"): "works_at", ("on", "the", "payroll", "of"): "works_at",
    ("in", "charge", "of"): "boss_of", ("at", "home", "in"): "lives_in", ("a", "native", "of"): "from",
    ("in", "possession", "of"): "has", ("the", "property", "of"): "owner", ("in", "the", "possession", "of"): "-has",
    ("in", "the", "employ", "of"): "works_at", ("a", "resident", "of"): "lives_in",
}  # fmt: skip
PLACE_PREPOSITIONS = ("in", "at", "on", "near", "under", "to", "by", "next to", "behind", "with", "for")


def _meanings() -> dict[str, tuple[tuple[Step, ...], tuple[Step, ...]]]:
    """For each relation, the others that say the same, and those that suggest it."""
    found: dict[str, tuple[dict[Step, None], dict[Step, None]]] = {}
    for line in _MEANINGS:
        sure, _, weak = line.partition("|")
        strong, loose = _parsed(sure), _parsed(weak)
        # Every relation of the first part may be asked for; the first is what the meaning is called by.
        for name, turned in strong:
            entry = found.setdefault(name, ({}, {}))
            for other, flipped in strong:
                entry[0][other, flipped != turned] = None
            for other, flipped in loose:
                entry[1][other, flipped != turned] = None
    return {name: (tuple(a), tuple(s for s in b if s not in a)) for name, (a, b) in found.items()}


def _parsed(text: str) -> list[Step]:
    return [(w.strip("-"), w.startswith("-")) for w in text.split() if w.strip("-")]


_SAME = _meanings()


def turned(steps: Steps) -> Steps:
    """The same the other way round."""
    return tuple(tuple((r, not t) for r, t in tier) for tier in steps)


def expanded(first: Iterable[Step]) -> Steps:
    """These steps and whatever says the same, then what suggests it."""
    sure: dict[Step, None] = {}
    weak: dict[Step, None] = {}
    for relation, flipped in first:
        sure[relation, flipped] = None
        if relation in INVERSE:
            sure[INVERSE[relation], not flipped] = None
        same, loose = _SAME.get(relation, ((), ()))
        for other, o in same:
            sure[other, o != flipped] = None
        for other, o in loose:
            weak[other, o != flipped] = None
    later = tuple(s for s in weak if s not in sure)
    return (tuple(sure), later) if later else (tuple(sure),)


@lru_cache(maxsize=4096)
def of_verb(base: str, preposition: str = "", *, passive: bool = False) -> Steps:
    """From the subject of a verb to its object, or to what its preposition governs.

    `of_verb("work", "at")` leads from Ana to the clinic; `of_verb("teach", "by", passive=True)` to who teaches her.
    """
    if passive and preposition == "by":
        known = canonical(base, "by")
        own = [] if known == f"{base}_by" else [(known, False)]
        active = of_verb(base)
        return ((*expanded(own)[0], *turned(active)[0]), *turned(active)[1:])
    first: list[Step] = [(canonical(base, preposition), False)]
    if preposition:
        first += [(f"{base}_{preposition}".replace(" ", "_"), False)]
        if passive:
            first += [(f"{verbs.participle(base)}_{preposition}".replace(" ", "_"), False)]
    else:
        first += [(base.replace(" ", "_"), False)]
        for noun in agents_of(base):
            first += [(f"{noun}_of", False), (noun, True)]
    return expanded(dict.fromkeys(first))


@lru_cache(maxsize=4096)
def of_predicate(word: str, preposition: str) -> Steps:
    """From the subject of "is <word> <preposition>" on: "allergic to", "proud of"."""
    return expanded([(f"{word}_{preposition}".replace(" ", "_"), False)])


def light(base: str, noun: str, preposition: str) -> Steps | None:
    """From the subject of "has a job at", "makes her home in" on; None for any other verb and noun.

    An empty preposition is that of a gap ("where does she have her job").
    """
    if base in _LIGHT_VERBS:
        for nouns, relation, prepositions in _LIGHT:
            if noun in nouns and (preposition in prepositions or not preposition):
                return expanded([(relation, False)])
    return None


def light_relation(base: str, noun: str, preposition: str) -> str:
    """The relation that a telling of the same form states; empty where it is none."""
    steps = light(base, noun, preposition) if preposition else None
    return steps[0][0][0] if steps is not None else ""


@lru_cache(maxsize=4096)
def of_noun(noun: str) -> Steps:
    """From somebody or something to what is its `noun`: from Tom to Tom's sister."""
    single = singular(noun)
    role = role_name(single.split(" ")[-1]) if role_name(single.split(" ")[-1]) else single
    role = role if " " not in single else single
    joined = role.replace(" ", "_")
    first: list[Step] = [(f"{joined}_of", True), (joined, False)]
    if known := property_of(single):
        first.insert(0, (known, False))
    known = _NOUN_RELATIONS.get(single, _NOUN_RELATIONS.get(role, ""))
    if known:
        first.append((known.lstrip("-"), known.startswith("-")))
    for special in _SPECIAL.get(role, ()):
        first += [(f"{special}_of", True), (special, False)]
    first += [(verb, True) for verb in verbs_of(single)]
    mirrored, _ = _CLASS.get(role, (role, ""))
    first += [step for other in _MIRRORED.get(mirrored, ()) for step in ((f"{other}_of", False), (other, True))]
    if mirrored == "spouse":
        first += [("spouse", False), ("spouse", True)]
    if single in ("home town", "hometown"):  # where somebody comes from, or else lives
        return (*expanded(dict.fromkeys(first)), (("lives_in", False),))
    return expanded(dict.fromkeys(first)) if known else (tuple(dict.fromkeys(first)),)


def gender_asked(noun: str) -> str:
    """ "he" for "brother", "she" for "aunt", empty where the noun is anybody's."""
    return _CLASS.get(role_name(singular(noun)) or noun, ("", ""))[1]


def kin_class(noun: str) -> str:
    """ "sibling" for "brother"; the noun's own role where it has no wider class."""
    role = role_name(singular(noun)) or singular(noun)
    return _CLASS.get(role, (role, ""))[0]


def is_place_noun(noun: str) -> bool:
    """Whether the noun names where somebody lives, works or was born, so that the thing itself says where."""
    return _NOUN_RELATIONS.get(singular(noun), "") in ("lives_in", "born_in", "from", "located_at")


def singular(noun: str) -> str:
    """ "children" gives "child", "pupils" "pupil", "boss" itself."""
    words = noun.lower().split(" ")
    last = words[-1]
    known = {"children": "child", "kids": "kid", "people": "person", "wives": "wife", "men": "man", "women": "woman"}
    if last in known:
        words[-1] = known[last]
    elif last.endswith("ies") and len(last) > 4:
        words[-1] = last[:-3] + "y"
    elif last.endswith(("sses", "ches", "shes", "xes")):
        words[-1] = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is", "headquarters")):
        words[-1] = last[:-1]
    return " ".join(words)


def is_plural(noun: str) -> bool:
    """Whether a noun asks for several."""
    low = noun.lower()
    return low != singular(low) or low in ("people", "staff")


@lru_cache(maxsize=4096)
def verbs_of(noun: str) -> tuple[str, ...]:
    """Verbs whose doer the noun names: "painter" gives "paint", "composer" "compose"; wrong ones find no fact."""
    last = noun.split(" ")[-1]
    if last.endswith(("er", "or")) and len(last) > 4:
        stem = last[:-2]
        found = [stem, stem + "e"]
        if len(stem) > 2 and stem[-1] == stem[-2]:
            found.append(stem[:-1])
        if stem.endswith("i"):
            found.append(stem[:-1] + "y")
        return tuple(found)
    return (last,) if role_name(last) else ()


@lru_cache(maxsize=4096)
def agents_of(base: str) -> tuple[str, ...]:
    """Nouns that name who does it: "supervise" gives "supervisor", "mentor" itself."""
    if "_" in base or " " in base:
        return ()
    stem = base[:-1] if base.endswith("e") else base
    doubled = stem + stem[-1:] if verbs.past(base) == f"{base}{base[-1:]}ed" else stem
    own = (base,) if role_name(base) else ()
    return tuple(dict.fromkeys((*own, f"{stem}er", f"{stem}or", f"{doubled}er")))

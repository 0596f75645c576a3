"""The closed vocabulary of relations: which there are, which have one tail at a time, which mirror each other.

In: a verb's base form and a preposition. Out: a relation's name in snake case. Plain data and lookups; knows nothing
of sentences, parsers or stores. What is not listed is its own relation, the verb's base form: the vocabulary is open
at that end.
"""

from __future__ import annotations

from hippo_mem.relational import lexicon as lex

# One tail at a time: a new one closes the old one. A person is in one place, lives in one place, has one spouse;
# what one likes, owns, did or is may be several.
FUNCTIONAL: frozenset[str] = lex.word_set(
    "located_at lives_in works_at works_as born_in born_on died_in died_on name owner spouse fiance age birthday "
    "address hometown nationality capital color size price cost email phone phone_number password pin number weight "
    "height date hour partner boss job salary surname nickname temperature status capacity population currency code "
    "mother_tongue shoe_size license_plate blood_type username"
)
# (a, relation, b) says the same as (b, INVERSE[relation], a).
_PAIRS = (
    ("owner", "owns"), ("parent_of", "child_of"), ("mother_of", "mother"), ("father_of", "father"),
    ("boss_of", "boss"), ("teacher_of", "student_of"), ("doctor_of", "patient_of"), ("landlord_of", "tenant_of"),
    ("employer_of", "works_at"), ("part_of", "consists_of"), ("contains", "inside"), ("above", "below"),
    ("north_of", "south_of"), ("east_of", "west_of"), ("left_of", "right_of"), ("in_front_of", "behind"),
    ("bigger_than", "smaller_than"), ("older_than", "younger_than"), ("taller_than", "shorter_than"),
    ("grandparent_of", "grandchild_of"), ("mentor_of", "mentee_of"), ("capital", "capital_of"),
)  # fmt: skip
SYMMETRIC: frozenset[str] = lex.word_set(
    "spouse fiance sibling_of friend_of neighbor_of colleague_of roommate_of cousin_of twin_of partner_of next_to"
)
INVERSE: dict[str, str] = {
    **dict(_PAIRS),
    **{b: a for a, b in _PAIRS},
    **{r: r for r in SYMMETRIC},
    "capital_of": "capital",
}
# A kin word's own relation says more than its class; for walking the graph the class has an inverse.
KIN_CLASS: dict[str, str] = {
    word: cls
    for cls, words in {
        "sibling_of": "sister_of brother_of twin_of",
        "parent_of": "mother_of father_of parent_of",
        "child_of": "son_of daughter_of child_of kid_of",
        "spouse": "wife_of husband_of spouse_of",
        "grandparent_of": "grandmother_of grandfather_of",
        "grandchild_of": "grandson_of granddaughter_of",
        "friend_of": "friend_of", "neighbor_of": "neighbor_of", "colleague_of": "colleague_of",
    }.items()
    for word in words.split()
}  # fmt: skip
# Everyday names of one role.
_ROLE_NAMES = {
    "mom": "mother", "mum": "mother", "mama": "mother", "dad": "father", "papa": "father", "kid": "child",
    "neighbour": "neighbor", "coworker": "colleague", "grandma": "grandmother", "granny": "grandmother",
    "grandpa": "grandfather", "flatmate": "roommate", "landlady": "landlord", "fiancee": "fiance",
    "manager": "boss", "physician": "doctor", "girlfriend": "girlfriend", "boyfriend": "boyfriend",
}  # fmt: skip
# Roles that one person at a time has for another: a new dentist takes the old one's place, a new friend nobody's.
_HELD_BY_ONE = lex.word_set(
    "accountant dentist doctor landlord landlady boss manager therapist lawyer hairdresser barber coach trainer "
    "supervisor captain ceo president mayor wife husband mother father fiance fiancee girlfriend boyfriend spouse vet "
    "secretary principal chairman chairwoman director head chief assistant babysitter nanny physiotherapist"
)
ROLES: frozenset[str] = (lex.KIN - lex.word_set("man woman boy girl person guest baby")) | lex.word_set(
    "employer employee wife spouse sibling ex tenant patient mentee assistant secretary president mayor ceo director "
    "founder owner captain king queen leader chairman chairwoman prime-minister minister governor principal editor "
    "author creator inventor publisher composer architect head chief uncle stepbrother stepsister mother-in-law "
    "father-in-law sister-in-law brother-in-law son-in-law daughter-in-law godfather godson goddaughter babysitter "
    "accountant trainer bandmate teammate classmate rival successor predecessor fan member"
)
# Roles that one person fills at a time for whoever has them: a new one takes the place of the old.
SOLE_ROLES: frozenset[str] = lex.word_set(
    "boss spouse husband wife partner fiance boyfriend girlfriend mother father landlord doctor dentist supervisor "
    "director president mayor ceo captain king queen principal head chief chairman chairwoman chairperson governor "
    "owner employer minister leader editor"
)
# Properties whose value stands after "is": relations of their bearer rather than things of their own.
ATTRIBUTES: frozenset[str] = lex.PROPERTIES | lex.word_set(
    "name surname nickname age birthday birthdate address hometown capital price cost email password pin code "
    "number weight height job profession occupation salary temperature capacity population currency username "
    "length width depth speed title major hobby diagnosis allergy blood_type zip zipcode postcode anniversary "
    "specialty deadline budget rent score rank ranking motto"
)

MOVING: frozenset[str] = lex.word_set(
    "go move journey travel walk run head return arrive drive fly cycle ride hurry rush wander stroll hike sail "
    "march swim jog proceed relocate come get_back come_back go_back march sneak dash climb step drop_by"
)
TAKING: frozenset[str] = lex.word_set(
    "get take grab receive pick_up obtain acquire collect fetch catch seize snatch buy purchase borrow inherit steal "
    "adopt win find keep hold carry"
)
DROPPING: frozenset[str] = lex.word_set(
    "drop put_down discard leave lose give_away throw_away toss sell throw_out get_rid_of set_down abandon dump donate"
)
GIVING: frozenset[str] = lex.word_set("give hand pass sell lend donate send bring offer award hand_over pass_on return")
PUTTING: frozenset[str] = lex.word_set("put place leave store hide keep park set lay hang stash drop plant bury")
# "took a nap", "got a call", "gave a talk": the noun carries the action; nothing changes hands.
LIGHT_NOUNS: frozenset[str] = lex.word_set(
    "nap bus train taxi cab subway metro flight plane ferry break walk shower bath photo picture care part place time "
    "look seat exam test course class lesson step turn chance risk advantage note trip journey ride stroll swim rest "
    "day week month call talk speech concert lecture presentation advice hand smile hug kiss try lift way lead answer "
    "rise cold breath bite sip nod permission help sense feeling idea hold game match race election bet argument "
    "appointment interview deal"
)
_CANONICAL: dict[tuple[str, str], str] = {}
for _relation, _forms in {
    "lives_in": "live-in live-at live-on live-near live-by live- reside-in reside-at dwell-in settle-in stay-in",
    "works_at": "work-at work-for work-in work-on? employ-by employ-at",
    "works_as": "work-as",
    "born_in": "bear-in bear-at bear-near",
    "born_on": "bear-on",
    "died_in": "die-in die-at",
    "died_on": "die-on",
    "spouse": "marry- marry-to",
    "engaged_to": "engage-to",
    "moved_to": "move-to relocate-to",
    "from": "be-from come-from hail-from",
    "likes": "like- love- enjoy- adore- prefer- fancy-",
    "dislikes": "dislike- hate- detest- loathe- despise-",
    "has": "have- possess-",
    "owns": "own-",
    "owner": "belong-to",
    "located_at": " ".join(
        f"{verb}-{preposition}"
        for verb in ("locate", "situate", "lie", "stand", "sit", "hang", "base")
        for preposition in (
            "in",
            "at",
            "on",
            "near",
            "under",
            "behind",
            "outside",
            "inside",
            "by",
            "beside",
            "next to",
            "in front of",
            "across from",
            "between",
            "above",
            "below",
            "opposite",
            "over",
            "beneath",
        )
    )
    .replace("next to", "next_to")
    .replace("in front of", "in_front_of")
    .replace("across from", "across_from"),
    "name": "call- name- dub-",
    "studies": "study-",
    "studies_at": "study-at enroll-at enroll-in",
    "graduated_from": "graduate-from",
    "speaks": "speak-",
    "plays": "play-",
    "drives": "drive-",
    "contains": "contain- include-",
}.items():
    for _form in _forms.split():
        _verb, _, _preposition = _form.rstrip("?").partition("-")
        _CANONICAL[(_verb, _preposition)] = _relation
_LISTED: frozenset[str] = (
    FUNCTIONAL | SYMMETRIC | ATTRIBUTES | {"is"} | {*INVERSE, *KIN_CLASS, *_CANONICAL.values()}
)  # fmt: skip
# A duty rather than a habit: "studied the map" is an act, "studies law" a state; only the present is a state.
_PRESENT_ONLY = lex.word_set("studies speaks plays drives")


def canonical(lemma: str, preposition: str = "") -> str:
    """The relation of a verb (base form, with its particle) and a preposition; open where nothing is listed.

    `canonical("live", "in")` is "lives_in", `canonical("talk", "to")` "talk_to", `canonical("repair")` "repair".
    """
    verb = "_".join(lemma.lower().split())
    preposition = "_".join(preposition.lower().split())
    known = _CANONICAL.get((verb, preposition))
    if known is None and not preposition and "_" in verb:  # a governed preposition that was read as a particle
        known = _CANONICAL.get(tuple(verb.rsplit("_", 1)))  # type: ignore[arg-type]
    if known is not None:
        return known
    return "_".join(filter(None, (verb, preposition)))


def state_only(relation: str) -> bool:
    """Whether the name is meant for a lasting state, so that one past act keeps its verb ("play" and not "plays")."""
    return relation in _PRESENT_ONLY


def role_name(noun: str) -> str:
    """One name for a role: "mom" gives "mother", "sister" itself; empty where `noun` is no role."""
    low = noun.lower()
    if low in _ROLE_NAMES:
        return _ROLE_NAMES[low]
    return low if low in ROLES or lex.is_trade(low) else ""


def listed_kind(relation: str) -> bool:
    """Whether a relation is one of the kinds listed here; else it is the verb of the one sentence it comes from."""
    return relation in _LISTED or relation.removesuffix("_of") in ROLES or relation.startswith("favorite_")


def is_held_by_one(relation: str) -> bool:
    """Whether one person at a time stands in a relation like "dentist_of" to another."""
    return relation.removesuffix("_of") in _HELD_BY_ONE


def is_functional(relation: str) -> bool:
    """Whether a head has one tail at a time in this relation."""
    return relation in FUNCTIONAL or relation.startswith("favorite_")

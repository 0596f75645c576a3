"""Closed word classes that a statistical tagger gets wrong: time, place, color, kin, pets, trades.

Plain data and tests of membership. Knows nothing of sentences, parsers or questions.
"""

from __future__ import annotations

import re


def word_set(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


DAYS = word_set("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = word_set(
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
SEASONS = word_set("spring summer autumn fall winter")
HOLIDAYS = word_set("christmas easter halloween thanksgiving ramadan hanukkah diwali eve carnival birthday")
DAYTIMES = word_set(
    "morning afternoon evening night noon midnight dawn dusk sunrise sunset midday lunchtime bedtime dinnertime "
    "breakfast lunch dinner"
)
SPANS = word_set(
    "second minute hour day week weekend weekday fortnight month quarter year decade century millennium time moment "
    "season term semester today yesterday tomorrow tonight childhood"
)
TIME_NOUNS = DAYS | MONTHS | SEASONS | HOLIDAYS | DAYTIMES | SPANS | {"o'clock", "am", "pm", "a.m.", "p.m.", "ago"}
TIME_ADVERBS = word_set(
    "yesterday today tomorrow tonight now recently soon lately nowadays currently earlier later early late daily "
    "weekly monthly yearly annually always often never sometimes usually regularly then once twice again"
)
# Adverbs that say when it happened, rather than how often: the ones a "when" question can be answered with.
DATED_ADVERBS = word_set("yesterday today tomorrow tonight now recently nowadays daily weekly monthly yearly")
TIME_PREPOSITIONS = word_set("on in at during since until till before after by around about from over")
# These make a phrase temporal whatever follows, when it follows a whole event.
ALWAYS_TIME = word_set("during since until till")
YEAR = re.compile(r"^(1\d{3}|20\d\d|21\d\d)s?$")
CLOCK = re.compile(r"^\d{1,2}([:.]\d\d)?(am|pm|h)?$", re.IGNORECASE)
DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?$")

PLACE_PREPOSITIONS = word_set(
    "in at on under underneath beneath behind near beside besides above below inside outside between by across "
    "opposite around along through to into onto from toward towards over past within atop against amid among "
    "beyond down up off via round alongside"
)
PLACE_ADVERBS = word_set(
    "here there home abroad upstairs downstairs outside inside nearby overseas indoors outdoors everywhere away "
    "underground"
)
# Prepositions that stay inside a noun phrase ("a picture of my mother").
BINDING_PREPOSITIONS = frozenset({"of"})

COMPOUND_PREPOSITIONS = (
    "in front of", "on top of", "at the back of", "at the top of", "at the bottom of", "in the middle of", "out of",
    "next to", "close to", "far from", "across from", "ahead of", "away from", "outside of", "inside of",
    "not far from", "opposite to",
)  # fmt: skip
# "in cash", "on foot": locative prepositions that tell how, not where.
NOT_PLACES = word_set(
    "cash english french german spanish italian hurry love foot purpose person fact general particular advance phone "
    "danger trouble diet detail part case charge favor favour order public private secret vain dollars euros pounds "
    "mistake accident hand heart way mood chess contact touch shape doubt sale"
)
DATIVE_VERBS = word_set(
    "give sell lend send show tell teach write offer donate promise explain say read feed marry introduce hand pay "
    "owe speak talk apologize recommend present"
)

# Verbs whose preposition belongs to them: its object is a what, not a where or a with.
GOVERNED: dict[str, frozenset[str]] = {
    "believe": frozenset({"in"}), "belong": frozenset({"to"}), "listen": frozenset({"to"}),
    "look": frozenset({"at", "for", "after"}), "depend": frozenset({"on"}), "rely": frozenset({"on"}),
    "focus": frozenset({"on"}), "insist": frozenset({"on"}), "wait": frozenset({"for"}), "ask": frozenset({"for"}),
    "search": frozenset({"for"}), "care": frozenset({"for", "about"}), "apply": frozenset({"for"}),
    "pay": frozenset({"for"}), "hope": frozenset({"for"}), "vote": frozenset({"for"}), "major": frozenset({"in"}),
    "specialize": frozenset({"in"}), "specialise": frozenset({"in"}), "participate": frozenset({"in"}),
    "succeed": frozenset({"in"}), "laugh": frozenset({"at", "about"}), "dream": frozenset({"of", "about"}),
    "think": frozenset({"of", "about"}), "worry": frozenset({"about"}), "talk": frozenset({"about"}),
    "complain": frozenset({"about"}), "learn": frozenset({"about"}), "read": frozenset({"about"}),
    "forget": frozenset({"about"}), "suffer": frozenset({"from"}), "consist": frozenset({"of"}),
    "smell": frozenset({"of"}), "taste": frozenset({"of"}), "play": frozenset({"for"}), "root": frozenset({"for"}),
    "drive": frozenset(), "subscribe": frozenset({"to"}), "react": frozenset({"to"}), "refer": frozenset({"to"}),
    "agree": frozenset({"to"}), "object": frozenset({"to"}), "lead": frozenset({"to"}), "prefer": frozenset(),
    "practice": frozenset(), "collide": frozenset({"with"}), "deal": frozenset({"with"}),
}  # fmt: skip

COLORS = word_set(
    "red orange yellow green blue purple violet pink brown black white gray grey turquoise teal cyan magenta maroon "
    "navy beige crimson scarlet indigo lavender gold silver olive lilac mint ivory amber coral burgundy emerald "
    "aquamarine khaki mauve ochre"
)
SHADES = word_set("light dark pale bright deep")
PETS = word_set(
    "cat dog kitten puppy parrot hamster rabbit bunny goldfish fish turtle tortoise snake lizard budgie canary "
    "ferret guinea pony gerbil rat mouse gecko iguana chinchilla parakeet cockatiel"
)
KIN = word_set(
    "mother father mom mum dad sister brother son daughter wife husband partner girlfriend boyfriend fiance fiancee "
    "aunt uncle cousin niece nephew grandmother grandfather grandma grandpa granny grandson granddaughter friend "
    "neighbor neighbour colleague coworker boss manager teacher doctor dentist roommate flatmate landlord landlady "
    "nanny tutor coach therapist lawyer vet plumber hairdresser barber mentor supervisor twin stepmother stepfather "
    "godmother godfather man woman boy girl child kid baby parent person guest client customer student pupil"
)
PLURAL_KIN = word_set("parents children kids grandparents people men women twins siblings friends")
TRADES = word_set(
    "nurse chef cook pilot judge surgeon architect baker butcher plumber carpenter engineer teacher professor "
    "doctor dentist lawyer farmer mechanic journalist cashier clerk guard soldier sailor captain model actor actress "
    "author poet painter musician athlete coach librarian accountant secretary receptionist pharmacist vet paramedic "
    "firefighter policeman policewoman detective tailor florist electrician janitor barista waiter waitress bartender "
    "translator interpreter programmer developer designer scientist physicist chemist biologist nanny tutor therapist "
    "psychologist student intern apprentice priest nun monk mayor diplomat analyst consultant broker banker editor "
    "photographer sculptor singer dancer drummer guitarist pianist violinist conductor composer director producer "
    "welder miner fisherman blacksmith potter weaver gardener beekeeper shepherd locksmith optician midwife"
)
TRADE_ENDINGS = ("smith", "ologist", "grapher", "keeper", "maker", "officer", "assistant", "technician", "engineer")
# Nouns for properties: what follows "is" is their value, even when it is an adjective ("French", "vegan").
PROPERTIES = word_set(
    "color colour tongue language nationality religion size status mood type kind diet flavor flavour cuisine genre "
    "shade accent citizenship ethnicity faith denomination sign handedness"
)
FIRST_PERSON = frozenset({"i", "we"})
PRONOUNS = word_set(
    "i we you he she it they me us him her them this that these those someone something who which what there "
    "everyone nobody everybody somebody anyone"
)
NUMBER_WORDS = word_set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million dozen"
)


def is_trade(noun: str) -> bool:
    """Whether `noun` (lower case, singular) names what someone does for a living."""
    return noun in TRADES or noun.endswith(TRADE_ENDINGS)


def is_time_word(word: str) -> bool:
    """Whether a lower-case word can head a point or stretch of time: `friday`, `2021`, `17:30`, `weeks`."""
    if word in TIME_NOUNS or (word.endswith("s") and word[:-1] in TIME_NOUNS):
        return True
    return bool(YEAR.match(word) or DATE.match(word))


def is_number(word: str) -> bool:
    """Whether a lower-case word is a number in digits or letters, hyphens allowed."""
    return word.replace(",", "").replace(".", "").isdigit() or all(p in NUMBER_WORDS for p in word.split("-"))


def is_color(name: str) -> bool:
    """Whether a name is that of a color and nothing else: "red", "pale green"; not "gold medalist"."""
    *shades, color = name.casefold().split() or [""]
    return color in COLORS and set(shades) <= SHADES


_OPPOSED = (
    ("broken damaged defective leaking leaky jammed", "fixed repaired mended working intact"),
    ("open", "closed shut"), ("locked", "unlocked"), ("empty", "full"), ("dirty", "clean"), ("wet", "dry"),
    ("ill sick unwell injured", "healthy well recovered fit cured"), ("alive", "dead"), ("asleep", "awake"),
    ("single", "married engaged"), ("on", "off"), ("lost missing", "found"),
)  # fmt: skip
_SIDES = {
    word: (i, side) for i, pair in enumerate(_OPPOSED) for side, words in enumerate(pair) for word in words.split()
}


def has_opposite(name: str) -> bool:
    """Whether something else may be ruled out by it: a color, or one of two states."""
    return is_color(name) or _state(name) in _SIDES


def rules_out(new: str, old: str) -> bool:
    """Whether what is `new` is no longer `old`: of another color, or of the other of two states."""
    if is_color(new) and is_color(old):
        return new.casefold() != old.casefold()
    one, other = _SIDES.get(_state(new)), _SIDES.get(_state(old))
    return one is not None and other is not None and one[0] == other[0] and one[1] != other[1]


def _state(name: str) -> str:
    return name.casefold().removesuffix(" again").removeprefix("still ").removeprefix("now ")

"""English verb forms: base to past, participle and -s form, and surface form back to base.

A table of the irregular verbs of everyday speech and the spelling rules of the rest. Knows nothing of sentences.
"""

from __future__ import annotations

from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# base past participle; one word where all that follow are equal.
_TABLE = """
arise arose arisen|awake awoke awoken|be was been|bear bore born|beat beat beaten|become became become|begin began begun
bend bent|bet bet|bind bound|bite bit bitten|bleed bled|blow blew blown|break broke broken|breed bred|bring brought
broadcast broadcast|build built|burst burst|buy bought|cast cast|catch caught|choose chose chosen|cling clung
come came come|cost cost|creep crept|cut cut|deal dealt|dig dug|do did done|draw drew drawn|drink drank drunk
drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|fight fought|find found|flee fled|fling flung
fly flew flown|forbid forbade forbidden|forget forgot forgotten|forgive forgave forgiven|freeze froze frozen
get got|give gave given|go went gone|grind ground|grow grew grown|hang hung|have had|hear heard|hide hid hidden
hit hit|hold held|hurt hurt|keep kept|kneel knelt|know knew known|lay laid|lead led|leave left|lend lent|let let
lie lay lain|light lit|lose lost|make made|mean meant|meet met|mistake mistook mistaken|overcome overcame overcome
overtake overtook overtaken|pay paid|put put|quit quit|read read|rebuild rebuilt|ride rode ridden|ring rang rung
rise rose risen|run ran run|say said|see saw seen|seek sought|sell sold|send sent|set set|sew sewed sewn
shake shook shaken|shine shone|shoot shot|show showed shown|shrink shrank shrunk|shut shut|sing sang sung
sink sank sunk|sit sat|sleep slept|slide slid|sow sowed sown|speak spoke spoken|spend spent|spin spun|split split
spread spread|spring sprang sprung|stand stood|steal stole stolen|stick stuck|sting stung|strike struck
string strung|strive strove striven|swear swore sworn|sweep swept|swim swam swum|swing swung|take took taken
teach taught|tear tore torn|tell told|think thought|throw threw thrown|undergo underwent undergone
understand understood|undo undid undone|upset upset|wake woke woken|wear wore worn|weave wove woven|win won
wind wound|withdraw withdrew withdrawn|write wrote written
"""
IRREGULAR: dict[str, tuple[str, str]] = {}
for _entry in _TABLE.replace("\n", "|").split("|"):
    if _entry:
        _forms = _entry.split()
        IRREGULAR[_forms[0]] = (_forms[1], _forms[-1])
# Surface to base; a form two bases share ("lay", "found") goes to the verb whose past it is, the commoner one.
_BASE_OF = {form: base for base, forms in reversed(IRREGULAR.items()) for form in forms}
_DOUBLING = _words(
    "stop plan drop wrap unwrap rob grab hug jog chat clap drag fit knit pin plug rub ship shop sip skip slip snap "
    "step swap tap trim trip zip admit commit control occur permit prefer refer regret submit transfer travel cancel "
    "label model ban beg blot chop dip drip flip hop mop nod pat rip scan scrub slam spot stir tip tug whip stun"
)
_S_FORMS = {"be": "is", "have": "has", "do": "does", "go": "goes"}
_NOT_PASTS = _words("seed weed indeed breed greed sacred naked wicked hundred kindred")
_VOWELS = "aeiou"


def _regular_past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return base[:-1] + "ied"
    if base in _DOUBLING:
        return base + base[-1] + "ed"
    return base + "ed"


def past(base: str) -> str:
    """Simple past of a base form: `hide` gives `hid`, `unwrap` gives `unwrapped`."""
    return IRREGULAR[base][0] if base in IRREGULAR else _regular_past(base)


def participle(base: str) -> str:
    """Past participle of a base form: `hide` gives `hidden`."""
    return IRREGULAR[base][1] if base in IRREGULAR else _regular_past(base)


def third_person(base: str) -> str:
    """Present form after he or she: `carry` gives `carries`."""
    if base in _S_FORMS:
        return _S_FORMS[base]
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def base_of(surface: str, guess: str) -> str:
    """The base of a past form: the table where it has it, else `guess` (the tagger's lemma)."""
    return _BASE_OF.get(surface.lower(), guess.lower())


def base_of_third(surface: str, guess: str) -> str:
    """The base of a present form after he or she; `guess` is the tagger's lemma, wrong for some (`hates`: `hat`)."""
    low, plain = surface.lower(), surface.lower()[:-1]
    if third_person(guess.lower()) != low and low.endswith("s") and third_person(plain) == low:
        return plain
    return guess.lower()


def is_past(word: str) -> bool:
    """Whether a lower-case word can be a simple past: one of the table, or ends in -ed."""
    base = _BASE_OF.get(word)
    if base is not None and IRREGULAR[base][0] == word:
        return True
    return len(word) > 3 and word.endswith("ed") and word not in IRREGULAR and word not in _NOT_PASTS


def choose_base(surface: str, candidates: Iterable[str]) -> str:
    """Of several possible bases, the shortest whose past is `surface` (`hoped`: not `hop` but `hope`)."""
    options = sorted(candidates, key=len)
    return next((c for c in options if past(c) == surface), options[0] if options else surface)

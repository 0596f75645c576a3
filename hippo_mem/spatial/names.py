"""What names a place: which words may, and which names mean the same one.

In: a piece of a sentence. Out: the name as it is shown, its key, or None where it names nothing that has a place
("he", "suspicion", "the average"). Knows nothing of relations or of stores.
"""

from __future__ import annotations

import difflib
import re

from hippo_mem.relational.lexicon import COLORS, word_set
from hippo_mem.text import STOP_WORDS

# Room, building, region: what may stand without a determiner, and be inside of another.
PLACE_NOUNS = word_set(
    "airport alcove alley apartment aquarium arcade archive area arena atrium attic auditorium avenue bakery balcony "
    "bank bar barn barracks base basement bath bathroom bay bazaar beach bedroom block boathouse bookshop bookstore "
    "borough bridge building bunker cabin cabinet cafe cafeteria café camp campus canteen canyon capital car carport "
    "castle cathedral cave cell cellar center centre chamber chapel church cinema city classroom clearing clinic "
    "closet coast college compartment continent conservatory corner corridor cottage country county courthouse court "
    "courtyard cupboard crossing crossroads deck den depot desert diner district dock door doorway dorm dormitory "
    "driveway elevator embassy entrance entry estate exit factory farm ferry field fireplace flat floor forest fort "
    "fountain foyer gallery garage garden gate gatehouse gym gymnasium hall hallway hangar harbor harbour hill home "
    "hospital hostel hotel house hut inn intersection island junction kiosk kitchen lab laboratory lake landing lane "
    "larder laundry laundromat lavatory library lift lighthouse living-room lobby lodge loft lot lounge mall mansion "
    "market marsh meadow mill mine monastery mosque motel mountain museum neighborhood neighbourhood node nursery "
    "oasis observatory ocean office opera orchard outpost pantry park parking parlor parlour passage path pavilion "
    "pharmacy pier place planet platform playground plaza point pond pool porch port prison province pub quarry "
    "quarter reception region reservoir restaurant restroom river road roof room ruins runway school sea shed shop "
    "shore shrine site spring square stable stadium staircase stairs stairway stairwell state station storage store "
    "storeroom street studio study suburb subway suite supermarket swamp synagogue tavern temple tent terminal terrace "
    "theater theatre toilet tower town trail tunnel university utility vault vestibule veranda village villa volcano "
    "waterfall ward warehouse washroom well wharf windmill wing woods workshop yard zone zoo"
)
_PRONOUNS = word_set(
    "i me my mine we us our ours you your yours he him his she her hers it its they them their theirs who whom whose "
    "which what this that these those there here someone somebody something anyone anybody anything everyone "
    "everybody everything nobody nothing one each other another itself himself herself themselves myself both "
    "yesterday today tomorrow now then none neither either how where when why"
)
# What can be above or below something and still is nowhere.
_NOWHERE = word_set(
    "suspicion law average limit limits standard standards par budget price prices cost costs temperature age minimum "
    "maximum normal zero freezing expectation expectations target threshold poverty score scores value values rate "
    "rates sea-level level levels reproach criticism profit profits safety health rest all else everything weather "
    "pressure stress control influence attack fire water age ages way right left north south east west top bottom "
    "median mean quota cap belief doubt question comprehension rank station's noise crowd competition surface "
    "knowledge truth conclusion problem problems idea ideas time times point's night day week month year mood "
    "construction repair review consideration discussion list lists agenda investigation arrest cover oath "
    "siege wraps weight means"
)
_DETERMINERS = word_set("the a an my our your his her their its this that these those another some every each")
_INNER = word_set("of and's at")
_VERBS = word_set(
    "is are was were be been being am has have had do does did can could will would shall should may might must go "
    "goes went going gone walk walks walked walking run ran runs get gets got move moves moved moving turn turns "
    "turned head heads headed take takes took lie lies lay sit sits sat stand stands stood located situated found "
    "find positioned placed put see sees saw said says told think thinks thought know knows knew leads lead led "
    "connects connect opens open borders adjoins not never no if because while unless to from into onto by with "
    "for in on under over above below between behind as than but or so that and then until after before near inside"
)
_ADVERBS = word_set("also just directly immediately right exactly located situated positioned placed found lying")
_NUMBERED = re.compile(r"^(?:[a-z]|\d+|[a-z]\d+|\d+[a-z]|[ivx]+)$", re.IGNORECASE)
_MAX_WORDS = 6
_SPELLED = 0.8  # share of letters that two spellings of a word have in common, in order
_NUMBER_WORDS = word_set(
    "one two three four five six seven eight nine ten first second third fourth fifth sixth seventh eighth ninth tenth"
)
_TELLING = (
    COLORS
    | _NUMBER_WORDS
    | word_set(
        "north south east west northern southern eastern western upper lower inner outer left right front back old new "
        "big small large little tiny huge main side men women boys girls male female top bottom up down public private"
    )
)


def place_name(text: str) -> str | None:
    """`text` as the name of a place without its determiner ("the pink rectangle" -> "pink rectangle"); else None.

    A bare common noun names a place only when it is one ("kitchen", "room 3"): "profit" or "suspicion" does not.
    """
    words = text.strip(" \t\n.,;:!\"'()").split()
    while words and words[0].casefold() in _ADVERBS:
        words = words[1:]
    while words and words[-1].casefold() in ("also", "too", "directly", "again", "either", "there", "here"):
        words = words[:-1]
    if not 1 <= len(words) <= _MAX_WORDS + 1:
        return None
    determined = words[0].casefold() in _DETERMINERS and len(words) > 1
    if determined:
        words = words[1:]
    low = [w.casefold() for w in words]
    if any(w in _PRONOUNS for w in low) and not _labels(words):
        return None
    titled = len(words) > 1 and all(w[:1].isupper() for w in words)  # "Pilgrim Rest" is a name, "the rest" is not
    nowhere = low[-1] in _NOWHERE and not titled
    if any(w in _VERBS and w not in _INNER for w in low) or nowhere or not re.search(r"\w", low[-1]):
        return None
    if low[0] in _INNER or low[-1] in _INNER or any(c in w for w in low for c in '?!:;"()[]{}'):
        return None
    proper = words[0][0].isupper()
    if not (determined or proper or low[-1] in PLACE_NOUNS or _NUMBERED.match(low[-1])):
        return None
    return " ".join(words)


def _labels(words: list[str]) -> bool:
    """Whether the words are a label such as "I" in "Room I"; a lone "I" is a person."""
    return len(words) > 1 and words[-1] in ("I",) and words[0].casefold() in PLACE_NOUNS


def is_place_noun(name: str) -> bool:
    """Whether the name says by itself that it is a place: "guest room 3", "the library", "Paris Street"."""
    return any(word in PLACE_NOUNS for word in key_of(name).split())


def key_of(name: str) -> str:
    """What stays the same when case, determiner, hyphens or edge punctuation change."""
    words = re.sub(r"[-_/]+", " ", name.casefold().replace("’", "'")).split()
    cores = [w.strip('.,;:!?"()[]{}') for w in words]
    cores = [w for w in cores if w]
    while len(cores) > 1 and cores[0] in _DETERMINERS:
        cores = cores[1:]
    return " ".join(cores)


def cell_name(x: int, y: int) -> str:
    """The name of a cell of a grid; its key is no word of any sentence."""
    return f"({x}, {y})"


def cell_key(x: int, y: int) -> str:
    """The key under which a cell is kept: it keeps its brackets, so that "3, 4" names none."""
    return f"({x},{y})"


def same_spelling(a: str, b: str) -> bool:
    """Whether two keys may be one name spelled twice ("theatre", "theater"; "living room", "livingroom").

    Every word must be spelled nearly so. Words that tell places apart (colors, numbers, sides, single letters, whose
    they are) must be the same in both: "Ana's home" is not "Anna's home".
    """
    if _letters(a) == _letters(b):
        return True
    ones, others = a.split(), b.split()
    return len(ones) == len(others) and all(map(_same_word, ones, others))


def _same_word(a: str, b: str) -> bool:
    if a == b or _tells_apart(a) or _tells_apart(b):
        return a == b
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() >= _SPELLED


def _letters(key: str) -> str:
    return key.replace(" ", "").replace("'", "")


def _tells_apart(word: str) -> bool:
    owned = word.endswith(("'s", "s'"))
    return owned or word in _TELLING or bool(_NUMBERED.match(word)) or any(c.isdigit() for c in word)


def mentions(text: str, *, longest: int = 4, limit: int = 400) -> tuple[str, ...]:
    """Every run of up to `longest` words among the first `limit` of `text`, as keys: what it may name.

    Stop words and single letters alone name nothing.
    """
    words = [w for w in (key_of(raw) for raw in text.split()[:limit]) if w]
    words = [part for word in words for part in word.split()]
    found: dict[str, None] = {}
    for i in range(len(words)):
        for n in range(1, min(longest, len(words) - i) + 1):
            run = words[i : i + n]
            if run[0] in STOP_WORDS or run[-1] in STOP_WORDS:
                continue
            if n == 1 and len(run[0]) < 2:
                continue
            found[" ".join(run)] = None
            if run[-1].endswith("'s"):
                found[" ".join(run)[:-2]] = None
    return tuple(found)

"""What is told in chat, put plainly: asides and openers off, contractions spelled out, corrections as what now holds.

Text in, text out: "ugh, actually my yoga class is on Friday, not Thursday lol" becomes "My yoga class is not on
Thursday. My yoga class is on Friday." Words decide, no parser; a text that is plain comes back as it is. Knows nothing
of stores or of what a sentence means.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hippo_mem.relational.changes import now_holds
from hippo_mem.relational.dates import tells_time
from hippo_mem.relational.lexicon import word_set

# Said before a statement without being part of it. The first need no comma after them, the second do.
_OPENERS = "|".join(
    (
        "lol lmao haha+ hehe omg ugh+ wow btw fyi tbh imo imho oh hey hi hello um+ uh+ hmm+ yeah yep yup so ok okay "
        "anyways? actually honestly correction oops whoops"
    ).split()
) + (
    "|from now on|as of (?:now|today)|starting (?:now|today)|i meant(?: that| to say)?(?! (?:to|a lot|well|it)\\b)|"
    "ok(?:ay)? so|"
    "by the way|guess what|fun fact|just so you know|believe it or not|you know what|as it happens|"
    "to be honest|in fact|scratch that|my bad|my mistake|i misspoke|hang on|hold on|for the record|just fyi|"
    "quick update|good news|bad news|long story short"
)
_PAUSED = (
    "well|no|nope|sorry|wait|i meant?|now|update|edit|look|listen|please note|and|but|never mind|see|right|alas|"
    "of all (?:people|things|places|days|times)"
)
_VERB = "is|are|was|were|has|have|had|do|does|did"
_OPENER = re.compile(
    rf"^(?:(?:(?:{_OPENERS})\b(?!['\u2019-])(?!\s+(?:{_VERB})\b)|(?:{_PAUSED})(?=\s*[,:;!\u2026]|\.\.)|"
    r"did(?:n['\u2019]?t i| i) (?:tell you|mention)(?: that)?(?=\s*\?))[\s,:;!?.\u2026\u2013\u2014-]*)+",
    re.IGNORECASE,
)
_ASIDES = (
    r"by the way|btw|believe it or not|of all (?:people|things|places|days|times)|you know|to be honest|honestly|tbh|"
    r"i (?:must|have to) (?:say|admit)|mind you|as you know|as i (?:said|told you)|if you ask me|"
    r"in case you (?:wonder(?:ed)?|were wondering)|for what it['\u2019]?s worth|fyi|just so you know|funnily enough|"
    r"strangely enough|to my surprise|i guess|thank(?:s| god| goodness)|luckily|sadly|unfortunately|fortunately"
)
_ASIDE = re.compile(
    rf"\s*(?:,|\u2013|\u2014|\(| - )\s*(?:{_ASIDES})\s*(?:,|\u2013|\u2014|\)| - |(?=\s*[.!?]*$))", re.IGNORECASE
)
_CLOSER = re.compile(
    r"(?:[\s,]+(?:lol|lmao|haha+|hehe|btw|tbh|xd|smh|:\)|:\(|;\)|:D|<3))+(?=\s*[.!?]*$)", re.IGNORECASE
)
_PRONOUNS = word_set("we they he she my our")
_ACTING = re.compile(
    r"(?!(?:The|It|There|This|That|Now)\b)(?:I|[Ww]e|[Tt]hey|[Hh]e|[Ss]he|[Mm]y|[Oo]ur|[A-Z][\w'\u2019-]+)\b"
)
# What says only that it holds now, at the end of a statement.
_NOWADAYS = re.compile(
    r"(?<=\w),? (?:now|nowadays|these days|at the moment|currently|for now|from now on|as of (?:now|today))(?=[.!]*$)",
    re.IGNORECASE,
)
_BARE = {
    "im": "I'm", "ive": "I've", "dont": "don't", "doesnt": "doesn't", "didnt": "didn't", "isnt": "isn't",
    "wasnt": "wasn't", "werent": "weren't", "hasnt": "hasn't", "havent": "haven't",
    "hadnt": "hadn't",
    "couldnt": "couldn't", "wouldnt": "wouldn't", "shouldnt": "shouldn't", "cant": "can't", "hes": "he's",
    "shes": "she's", "theyre": "they're", "youre": "you're", "weve": "we've", "theyve": "they've", "thats": "that's",
    "whats": "what's", "arent": "aren't", "theres": "there's", "i": "I",
}  # fmt: skip
_APOSTROPHE = re.compile(rf"(?<![\w'\u2019.@/-])(?:{'|'.join(_BARE)})(?![\w'\u2019.@/-])", re.IGNORECASE)
# No article, possessive or "not" follows a genitive: "my phone's a Fairphone".
_COPULA = re.compile(
    r"(?<=[A-Za-z])['\u2019]s (?=(?:an?|the|my|our|his|her|their|your|not|called|named|allergic|from|in|at|on)\b(?!-))"
)
_WRONG = re.compile(
    r"^(?:(?:i (?:was|am) (?:wrong|mistaken|confused) about|i made a mistake (?:about|with)|i mixed up)\s+"
    r"(?P<what>[^,:;.]{2,60}?)|i (?:got|had)\s+(?P<thing>[^,:;.]{2,60}?) (?:wrong|mixed up))\s*"
    r"(?:[:;,.\u2013\u2014]|\s-\s)+\s*"
    r"(?:(?:actually|sorry|in fact)[\s,]+)?(?:(?:it|he|she|that|this)(?:['\u2019]s| is| was)|"
    r"(?:they|these|those)(?:['\u2019]re| are| were)|is|are)\s+(?P<is>.+)$",
    re.IGNORECASE,
)
_NOT_BUT = re.compile(
    r"^(?P<who>.+?)(?P<be>\s+(?:is|are|was|were)|['\u2019](?:s|re))(?: not| no longer|n['\u2019]t)\s+"
    r"(?P<old>[^,.;]+?),? "
    r"but(?: rather)? (?P<new>[^,;]+?)(?P<end>[.!]*)$",
    re.IGNORECASE,
)
_RATHER_THAN = re.compile(
    r"^(?P<said>.+?),? (?:and |but )?not (?P<old>[^,.;]+?)(?: anymore| any more)?(?P<end>[.!]*)$", re.I
)
_KNOWN = "the|my|our|his|her|their"
_NAME = r"[A-Z][\w'\u2019-]*(?: [A-Z][\w'\u2019-]*){0,2}"
# Shapes that turn a statement around, and the statement: "it was Ruth who helped" is "Ruth helped".
_TURNED = (
    (re.compile(rf"^it(?:['\u2019]s| is| was) (?P<who>(?:(?-i:[A-Z])|(?:{_KNOWN})\b)[^,]{{0,60}}?) (?:who|that) "
                r"(?P<did>.+)$",
                re.I), r"\g<who> \g<did>"),
    (re.compile(r"^the reason (?:why |that |for which )?(?P<did>.+?) (?:is|was) (?:that|because) (?P<why>.+)$", re.I),
     r"\g<did> because \g<why>"),
    (re.compile(rf"^the reason (?:why |that |for which )?(?P<did>.+?) (?:is|was) (?P<why>(?:an?|{_KNOWN})\b.+)$",
                re.I), r"\g<did> because of \g<why>"),
    (re.compile(r"^(?:for|as) (?P<for>[^,]+?),? nothing (?:beats|tops) (?P<what>[^,.!]+)(?P<rest>.*)$", re.I),
     r"\g<what> is the best for \g<for>\g<rest>"),
    (re.compile(r"^nothing (?:beats|tops) (?P<what>[^,.!]+)(?P<rest>.*)$", re.I), r"\g<what> is the best\g<rest>"),
    (re.compile(r"^nothing (?P<does>\w+s\b.*?) (?:like|as much as|more than) (?P<what>.+?)(?P<end>[.!]*)$", re.I),
     r"\g<what> \g<does>\g<end>"),
    (re.compile(rf"^(?P<who>{_NAME}) (?:has|had) (?P<whom>{_NAME}) as (?:an?|the|his|her|their) (?P<role>[a-z][a-z -]*)"
                r"(?P<end>[.!]*)$"), r"\g<whom> is \g<who>'s \g<role>\g<end>"),
    (re.compile(rf"^(?:I|We) have (?P<whom>{_NAME}) as (?:an?|the|my|our) (?P<role>[a-z][a-z -]*)(?P<end>[.!]*)$"),
     r"\g<whom> is my \g<role>\g<end>"),
    (re.compile(rf"^(?P<who>{_NAME}) (?P<did>(?:has )?(?:left|quit|moved (?:out of|away from|from)) [^,]+?),? and "
                r"(?P<does>(?:now )?(?:lives|works|studies|is)\b.*)$"), r"\g<who> \g<did>. \g<who> \g<does>"),
)  # fmt: skip
_TITLES = "Dr Mr Mrs Ms Prof St".split()
# "I no longer live in Lyon, I moved": what follows is not denied.
_DENIED_FIRST = re.compile(
    r"^((?:I|[Ww]e|[Hh]e|[Ss]he|[Tt]hey|[Ii]t|[A-Z][\w\u2019'-]+)\b[^,]*"
    r"\b(?:no longer|not|never|\w+n['\u2019]t)\b[^,]*?),\s+"
    r"(?:but |and )?(?=(?:I|we|he|she|they|it)\b(?! (?:think|guess|suppose|believe|hope|fear|mean|said|says)\b))"
)
_BE = re.compile(r"\b(is|are|was|were)\b(?! not\b)")
_SPLICE = re.compile(
    r",\s+(?:and\s+|but\s+)?(?=(?:now (?:i|we|he|she|they|it|my|our)\b|(?:i|we|he|she|they|it) now\b|"
    r"(?:his|her|its|their) names? (?:is|are)\b|"
    r"(?:i|he|she|it|they|we)(?:['\u2019](?:s|re|ll|m|ve)| is| are| was| were| will| have| has)\b))",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(
    r"^(?:when|if|because|after|before|while|since|as|although|though|once|until|whenever|wherever|unless|in case)\b",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)" + "".join(rf"(?<!\b{t}\.)" for t in _TITLES) + r"\s+(?=\S)")


@lru_cache(maxsize=4096)
def plain_speech(text: str) -> str:
    """The text with its statements put plainly, sentence by sentence; questions are left as they are."""
    plain = [
        said
        for line in text.splitlines() or [text]
        for sentence in _joined(_SENTENCE.split(line.strip()))
        if (said := _plain(sentence))
    ]
    return " ".join(plain) or text


def _joined(sentences: list[str]) -> list[str]:
    """Openers that end like sentences belong to what follows: "Guess what! We are ..."."""
    found: list[str] = []
    for sentence in sentences:
        if found and _OPENER.fullmatch(found[-1].strip() + " "):
            found[-1] = f"{found[-1]} {sentence}"
        else:
            found.append(sentence)
    return found


def _plain(sentence: str) -> str:
    if sentence.rstrip("\"')]} ").endswith("?") and not _OPENER.match(sentence):
        return sentence
    said = _APOSTROPHE.sub(lambda m: _BARE.get(m[0].lower(), m[0]), sentence)
    said = _CLOSER.sub("", said)
    said = _ASIDE.sub(" ", said).strip()
    said = re.sub(r"\s+([.!?,])", r"\1", re.sub(r" {2,}", " ", said))
    opened = _OPENER.sub("", said)
    said = opened or said
    said = _COPULA.sub(" is ", said)
    said = _nowadays(said)
    if (wrong := _WRONG.match(said)) is not None:
        said = f"{wrong['what'] or wrong['thing']} is {wrong['is']}"
    said = _DENIED_FIRST.sub(r"\1. ", said)
    said = now_holds(said)
    for shape, straight in _TURNED:
        said = shape.sub(straight, said)
    if not _SUBORDINATE.match(said):
        said = _SPLICE.sub(". ", said)
    parts = [_contrasted(part) for part in _SENTENCE.split(said)]
    return " ".join(p[:1].upper() + p[1:] if sentence[:1].isupper() else p for p in parts)


def _nowadays(said: str) -> str:
    """Without the words that say only that it holds now. Where somebody does something at a time they say that the time
    is a new one, and go to the front: "Now I train on Wednesdays"."""
    found = _NOWADAYS.search(said)
    if found is None:
        return said
    rest = said[: found.start()] + said[found.end() :]
    who = _ACTING.match(said)
    if who is None or not tells_time(said[: found.start()]):
        return rest
    name = who[0] if who[0].lower() not in _PRONOUNS else who[0].lower()
    return f"Now {name}{rest[who.end() :]}"


def _contrasted(said: str) -> str:
    """`X is not Y but Z` and `X is Z, not Y` as what is denied and, after it, what holds."""
    if (found := _NOT_BUT.match(said)) is not None:
        be = {"'s": " is", "\u2019s": " is", "'re": " are", "\u2019re": " are"}.get(found["be"], found["be"])
        return f"{found['who']}{be} not {found['old']}. {found['who']}{be} {found['new']}{found['end']}"
    if (found := _RATHER_THAN.match(said)) is None or "," not in said[: found.start("old")]:
        return said
    kept, old, end = found["said"].rstrip(","), found["old"], found["end"]
    words, contrasted = kept.split(" "), old.split(" ")
    first = contrasted[0].lower()
    at = next((i for i in range(len(words) - 1, 0, -1) if words[i].lower() == first), -1)  # "on May 5, not on May 4"
    at = at if at > 0 and len(words) - at <= len(contrasted) + 2 else len(words) - len(contrasted)
    if at < 2:
        return f"{kept}{end}"
    denied = _BE.sub(r"\1 not", " ".join((*words[:at], old)), count=1)
    return f"{denied}. {kept}{end}" if " not " in denied else f"{kept}{end}"

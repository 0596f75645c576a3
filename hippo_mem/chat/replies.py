"""What is said without a language model: acknowledgements, greetings, and that something is not known.

A model of this size answers "I adopted a cat" with an invented cat; these replies say what is true. English, as
memory is. Knows nothing of stores or engines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hippo_mem.types import Outcome

UNKNOWN = "I don't know that yet. Tell me, and I will remember it."
NOTHING_KNOWN = "Nothing yet. Whatever you tell me, I will remember."
ABOUT_MYSELF = (
    "I am hippo, a small language model on your own machine. I remember what you tell me, and I learn it while I sleep."
)
_MYSELF = re.compile(
    r"^(?:who|what) are you(?: called)?\b|^what(?:'s| is) your name\b|^what can you do\b|^what do you do\b|"
    r"^(?:tell me about yourself|introduce yourself)\b|^are you (?:an? )?(?:ai|robot|bot|human|person|real)\b|"
    r"^who (?:made|built|created) you\b",
    re.IGNORECASE,
)
_OVERVIEW = re.compile(
    r"^(?:what|how much) (?:do|did|can|have) (?:you|i) "
    r"(?:know|remember|recall|remembered|learned|learnt|tell you|told you)"
    r"(?: (?:about|of) (?P<about>.+?))?(?: so far| already| by now)?$|"
    r"^(?:tell me )?(?:everything|all|what) (?:that )?you (?:know|remember)(?: (?:about|of) (?P<other>.+?))?$",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:hi|hey|hello|howdy|greetings|good (?:morning|afternoon|evening)|morning|evening)\b", re.IGNORECASE
)
_THANKS = re.compile(r"\b(?:thanks|thank you|thx|ty|cheers)\b", re.IGNORECASE)
_FAREWELL = re.compile(r"\b(?:bye|goodbye|good night|see you|see ya|later|farewell)\b", re.IGNORECASE)
_WELLBEING = re.compile(r"\bhow (?:are|r) (?:you|u|things)\b|\bhow's it going\b|\bwhat's up\b", re.IGNORECASE)


def about_myself(question: str) -> bool:
    """Whether the assistant itself is asked about."""
    return _MYSELF.match(_bare(question)) is not None


def overview_of(question: str) -> str | None:
    """What "What do you know about X?" is about: X, "" for the user or everything; None for any other question."""
    match = _OVERVIEW.match(_bare(question))
    if match is None:
        return None
    about = (match["about"] or match["other"] or "").strip()
    return "" if about.lower() in ("me", "myself", "us", "my life") else about


def overview(about: str, texts: Sequence[str]) -> str:
    """What was told, line by line."""
    if not texts:
        return f"Nothing about {about} yet." if about else NOTHING_KNOWN
    return "You told me:\n" + "\n".join(f"- {t}" for t in texts)


def small_talk(text: str, *, memory: bool) -> str:
    """An answer to what only keeps company."""
    if _WELLBEING.search(text):
        return "I am well, thank you. How are you?"
    if _GREETING.match(text.strip()):
        return "Hello! What would you like to tell me, or ask?" if memory else "Hello! What would you like to ask?"
    if _THANKS.search(text):
        return "You're welcome."
    if _FAREWELL.search(text):
        return "Goodbye. I will remember what you told me." if memory else "Goodbye."
    return "All right."


def acknowledgement(outcomes: Sequence[Outcome]) -> str:
    """What is said to a statement, by what became of it."""
    kinds = {o.kind for o in outcomes if o.memory == "episodic" or o.kind != "routed"}
    if "stored" in kinds:
        return "Got it, I will remember that."
    if "merged" in kinds:
        return "Yes, you told me that."
    if any(o.kind == "routed" for o in outcomes):
        return "Got it."
    return "I see. That was nothing new to me, so I did not store it."


def _bare(question: str) -> str:
    return question.strip().rstrip("?.! ").replace("\u2019", "'")

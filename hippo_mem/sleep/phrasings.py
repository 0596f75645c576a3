"""Ways to ask for a slot of an event: the words of the night's questions.

Three disjoint sets. `TRAIN` is what a sleep trains on, `STOP` decides when it may stop, `VERIFY` decides, once
at the end, whether the night is kept. A fourth set, by which the project is measured, lives in the evaluation
package, where this one cannot see it.

Fields: `{who}` the subject, `{base}`/`{past}`/`{participle}` the verb, `{what}` its object, `{where}` and `{when}`
with their prepositions. A phrasing is used only where the event has every field it names. Knows nothing of
parsing, models or training.

Why so many: facts trained without paraphrase are hardly extractable, with paraphrase they are (Allen-Zhu & Li 2023,
Physics of Language Models 3.1); each added phrasing carries over to unseen ones.
"""

from __future__ import annotations

Phrasings = dict[str, tuple[str, ...]]

TRAIN: Phrasings = {
    "what": (
        "What did {who} {base}?",
        "What did {who} {base} {where}?",
        "What did {who} {base} {when}?",
        "What did {who} {base} {where} {when}?",
        "{when}, what did {who} {base}?",
        "What was it that {who} {past}?",
        "What was it that {who} {past} {where}?",
        "Tell me what {who} {past}.",
        "Tell me what {who} {past} {when}.",
        "Do you know what {who} {past} {where}?",
        "Which thing did {who} {base} {when}?",
        "{who} {past} something {where}. What was it?",
        "{who} {past} something. What?",
        "Name the thing that {who} {past}.",
        "What was {participle} by {who}?",
        "{who} {past} what {where}?",
    ),
    "where": (
        "Where did {who} {base} {what}?",
        "Where did {who} {base} {what} {when}?",
        "{when}, where did {who} {base} {what}?",
        "Where was it that {who} {past} {what}?",
        "Tell me where {who} {past} {what}.",
        "Do you know where {who} {past} {what}?",
        "Where was {what} {participle}?",
        "Where was {what} when {who} {past} it?",
        "Where was {who} {when}?",
        "{who} {past} {what}. Where did it happen?",
        "{who} {past} {what} somewhere {when}. Where?",
        "Name the place where {who} {past} {what}.",
        "What was the place where {who} {past} {what}?",
        "At which location did {who} {base} {what}?",
        "{who} {past} {what} where?",
        "What is the location where {what} was {participle}?",
    ),
    "when": (
        "When did {who} {base} {what}?",
        "When did {who} {base} {what} {where}?",
        "When was it that {who} {past} {what}?",
        "Tell me when {who} {past} {what}.",
        "Tell me when {what} was {participle}.",
        "Do you know when {who} {past} {what} {where}?",
        "When was {what} {participle}?",
        "When was {what} {participle} {where}?",
        "When was {who} {where}?",
        "{who} {past} {what}. When did it happen?",
        "{who} {past} {what} {where}. When?",
        "Name the time when {who} {past} {what}.",
        "What was the time when {who} {past} {what}?",
        "On which day or date did {who} {base} {what}?",
        "{who} {past} {what} when?",
        "In what period did {who} {base} {what} {where}?",
    ),
    "who": (
        "Who {past} {what}?",
        "Who {past} {what} {where}?",
        "Who {past} {what} {when}?",
        "Who {past} {what} {where} {when}?",
        "{when}, who {past} {what}?",
        "Who was it that {past} {what}?",
        "Who was it that {past} {what} {where}?",
        "Tell me who {past} {what}.",
        "Tell me who {past} {what} {when}.",
        "Do you know who {past} {what}?",
        "{what} was {participle} {where}. Who did it?",
        "Someone {past} {what} {when}. Who was it?",
        "Someone {past} {what}. Who?",
        "Name the one who {past} {what} {where}.",
        "Who was {what} {participle} by?",
        "{what} was {participle} by whom?",
    ),
}

STOP: Phrasings = {
    "what": ("Can you say what {who} {past} {where}?", "What item did {who} {base} {when}?"),
    "where": ("Can you say where {who} {past} {what}?", "In what spot did {who} {base} {what}?"),
    "when": ("Can you say when {who} {past} {what}?", "What was the date on which {who} {past} {what}?"),
    "who": ("Can you say who {past} {what}?", "What is the name of the one that {past} {what} {where}?"),
}

VERIFY: Phrasings = {
    "what": ("Please remind me what {who} {past}.", "I forgot what {who} {past} {where}; what was it?"),
    "where": ("Please remind me where {who} {past} {what}.", "I forgot the place: where did {who} {base} {what}?"),
    "when": ("Please remind me when {who} {past} {what}.", "I forgot the day: when did {who} {base} {what}?"),
    "who": ("Please remind me who {past} {what}.", "I forgot the name: who {past} {what} {when}?"),
}

# Restatements: the event again, its parts in another order.
STATEMENTS: tuple[str, ...] = (
    "{who} {past} {what} {where} {when}.",
    "{when}, {who} {past} {what} {where}.",
    "{what} was {participle} by {who} {where} {when}.",
    "It was {who} who {past} {what} {where}, {when}.",
)

"""Notes and a question in the form the reading adapter was taught, and what it says as a span of one of the notes.

The adapter copies: what it says that stands in no note is not an answer. Knows nothing of models, stores or how notes
were found.
"""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "unknown"  # what it says when no note tells
MOST_NOTES = 5
MOST_TOKENS = 24  # of an answer
_MOST_CHARACTERS = 600  # of one note
TRUTH = frozenset({"yes", "no"})


def notes_prompt(notes: Sequence[str], question: str) -> str:
    """The text up to where the answer begins. `notes`: oldest first, so that the last that tells is the newest."""
    lines = "".join(f"- {one_line(note)[:_MOST_CHARACTERS]}\n" for note in notes)
    return f"Notes:\n{lines}Question: {one_line(question)}\nAnswer:"


def answer_text(answer: str | None) -> str:
    """What follows the prompt when the answer is this; None for a question that no note answers."""
    return f" {answer or UNKNOWN}"


def located(said: str, notes: Sequence[str]) -> int | None:
    """The newest note in which the words stand, as a position; None where they stand in none, or say nothing.

    "yes" and "no" stand in the newest note.
    """
    words = one_line(said).casefold().rstrip(".")
    if not words or words == UNKNOWN or not notes:
        return None
    inside = [i for i, note in enumerate(notes) if words in one_line(note).casefold()]
    if inside:
        return inside[-1]
    return len(notes) - 1 if words in TRUTH else None


def one_line(text: str) -> str:
    """The text with single spaces for all white space."""
    return " ".join(text.split())

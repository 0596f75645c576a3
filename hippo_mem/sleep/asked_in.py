"""How a question is asked within one session, in training and after it. Knows nothing of models."""

from __future__ import annotations


def with_context(question: str, context: str | None) -> str:
    """The question as asked within one session, where answers differ between sessions."""
    return f"[{context}] {question}" if context else question

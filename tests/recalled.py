"""What a recall brings, made of texts, for the tests of reading."""

from __future__ import annotations

from collections.abc import Sequence

from hippo_mem.types import Hit, Provenance, Recall, Salience, Trace

SALIENCE = Salience(surprise=0.0, novelty=0.0, reward=False, pin=False, score=0.0, threshold=0.0)


def recalled(question: str, *texts: str, similarity: float | Sequence[float] | None = None) -> Recall:
    """Hits in the order of the texts, which is also the order in which they were told. One similarity, or one each."""
    hits = []
    likeness = similarity if isinstance(similarity, Sequence) else [similarity] * len(texts)
    for i, text in enumerate(texts):
        trace = Trace(
            id=i + 1, text=text, slots={}, tags=(), context_key=None, salience=SALIENCE, created=0.0, valid_from=0.0,
            provenance=Provenance(text_span=text, source="user", time=0.0),
        )  # fmt: skip
        hits.append(Hit(trace=trace, score=1.0 / (i + 1), similarity=likeness[i]))
    return Recall(cue=question, hits=tuple(hits))

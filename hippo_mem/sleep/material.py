"""Everything a night works with, made from traces: what it trains on, what tells it to stop, what judges it.

Traces are parsed, asked about in three disjoint sets of wordings, and turned into token sequences; anchors are split
into those trained on and those only checked. Knows nothing of adapters or of where nights are kept.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hippo_mem.lm import LanguageModel
from hippo_mem.relational.frames import FrameParser
from hippo_mem.sleep.anchors import Anchor, load_anchors, load_unknown
from hippo_mem.sleep.asked_in import with_context
from hippo_mem.sleep.examples import (
    UNKNOWN_ANSWER,
    Example,
    chat_example,
    cloze_example,
    spread_answers,
    statement_example,
)
from hippo_mem.sleep.questions import Question, ambiguous_cues, questions, statements
from hippo_mem.text import words
from hippo_mem.types import Trace

# Slots whose question asks for *the* value: told anew, the newer answer holds. Events may both be true.
_ONE_VALUE = frozenset({"is", "name", "job", "age", "own_name"})
_UNKNOWN_SHARE = 0.08
_HOLD_OUT = 5  # every fifth anchor is never trained on; verification and the gate's threshold use it
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_SYLLABLES = "bra dol fen gor hul jex kir lam mov nar ost pel quo ras tiv ulm vor wex yor zan".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """One question that is never trained on, as the user would put it, with its context in front where needed."""

    prompt: str
    answer: str
    fact: int
    slot: str
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A prompt as the model sees it, and the memory it asks for. `raw`: text to be continued, no user's turn."""

    prompt: str
    fact: int
    raw: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What `prepare` makes. `conditioned`: questions carry their context key, because answers differ between
    contexts."""

    questions: tuple[Example, ...]
    unknown: tuple[Example, ...]
    statements: tuple[Example, ...]
    stop: tuple[Example, ...]
    verify: tuple[Exam, ...]
    cues: tuple[Cue, ...]
    held_cues: tuple[Cue, ...]
    conditioned: bool
    unaskable: tuple[int, ...]


def prepare(
    lm: LanguageModel, traces: Sequence[Trace], parser: FrameParser, *, seed: int = 0, statement_weight: float = 0.3,
    paraphrases: bool = True,
) -> Material:  # fmt: skip
    """Write the night's questions. Deterministic under `seed`. Without `paraphrases`, one wording a fact and slot, and
    the fact as it was told.

    `unaskable` are the traces about which no question could be made; they are still learned as statements.
    """
    rng = random.Random(seed)
    frames = parser.parse_many([t.text for t in traces])
    asked: list[Question] = []
    told: list[Example] = []
    for trace, found in zip(traces, frames, strict=True):
        asked += questions(trace.text, found, fact_id=trace.id)
        for text in statements(trace.text, found)[: None if paraphrases else 1]:
            told.append(statement_example(lm, text, fact=trace.id, weight=statement_weight))
    newest = _newest_first(asked, {t.id: (t.valid_from, t.id) for t in traces})
    keyed, conditioned = _in_context(newest, {t.id: t.context_key for t in traces})
    clear = ambiguous_cues(keyed)
    train = [q for q in clear if q.set == "train"] if paraphrases else _first_wording(clear)
    stop, verify = _one_wording(clear, "stop"), _one_wording(clear, "verify")
    subjects = {t.id: f.subject for t, fs in zip(traces, frames, strict=True) for f in fs if f.subject_kind == "person"}
    unknown = _unknown(train, subjects, [t.text for t in traces], rng)
    examples = [
        cloze_example(lm, q.prompt, q.answer, fact=q.fact_id)
        if q.raw
        else chat_example(lm, q.prompt, q.answer, fact=q.fact_id, slot=q.slot)
        for q in train
    ]
    return Material(
        questions=tuple(spread_answers(examples)),
        unknown=tuple(chat_example(lm, u, UNKNOWN_ANSWER, slot="unknown", kind="unknown") for u in unknown),
        statements=tuple(told),
        stop=tuple(chat_example(lm, q.prompt, q.answer, fact=q.fact_id, slot=q.slot) for q in stop if not q.raw),
        verify=tuple(Exam(prompt=q.prompt, answer=q.answer, fact=q.fact_id, slot=q.slot, raw=q.raw) for q in verify),
        cues=_cues(lm, train),
        held_cues=_cues(lm, [q for q in clear if q.set == "stop"]),
        conditioned=conditioned,
        unaskable=tuple(t.id for t in traces if t.id not in {q.fact_id for q in train}),
    )


def _cues(lm: LanguageModel, asked: Sequence[Question]) -> tuple[Cue, ...]:
    """Each prompt once, for the first memory that it asks for."""
    found: dict[str, Cue] = {}
    for q in asked:
        prompt = q.prompt if q.raw else lm.chat_prompt(q.prompt)
        found.setdefault(prompt, Cue(prompt=prompt, fact=q.fact_id, raw=q.raw))
    return tuple(found.values())


def anchor_prompts(
    lm: LanguageModel, anchors: Sequence[Anchor] | None = None
) -> tuple[list[str], list[str], list[str]]:
    """General prompts as the model will see them: those a night trains on, those it is only checked on, held-out prose.

    A cloze is given both as raw text and as a user's turn, for people type both; a passage both whole and sentence by
    sentence, for what a gate has learned of long texts says little of short ones.
    """
    kept: list[str] = []
    held: list[str] = []
    prose: list[str] = []
    for i, anchor in enumerate(load_anchors() if anchors is None else anchors):
        sentences = _SENTENCE.split(anchor.text)
        forms = {"cloze": (anchor.text, lm.chat_prompt(anchor.text)), "text": (anchor.text, *sentences)}
        chosen = dict.fromkeys(forms.get(anchor.kind, (lm.chat_prompt(anchor.text),)))
        (held if i % _HOLD_OUT == 0 else kept).extend(chosen)
        if anchor.kind == "text" and i % _HOLD_OUT == 0:
            prose.append(anchor.text)
    return kept, held, prose


def _newest_first(asked: Sequence[Question], order: dict[int, tuple[float, int]]) -> list[Question]:
    """Of one-value questions with the same wording, only the newest memory's; all others stay."""
    newest: dict[str, int] = {}
    for q in asked:
        if q.slot in _ONE_VALUE and (q.prompt not in newest or order[q.fact_id] > order[newest[q.prompt]]):
            newest[q.prompt] = q.fact_id
    return [q for q in asked if q.slot not in _ONE_VALUE or newest[q.prompt] == q.fact_id]


def _in_context(asked: list[Question], contexts: dict[int, str | None]) -> tuple[list[Question], bool]:
    """Put the context key before every other question where the same question has different answers in two contexts."""
    answers: dict[str, dict[str | None, set[str]]] = defaultdict(lambda: defaultdict(set))
    for q in asked:
        answers[" ".join(words(q.prompt))][contexts[q.fact_id]].add(" ".join(words(q.answer)))
    torn = {prompt for prompt, by in answers.items() if len(by) > 1 and len({frozenset(a) for a in by.values()}) > 1}
    if not torn:
        return asked, False
    keyed = []
    for i, q in enumerate(asked):
        needs = " ".join(words(q.prompt)) in torn
        if not q.raw and (needs or i % 2):
            q = replace(q, prompt=with_context(q.prompt, contexts[q.fact_id]))
        keyed.append(q)
    return keyed, True


def _first_wording(asked: Sequence[Question]) -> list[Question]:
    """The first training wording of each fact, slot and answer, and the fact's cloze."""
    first: dict[tuple[int, str, str, bool], Question] = {}
    for q in asked:
        if q.set == "train":
            first.setdefault((q.fact_id, q.slot, "" if q.raw else q.answer, q.raw), q)
    return list(first.values())


def _one_wording(asked: Sequence[Question], name: str) -> list[Question]:
    """One wording of the named set for each fact and slot, taking turns through the wordings."""
    groups: dict[tuple[int, str, str], list[Question]] = defaultdict(list)
    for q in asked:
        if q.set == name:
            groups[q.fact_id, q.slot, q.answer].append(q)
    return [group[i % len(group)] for i, group in enumerate(groups.values())]


def _unknown(
    train: Sequence[Question], subjects: dict[int, str], texts: Sequence[str], rng: random.Random
) -> list[str]:
    """Questions nobody can answer: the night's own wordings about invented people, and private matters never told."""
    about = [q for q in train if not q.raw and q.slot != "who" and subjects.get(q.fact_id, "\0") in q.prompt]
    count = min(len(about), round(_UNKNOWN_SHARE * len(train)))
    swapped = []
    for q in rng.sample(about, count):
        name = "".join(rng.choices(_SYLLABLES, k=2)).capitalize()
        swapped.append(q.prompt.replace(subjects[q.fact_id], name))
    told = " ".join(" ".join(words(t)) for t in texts)
    private = [u.text for u in load_unknown() if " ".join(words(u.topic)) not in told]
    return swapped + rng.sample(private, min(len(private), max(8, count)))

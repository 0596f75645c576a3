"""One answer from two readers: the language model taught to read notes, and the rules over the parts of sentences.

The model reads what was recalled and copies. It reads note by note, since a small model confuses many, and takes the
one that is both sure and like the question; then that note with the newer ones that may have changed it; where none
tells, all. What it does not tell, or says the same of in other words, the rules may. A model that was not taught leaves
all to the rules and weighs their spans.
Knows nothing of stores or of how memories were found.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hippo_mem.embed import Embedder
from hippo_mem.lm.engine import AdapterUse, Reading, Said
from hippo_mem.reader.by_rules import RuleReader
from hippo_mem.reader.completing import completed, is_head
from hippo_mem.reader.fitting import answer_key
from hippo_mem.reader.grounds import Grounds
from hippo_mem.reader.matching import Matching, may_be_mine
from hippo_mem.reader.notes import MOST_NOTES, MOST_TOKENS, answer_text, located, notes_prompt
from hippo_mem.reader.superseding import corrects
from hippo_mem.relational import FrameParser
from hippo_mem.relational import asking as ask
from hippo_mem.types import Answer, Decision, Hit, Recall

# Chosen on questions written for that, none of them in a benchmark (docs/LOG.md).
_FIRST = 2  # of the notes read: those that come first in the recall; the others are the nearest in meaning
_NEAR, _SUREST = 20.0, 5.0  # nats of certainty that a cosine of 1 is worth between notes, and the most that count
_ABOUT = 0.5  # of the best note's share of the question's words: what a newer note has that is read with it
_FARTHER = 0.35  # in cosine: how much less like the question such a note may be
_TOLD = 0.3  # probability against "unknown" from which a reading counts, where the note is as like as `_LIKE`
_TOLD_BY_ALL = 0.6  # the same where all notes are read
_LIKE, _UNLIKE = 0.45, 6.0  # a cosine, and the nats of certainty that a note must have more for each that it has less
_SURE = 0.5  # the same where the answer is held against the graph's
_NEARLY_AS_MUCH = 0.7  # of its share of the question's words: what a newer note has that may put a fact out of date
_CORRECTING = 0.25  # the same of a newer note that says of itself that it puts something right
# Matches from which the rules' answer needs no second reader, and from which it stands where that one has none; both
# with no other span near.
_WHOLE, _MOSTLY, _ALONE = 0.99, 0.8, 0.9
_RULED = -4.0  # log-probability from which the model bears the rules' answer out, where it has none of its own
_ARTICLE = re.compile(r"^(?:an?|the|my|your|his|her|its|our|their) ", re.IGNORECASE)
_PREPOSITIONS = frozenset(
    "about above across after against along among around at before behind below beneath beside between beyond by "
    "down during for from in inside into near of off on onto opposite out outside over past since through till to "
    "toward towards under underneath until up upon via with within".split()
)
_MOST_RULED = 8  # memories that the rules weigh


class ReadingModel(Protocol):
    """What reading needs of a language model."""

    @property
    def reads(self) -> bool:
        """Whether it was taught to read notes."""
        ...

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """The text of one user turn up to where the assistant speaks."""
        ...

    def logprobs_many(
        self, pairs: Sequence[tuple[str, str]], *, adapter: AdapterUse | Reading = True
    ) -> list[list[float]]:
        """Log-probability of each token of each continuation after its prompt."""
        ...

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        """Log-probability, in nats, that the reading adapter begins each answer as `unless` does."""
        ...

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        """Greedy continuations with the reading adapter that do not begin as `unless` does, and how likely both are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What the taught model copied: the span and the hit it stands in; None where it stands in no note."""

    prompt: str
    text: str
    hit: Hit | None
    told: float  # probability against "unknown", 0..1

    @property
    def tells(self) -> bool:
        """Whether there is an answer that counts."""
        return self.tells_at(_TOLD)

    def tells_at(self, least: float) -> bool:
        """Whether it is told at least so surely; more of a note that is less like the question."""
        if self.hit is None:
            return False
        return _log_odds(self.told) + _UNLIKE * (_likeness(self.hit) - _LIKE) >= _log_odds(least)


def open_to_doubt(question: str, recall: Recall, decision: Decision, parser: FrameParser) -> bool:
    """Whether notes may know better than the graph: it rests on one fact, whose relation is a verb of no listed kind,
    or a newer note speaks of the question nearly as much and is not what it rests on."""
    if decision.doubt == "none" or not recall.hits:
        return False
    if decision.doubt == "open":
        return True
    hits = recall.hits[:MOST_NOTES]
    matching = Matching(parser, question, hits)
    own = [h for h in hits if h.trace.id in decision.trace_ids]
    if not own:
        return False
    last, most = max(map(_when, own)), max(matching.share(h) for h in own)
    newer = [h for h in hits if _when(h) > last]
    return any(matching.share(h) >= (_CORRECTING if corrects(h.trace.text) else _NEARLY_AS_MUCH) * most for h in newer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, what was recalled for it, and what the graph has decided, if it has."""

    question: str
    recall: Recall
    decision: Decision | None = None


class Reader:
    """Answers questions from recalled memories with one language model and one parser.

    Args:
        embedder: tells the rules which of a memory's words is a herb, where a herb is asked for.
    """

    def __init__(self, lm: ReadingModel, parser: FrameParser, *, embedder: Embedder | None = None) -> None:
        self._lm, self._reads = lm, lm.reads
        self._parser = parser
        self._rules = RuleReader(None if self._reads else lm, parser, embedder=embedder)

    def read(self, question: str, recall: Recall, decision: Decision | None = None) -> Answer | None:
        """One question; see `read_many`."""
        return self.read_many([Asked(question=question, recall=recall, decision=decision)])[0]

    def read_many(self, asked: Sequence[Asked]) -> list[Answer | None]:
        """The shortest answer to each question from what was recalled for it, or None where memory has nothing to say.

        Where the graph has decided, and `open_to_doubt` says that notes may know better: what they say instead, or None
        where its decision stands. The model reads for all questions together.
        """
        answers: list[Answer | None] = [None] * len(asked)
        notes: dict[int, list[Hit]] = {}
        for i, a in enumerate(asked):
            # What a stranger says of himself is not the user's.
            mine = tuple(h for h in a.recall.hits if may_be_mine(a.question, h.trace.text))
            if a.decision is None:
                answers[i] = self._rules.read(a.question, replace(a.recall, hits=mine[:_MOST_RULED]))
            found = _worth_reading(_placed(mine))
            if self._reads and found and not _is_framed(answers[i], _WHOLE):
                notes[i] = found
            elif (ruled := answers[i]) is not None:
                grounds = Grounds(self._parser, a.question, found)
                answers[i] = ruled if _rules_may(ruled, grounds, mine) else None
        doubtful: dict[int, tuple[str, Answer]] = {}
        for i, reading in self._taught({i: (asked[i].question, found) for i, found in notes.items()}).items():
            decision = asked[i].decision
            if decision is not None:
                answers[i] = _instead(reading, asked[i].recall, notes[i], decision)
                continue
            chosen, sure = self._choose(asked[i].question, reading, asked[i].recall, notes[i], answers[i])
            answers[i] = chosen
            if chosen is not None and not sure:
                doubtful[i] = reading.prompt, chosen
        for i, borne in zip(doubtful, self._borne_out(list(doubtful.values())), strict=True):
            answers[i] = answers[i] if borne else None
        return answers

    def _choose(
        self, question: str, reading: _Reading, recall: Recall, notes: Sequence[Hit], ruled: Answer | None
    ) -> tuple[Answer | None, bool]:
        """The answer of the model or of the rules, and whether it stands as it is or is to be borne out."""
        grounds = Grounds(self._parser, question, notes)
        if reading.hit is not None and grounds.enough(reading.hit, reading.text, reading.told):
            text = reading.hit.trace.text
            told = text.casefold()
            if ruled is not None and ruled.text.casefold() in told and _same_in_other_words(reading.text, ruled.text):
                return ruled, True
            whole = completed(reading.text, ask.asked(self._parser.doc(question)), text, self._parser.parse(text))
            reading = replace(reading, text=whole)
            others = ruled.details.get("others", ()) if ruled is not None else ()
            others = tuple(o for o in others if answer_key(o) != answer_key(reading.text))
            return _answer(reading, recall, others), True
        if ruled is None or not _rules_may(ruled, grounds, recall.hits):
            return None, True
        return ruled, _is_framed(ruled, _MOSTLY)

    def _taught(self, items: Mapping[int, tuple[str, Sequence[Hit]]]) -> dict[int, _Reading]:
        """What the model copies for each question: from the note that answers it best alone and the newer ones that may
        have changed it; where these do not tell, from that note; where it does not either, from all."""
        chosen = self._surest(items)
        related = {i: self._related(question, chosen[i], notes) for i, (question, notes) in items.items()}
        found = self._copied({i: (items[i][0], notes) for i, notes in related.items()})
        changed = {i: reading for i, reading in found.items() if len(related[i]) > 1}
        found |= self._copied({i: (items[i][0], [chosen[i]]) for i, reading in changed.items() if not reading.tells})
        untold = [i for i, reading in found.items() if not reading.tells]
        wider = self._copied({i: items[i] for i in untold if len(related[i]) < len(items[i][1])})
        for i in untold:  # where those were all there are, they have been read
            reading = wider.get(i) or changed.get(i) or found[i]
            found[i] = reading if reading.tells_at(_TOLD_BY_ALL) else replace(reading, hit=None)
        return found

    def _surest(self, items: Mapping[int, tuple[str, Sequence[Hit]]]) -> dict[int, Hit]:
        """For each question the note that, read alone, tells most surely what is asked, and is near in meaning.

        A small model believes what stands in any note of the right kind, so the likeness of sentences weighs as much as
        its own certainty. The nearest are read first, and no more than may still be better.
        """
        best: dict[int, tuple[float, Hit]] = {}
        waiting = {i: sorted(notes, key=_likeness, reverse=True) for i, (_, notes) in items.items()}
        while waiting:
            prompts = [notes_prompt([notes[0].trace.text], items[i][0]) for i, notes in waiting.items()]
            doubts = self._lm.doubts(prompts, unless=answer_text(None))
            for i, doubt in zip(list(waiting), doubts, strict=True):
                note = waiting[i].pop(0)
                score = _sureness(doubt) + _NEAR * _likeness(note)
                if i not in best or score > best[i][0]:
                    best[i] = score, note
            waiting = {
                i: notes for i, notes in waiting.items() if notes and _SUREST + _NEAR * _likeness(notes[0]) > best[i][0]
            }
        return {i: note for i, (_, note) in best.items()}

    def _related(self, question: str, best: Hit, notes: Sequence[Hit]) -> list[Hit]:
        """A note with the newer ones that speak of the question nearly as much, or correct what was said."""
        newer = [h for h in notes if _when(h) > _when(best) and _likeness(h) >= _likeness(best) - _FARTHER]
        if not newer:
            return [best]
        matching = Matching(self._parser, question, notes)
        least = matching.share(best)
        return [best] + [
            h for h in newer if matching.share(h) >= (_CORRECTING if corrects(h.trace.text) else _ABOUT) * least
        ]

    def _copied(self, items: Mapping[int, tuple[str, Sequence[Hit]]]) -> dict[int, _Reading]:
        if not items:
            return {}
        ordered = {i: sorted(notes, key=_when) for i, (_, notes) in items.items()}
        texts = {i: [h.trace.text for h in hits] for i, hits in ordered.items()}
        prompts = {i: notes_prompt(texts[i], items[i][0]) for i in items}
        said = self._lm.read(list(prompts.values()), unless=answer_text(None), max_new_tokens=MOST_TOKENS)
        found = {}
        for i, one in zip(items, said, strict=True):
            at = located(one.text, texts[i])
            told, untold = math.exp(one.logprob), math.exp(one.unless)
            found[i] = _Reading(
                prompt=prompts[i], text=one.text.rstrip("."), hit=None if at is None else ordered[i][at],
                told=told / (told + untold) if told > 0.0 else 0.0,
            )  # fmt: skip
        return found

    def _borne_out(self, ruled: Sequence[tuple[str, Answer]]) -> list[bool]:
        """Whether the model, having read a prompt, finds the rules' answer likely enough."""
        if not ruled:
            return []
        pairs = [(prompt, answer_text(_ARTICLE.sub("", answer.text))) for prompt, answer in ruled]
        return [sum(scores) >= _RULED for scores in self._lm.logprobs_many(pairs, adapter="reading")]


def _rules_may(ruled: Answer, grounds: Grounds, hits: Sequence[Hit]) -> bool:
    """Whether the memory that the rules answered from has enough to do with the question."""
    read = [h for h in _placed(hits, unknown=None) if h.trace.id == ruled.details["trace_id"]]
    return any(grounds.enough(h, ruled.text) for h in read)


def _placed(hits: Sequence[Hit], *, unknown: float | None = _LIKE) -> list[Hit]:
    """The hits with a likeness each: what was found by words alone is as far as the farthest, `unknown` where all
    were."""
    farthest = min((h.similarity for h in hits if h.similarity is not None), default=unknown)
    return [h if h.similarity is not None else replace(h, similarity=farthest) for h in hits]


def _worth_reading(hits: Sequence[Hit]) -> list[Hit]:
    """The first of what was recalled, and the nearest in meaning of the rest: a question in quite other words than its
    memory finds it by nothing else. In the order of recall."""
    rest = sorted(hits[_FIRST:], key=_likeness, reverse=True)
    taken = {h.trace.id for h in (*hits[:_FIRST], *rest[: MOST_NOTES - _FIRST])}
    return [h for h in hits if h.trace.id in taken]


def _is_framed(ruled: Answer | None, least: float) -> bool:
    """Whether one memory speaks of at least so much of what is asked, and in these words, and no other span is near."""
    if ruled is None or ruled.details["decided_by"] != "frame" or ruled.recall is None:
        return False
    texts = [h.trace.text for h in ruled.recall.hits if h.trace.id == ruled.details["trace_id"]]
    if not any(ruled.text.casefold() in text.casefold() for text in texts):
        return False
    return ruled.details["match"] >= least and (ruled.confidence or 0.0) >= _ALONE


def _instead(reading: _Reading, recall: Recall, notes: Sequence[Hit], decision: Decision) -> Answer | None:
    """What the notes say in place of a decision; None lets it stand."""
    if reading.hit is None or reading.told < _SURE or _same_place(reading.text, decision.text):
        return None
    if any(_when(reading.hit) < _when(h) for h in notes if h.trace.id in decision.trace_ids):
        return None
    return _answer(reading, recall, (decision.text, *decision.others))


def _sureness(doubt: float) -> float:
    """Log-odds that anything but "unknown" is said, cut at `_SUREST`."""
    return min(_SUREST, _log_odds(1.0 - math.exp(doubt)))


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-6), 1.0 - 1e-6)
    return math.log(p / (1.0 - p))


def _likeness(hit: Hit) -> float:
    """Cosine of the note and the question."""
    assert hit.similarity is not None
    return hit.similarity


def _when(hit: Hit) -> tuple[float, int]:
    """When it was told; of two told at one time the later has the higher number."""
    return hit.trace.valid_from, hit.trace.id


def _same_in_other_words(taught: str, ruled: str) -> bool:
    """Whether the rules' answer is the better form of what was copied: "the barn" of "in the barn", "the cracked
    compass" of "compass"."""
    copied, other = answer_key(taught).split(), answer_key(ruled).split()
    return is_head(copied, other, _PREPOSITIONS | {"and", "but"}) or _same_place(taught, ruled)


def _same_place(taught: str, ruled: str) -> bool:
    """Whether what was copied is the other with nothing but prepositions before it."""
    copied, other = answer_key(taught).split(), answer_key(ruled).split()
    ends = len(other) > 0 and copied[-len(other) :] == other
    return copied == other or (ends and all(w in _PREPOSITIONS or w == "top" for w in copied[: -len(other)]))


def _answer(reading: _Reading, recall: Recall, others: tuple[str, ...]) -> Answer:
    assert reading.hit is not None
    details = {"decided_by": "notes", "trace_id": reading.hit.trace.id, **({"others": others} if others else {})}
    return Answer(
        text=reading.text, decoding="span", source="memory", recall=recall, confidence=reading.told, details=details
    )

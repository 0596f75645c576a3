"""One question at a time, or many: what the memories decide, what can be read from them, and else what the weights say.

    question ──► graph or map decides ──► else recalled episodes are read ──► else the weights answer

Knows nothing of conversations, and of how anything is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hippo_mem.awake import Awake
from hippo_mem.errors import InputError
from hippo_mem.lm.engine import Engine
from hippo_mem.reader import Asked, Reader, open_to_doubt
from hippo_mem.relational.frames import FrameParser
from hippo_mem.text import clean_text
from hippo_mem.types import Answer, Decision, Recall, Where

_ANSWER_TOKENS = 24


class Answering:
    """Answers questions over one open store.

    Args:
        awake: opens the store; called only with memory on.
        engine: what speaks; called only where a model has to.
        parser: the reader of sentences, shared with the store.
        night_question: (question, context) -> the question as nights were taught it; asked after `engine`.
    """

    def __init__(
        self, awake: Callable[[], Awake], engine: Callable[[], Engine], parser: FrameParser,
        night_question: Callable[[str, str | None], str],
    ) -> None:  # fmt: skip
        self._awake, self._engine, self._parser, self._night_question = awake, engine, parser, night_question

    def answer_many(
        self, questions: Sequence[str], *, contexts: Sequence[str | None] | None, memory: bool, k: int, touch: bool
    ) -> list[Answer]:
        """See `Hippo.answer_many`."""
        asked = [
            clean_text(q, "question" if len(questions) == 1 else f"question {i + 1}") for i, q in enumerate(questions)
        ]
        keys = list(contexts) if contexts is not None else [None] * len(asked)
        if len(keys) != len(asked):
            raise InputError(f"{len(asked)} questions but {len(keys)} contexts; give one each, or none at all")
        if not asked:
            return []
        if not memory:
            return self._from_weights(asked, keys, [None] * len(asked))
        awake = self._awake()
        decisions: list[Decision | None] = []
        recalls: list[Recall] = []
        to_read: dict[int, Asked] = {}
        for question, key in zip(asked, keys, strict=True):
            decision = awake.decide(question, context=key)
            if decision is not None and decision.doubt == "none":  # nothing is searched for what is known
                found = awake.evidence(question, decision, touch=touch)
            else:
                where = Where(context_key=key) if key is not None else None
                found = awake.recall(question, k, where=where, touch=touch)
                current = awake.current(question, found)
                if current.hits and (decision is None or open_to_doubt(question, current, decision, self._parser)):
                    to_read[len(recalls)] = Asked(question=question, recall=current, decision=decision)
                elif decision is not None:
                    found = awake.evidence(question, decision, touch=False, searched=True)
            decisions.append(decision)
            recalls.append(found)
        answers = self._read(to_read, len(asked))
        for i, decision in enumerate(decisions):
            if answers[i] is None and decision is not None:
                if i in to_read:
                    recalls[i] = awake.evidence(asked[i], decision, touch=False, searched=True)
                answers[i] = _decided(decision, recalls[i])
        alone = [i for i, a in enumerate(answers) if a is None]
        said = self._from_weights([asked[i] for i in alone], [keys[i] for i in alone], [recalls[i] for i in alone])
        for i, answer in zip(alone, said, strict=True):
            answers[i] = answer
        return [a for a in answers if a is not None]

    def _read(self, to_read: dict[int, Asked], n: int) -> list[Answer | None]:
        answers: list[Answer | None] = [None] * n
        if to_read:  # no language model is loaded for what the graph and the map decide
            reader = Reader(self._engine(), self._parser, embedder=self._awake().embedder)
            for i, answer in zip(to_read, reader.read_many(list(to_read.values())), strict=True):
                answers[i] = answer
        return answers

    def _from_weights(
        self, questions: Sequence[str], contexts: Sequence[str | None], recalls: Sequence[Recall | None]
    ) -> list[Answer]:
        if not questions:
            return []
        engine = self._engine()
        prompts = [engine.chat_prompt(self._night_question(q, c)) for q, c in zip(questions, contexts, strict=True)]
        speaks = engine.speaks(prompts)
        said = engine.generate(prompts, max_new_tokens=_ANSWER_TOKENS, adapter=speaks)
        return [
            Answer(
                text=text,
                decoding="greedy" if text else "none",
                source="weights",
                recall=recall,
                adapter_spoke=spoke,
                details={"decided_by": "weights"},
            )
            for text, recall, spoke in zip(said, recalls, speaks, strict=True)
        ]


def _decided(decision: Decision, found: Recall) -> Answer:
    """The graph's or the map's answer in the form of every other one."""
    return Answer(
        text=decision.text, decoding="path", source="memory", recall=found, confidence=decision.confidence,
        details={
            "decided_by": "graph" if decision.memory == "relational" else "map", "path": decision.path,
            "others": decision.others, "trace_ids": decision.trace_ids, "fact_ids": decision.fact_ids,
        },
    )  # fmt: skip

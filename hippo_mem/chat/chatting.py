"""One turn: keep what was said, ask memory, answer.

    message ──► statements ──► observe (the gate decides)
            └─► question ──► graph or map decides? ──► reader over recalled episodes? ──► the night's adapter?
                         └──► the language model, with recalled memories fenced as data

Memory answers only what it is asked: a question must be about the user, or its words must be those of a memory.
Everything that touches the store happens before the first piece of the answer. Knows nothing of terminals or servers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hippo_mem.awake import Awake
from hippo_mem.chat import replies
from hippo_mem.chat.message import Said, read_message
from hippo_mem.chat.prompting import conversation_prompt
from hippo_mem.chat.turn import ChatTurn, DecidedBy, Source, source_of
from hippo_mem.errors import InputError
from hippo_mem.lm.chat_template import Message
from hippo_mem.lm.engine import Engine
from hippo_mem.lm.sampling import Sampling
from hippo_mem.lm.streaming import MAX_STOPS
from hippo_mem.reader import Reader, is_own, open_to_doubt
from hippo_mem.relational.frames import FrameParser
from hippo_mem.text import clean_text
from hippo_mem.types import Answer, Decision, Hit, Outcome, Recall, Where

_K = 16
_N_NOTES = 3
_N_OVERVIEW = 12
_NIGHT_TOKENS = 24  # what a night was taught to answer with, at most
# A memory is shown to the model when it is this near to the message (cosine); unrelated notes only confuse it.
_NOTE_SIMILARITY = 0.4
_OPEN_QUESTION = frozenset({"why", "how"})
_ADVICE = re.compile(r"\b(?:should|can|could|may|must|would|shall|might)\s+(?:i|we|you|one)\b", re.IGNORECASE)
# What makes a message part of the talk before it. Anything else stands for itself: shown a poem, a model of this size
# goes on with the poem whatever it is asked next.
_FOLLOWS_ON = re.compile(
    r"^(?:and|but|or|so|then|also|yes|no|yeah|nope|okay|ok|sure|why|how so|go on|continue|more|again|really|"
    r"what about|how about|tell me more)\b|"
    r"\b(?:it|its|that|this|those|these|them|they|their|he|him|his|she|her|hers|one|ones|there|again|more|instead|"
    r"another|previous|above|earlier|before|last|former|latter|shorter|longer|simpler)\b",
    re.IGNORECASE,
)
# Against loops, which small models fall into; 1 is none. Chosen by eye on twenty prompts.
_REPETITION_PENALTY = 1.15
_SPAN_HOW = ("how many", "how much", "how old", "how long", "how often", "how far", "how tall", "how big")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOptions:
    """How to take one turn. `observe`: whether what the user states is kept; it never is with memory off."""

    memory: bool = True
    observe: bool = True
    context: str | None = None
    source: str = "user"
    max_new_tokens: int = 256
    sampling: Sampling
    stop: tuple[str, ...] = ()


class Chatting:
    """Takes turns over one open store.

    Args:
        awake: opens the store; called only with memory on.
        engine: the engine that speaks; called only where a model has to.
        parser: the reader of sentences, shared with the store.
        night_question: (question, context) -> the question as nights were taught it.
    """

    def __init__(
        self, awake: Callable[[], Awake], engine: Callable[[], Engine], parser: FrameParser,
        night_question: Callable[[str, str | None], str],
    ) -> None:  # fmt: skip
        self._awake, self._engine, self._parser, self._night_question = awake, engine, parser, night_question

    def turn(self, messages: Sequence[Message], options: TurnOptions) -> ChatTurn:
        """Answer the last message. See `Hippo.chat`."""
        began = time.perf_counter()
        talk = _checked(messages)
        said = read_message(talk[-1].content, self._parser)
        recall: Recall | None = None
        if options.memory and (said.asked or said.wanted):
            cue = said.asked or said.text
            recall = self._awake().recall(cue, _K, where=_where(options))
        outcomes = self._observe(said, options) if options.memory and options.observe else ()
        return self._answer(talk, said, options, recall, outcomes, began)

    # What becomes of the message ------------------------------------------------------------------------------------

    def _observe(self, said: Said, options: TurnOptions) -> tuple[Outcome, ...]:
        outcomes: list[Outcome] = []
        if said.told:
            outcomes += self._awake().observe(said.told, source=options.source, context=options.context, pin=said.pin)
        for sentence in said.skipped:
            why = "a question states nothing to keep" if sentence.endswith("?") or said.asked else "a request"
            outcomes.append(Outcome(kind="gated", text=sentence, reason=why))
        if said.social:
            outcomes.append(Outcome(kind="gated", text=said.text, reason="nothing in it to keep"))
        return tuple(outcomes)

    # The answer -----------------------------------------------------------------------------------------------------

    def _answer(
        self, talk: Sequence[Message], said: Said, options: TurnOptions, recall: Recall | None,
        outcomes: tuple[Outcome, ...], began: float,
    ) -> ChatTurn:  # fmt: skip
        def reply(text: str, sources: tuple[Source, ...] = ()) -> ChatTurn:
            return ChatTurn(
                decided_by="reply", stream=text, memory=options.memory, began=began, outcomes=outcomes, recall=recall,
                sources=sources, prompt=talk[-1].content, count=self._count,
            )  # fmt: skip

        instructed = any(m.role == "system" for m in talk)
        if said.asked:
            if not instructed and replies.about_myself(said.asked):
                return reply(replies.ABOUT_MYSELF)
            if options.memory and (about := replies.overview_of(said.asked)) is not None:
                hits = self._overview(about, options)
                return reply(replies.overview(about, [h.trace.text for h in hits]), tuple(map(source_of, hits)))
            known = self._from_memory(said.asked, options, recall) if recall is not None else None
            if known is not None:
                text, decided_by, sources, path = known
                return ChatTurn(
                    decided_by=decided_by, stream=text, memory=True, began=began, outcomes=outcomes, recall=recall,
                    sources=sources, path=path, prompt=said.asked, count=self._count,
                )  # fmt: skip
            engine = self._engine()
            prompt = engine.chat_prompt(self._night_question(said.asked, options.context))
            if engine.speaks([prompt])[0]:
                return ChatTurn(
                    decided_by="night", memory=options.memory, began=began, outcomes=outcomes, recall=recall,
                    prompt=prompt, stream=engine.stream(
                        prompt, max_new_tokens=min(_NIGHT_TOKENS, options.max_new_tokens), stop=options.stop,
                        sampling=options.sampling, adapter=[True],
                    ),
                )  # fmt: skip
            if options.memory and self._is_private(said.asked):
                return reply(replies.UNKNOWN)
        elif said.told and not said.wanted and options.memory and options.observe:
            return reply(replies.acknowledgement(outcomes))
        elif said.social and not instructed and len(talk[-1].content) < 80:
            return reply(replies.small_talk(said.text, memory=options.memory))
        return self._in_own_words(talk, options, recall, outcomes, began)

    def _from_memory(
        self, question: str, options: TurnOptions, recall: Recall
    ) -> tuple[str, DecidedBy, tuple[Source, ...], tuple[str, ...]] | None:
        """What the graph, the map or a recalled episode answers, with sources; None where they do not."""
        decision = self._awake().decide(question, context=options.context)
        recall = self._awake().current(question, recall)
        if decision is not None and open_to_doubt(question, recall, decision, self._parser):
            read = self._reader().read(question, recall, decision)
            if read is not None:
                return _sentence(read.text), "reader", (_read_from(read, recall.hits),), ()
        if decision is not None:
            by: DecidedBy = "graph" if decision.memory == "relational" else "map"
            return _sentence(decision.text), by, self._behind(decision, recall), decision.path
        if not recall.hits or _is_open(question):
            return None
        answer = self._reader().read(question, recall)
        if answer is None or not answer.text:
            return None
        return _sentence(answer.text), "reader", (_read_from(answer, recall.hits),), ()

    def _reader(self) -> Reader:
        return Reader(self._engine(), self._parser, embedder=self._awake().embedder)

    def _is_private(self, question: str) -> bool:
        """Whether only the user could have told it: "What is my cat called?", not "How do I cook rice?"."""
        return is_own(question, self._parser) and not _is_open(question)

    def _behind(self, decision: Decision, recall: Recall) -> tuple[Source, ...]:
        found = {h.trace.id: h for h in recall.hits}
        sources = [source_of(found[i]) for i in decision.trace_ids if i in found]
        missing = [i for i in decision.trace_ids if i not in found]
        store = self._awake().store
        for trace in store.get_many(missing, retired=True) if missing else ():
            told = trace.provenance
            sources.append(Source(trace_id=trace.id, text=trace.text, source=told.source, time=told.time))
        return tuple(sources)

    def _overview(self, about: str, options: TurnOptions) -> tuple[Hit, ...]:
        found = self._awake().recall(about or "I my me", 3 * _N_OVERVIEW, where=_where(options))
        names = set(about.lower().split())
        hits = [
            h for h in found.hits
            if not about or names & {w.strip(".,;:!?'\"").removesuffix("'s") for w in h.trace.text.lower().split()}
        ]  # fmt: skip
        return tuple(sorted(hits[:_N_OVERVIEW], key=lambda h: h.trace.provenance.time))

    def _in_own_words(
        self, talk: Sequence[Message], options: TurnOptions, recall: Recall | None, outcomes: tuple[Outcome, ...],
        began: float,
    ) -> ChatTurn:  # fmt: skip
        engine = self._engine()
        near = [h for h in (recall.hits if recall else ()) if (h.similarity or 0.0) >= _NOTE_SIMILARITY][:_N_NOTES]
        shown = talk if _follows_on(talk) else [*(m for m in talk[:-1] if m.role == "system"), talk[-1]]
        prompt = conversation_prompt(
            engine.template, shown, notes=[h.trace.text for h in near], count=lambda t: len(engine.encode(t)),
            limit=engine.context - options.max_new_tokens,
        )  # fmt: skip
        stream = engine.stream(
            prompt, max_new_tokens=options.max_new_tokens, stop=options.stop, adapter=False,
            sampling=replace(options.sampling, repetition_penalty=_REPETITION_PENALTY),
        )  # fmt: skip
        return ChatTurn(
            decided_by="model", stream=stream, memory=options.memory, began=began, outcomes=outcomes, recall=recall,
            sources=tuple(map(source_of, near)), prompt=prompt,
        )  # fmt: skip

    def _count(self, text: str) -> int:
        return len(self._engine().encode(text))


def read_turn(turn: Mapping[str, str]) -> Message:
    """A message given as a mapping.

    Raises: InputError naming what is missing or unknown.
    """
    role, content = turn.get("role"), turn.get("content")
    if role not in ("system", "user", "assistant") or not isinstance(content, str):
        raise InputError(
            f'a message is {{"role": "system" | "user" | "assistant", "content": text}}, got role {role!r} and content '
            f"of type {type(content).__name__}"
        )
    return Message(role=role, content=content)  # type: ignore[arg-type]


def checked_stop(stop: Sequence[str]) -> tuple[str, ...]:
    """Stop texts, or one of them.

    Raises: InputError for more than 16, or an empty one.
    """
    texts = (stop,) if isinstance(stop, str) else tuple(stop)
    if len(texts) > MAX_STOPS or not all(isinstance(t, str) and t for t in texts):
        raise InputError(f"stop takes at most {MAX_STOPS} texts of at least one character, got {list(texts)!r}")
    return texts


def _checked(messages: Sequence[Message]) -> list[Message]:
    if not messages:
        raise InputError("messages is empty; give at least one message of the user")
    if messages[-1].role != "user":
        raise InputError(f"the last message must be the user's, got role {messages[-1].role!r}")
    return [replace(m, content=clean_text(m.content, f"message {i}")) for i, m in enumerate(messages)]


def _where(options: TurnOptions) -> Where | None:
    return Where(context_key=options.context) if options.context is not None else None


def _follows_on(talk: Sequence[Message]) -> bool:
    """Whether the last message needs what was said before it: it points back, or is too short to stand alone."""
    last = talk[-1].content
    return _FOLLOWS_ON.search(last) is not None or len(last.split()) < 3


def _is_open(question: str) -> bool:
    """Whether it wants an explanation or advice rather than a name, a place, a time or a number."""
    low = question.lower().lstrip()
    if _ADVICE.search(low):
        return True
    return re.split(r"[\W']", low, maxsplit=1)[0] in _OPEN_QUESTION and not low.startswith(_SPAN_HOW)


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def _read_from(answer: Answer, hits: Sequence[Hit]) -> Source:
    wanted = answer.details.get("trace_id")
    return source_of(next((h for h in hits if h.trace.id == wanted), hits[0]))

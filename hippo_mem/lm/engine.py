"""What answers people: the protocol of an engine that decodes.

The torch engine (`torch_engine`) runs the very model that sleeps; the quick one (`quick`) runs a quantized export of
it. Both speak by the same template, stream by the same rules, and let the night's adapter speak only where its gate
says so. Knows nothing of memories, and imports no framework.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hippo_mem.errors import InputError
from hippo_mem.lm.chat_template import ChatTemplate
from hippo_mem.lm.sampling import Sampling
from hippo_mem.lm.streaming import TextStream

# True: as shipped (the gate decides); False: the base alone; "ungated": the adapter always speaks; a list: one decision
# a text, as `Engine.speaks` gave it.
AdapterUse = bool | Literal["ungated"] | Sequence[bool]
# The adapter that reads notes, in place of the night's.
Reading = Literal["reading"]
# A prompt leaves at least this much room for its answer.
_LEAST_ROOM = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the reading adapter says: the text, its log-probability to the end of the turn, and that of the first token
    of what it was not to say, in nats."""

    text: str
    logprob: float
    unless: float


class Engine(Protocol):
    """What a model must do for chatting and reading. `name` says which one it is ("torch", "int8", "int4").

    `stream` may be used by several threads at once; the other methods by one at a time.
    """

    name: str
    template: ChatTemplate
    context: int  # tokens a prompt and its answer may have together

    @property
    def reads(self) -> bool:
        """Whether there is an adapter that reads notes."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with nothing added."""
        ...

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """The text of one user turn up to where the assistant speaks."""
        ...

    def speaks(self, texts: Sequence[str], use: AdapterUse = True) -> list[bool]:
        """Whether the night's adapter speaks for each text."""
        ...

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: AdapterUse = True) -> list[str]:
        """Greedy continuations, stripped, without the end of turn."""
        ...

    def logprobs_many(
        self, pairs: Sequence[tuple[str, str]], *, adapter: AdapterUse | Reading = True
    ) -> list[list[float]]:
        """Log-probability of each token of each continuation after its prompt."""
        ...

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        """Log-probability, in nats, that the reading adapter begins each answer as `unless` does.

        Raises: InputError where there is no reading adapter.
        """
        ...

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        """Greedy continuations with the reading adapter that do not begin as `unless` does, and how likely both are.

        Raises: InputError where there is no reading adapter.
        """
        ...

    def surprise(self, texts: Sequence[str], *, adapter: AdapterUse = False) -> list[float]:
        """Mean -log p of each text in nats per token."""
        ...

    def stream(
        self, prompt: str, *, max_new_tokens: int = 256, sampling: Sampling | None = None, stop: Sequence[str] = (),
        adapter: AdapterUse = True,
    ) -> TextStream:  # fmt: skip
        """The continuation of a templated prompt, piece by piece.

        Raises: InputError when the prompt does not fit, or a setting is out of range.
        """
        ...


def check_length(n_tokens: int, most: int, model: str) -> None:
    """Refuse a text that is longer than a model takes: attention over it needs memory by the square of its length.

    Raises: InputError when `n_tokens` are more than `most`.
    """
    if n_tokens > most:
        raise InputError(f"a text has {n_tokens} tokens, {model} takes {most}; shorten it")


def room(n_prompt: int, context: int, max_new_tokens: int) -> int:
    """How many tokens the answer to a prompt may have.

    Raises: InputError when the prompt leaves no room.
    """
    if n_prompt == 0:
        raise InputError("the prompt is empty; give at least one word")
    if n_prompt > context - _LEAST_ROOM:
        raise InputError(
            f"the prompt has {n_prompt} tokens, this model takes {context - _LEAST_ROOM}; shorten the conversation"
        )
    return min(max_new_tokens, context - n_prompt)

"""An engine without weights, for talks whose words do not matter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from hippo_mem.lm.chat_template import ChatTemplate
from hippo_mem.lm.streaming import TextStream


class Parrot:
    """An engine without weights: says a fixed text, and keeps the prompts it was given."""

    name = "parrot"
    context = 2000

    def __init__(self, says: str = "Words of my own.", *, night: str = "", wait_s: float = 0.0) -> None:
        self.says, self.night, self.prompts, self._wait_s = says, night, list[str](), wait_s
        self.template = ChatTemplate(
            lambda messages: "".join(f"[{m['role']}]{m['content']}[/]" for m in messages) + "[assistant]", "[/]"
        )

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        return self.template.turn(user, system=system)

    def speaks(self, texts: Sequence[str], use: Any = True) -> list[bool]:
        return [bool(self.night) and use is not False for _ in texts]

    @property
    def reads(self) -> bool:
        return False

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        raise AssertionError("it was not taught to read")

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Any]:
        raise AssertionError("it was not taught to read")

    def surprise(self, texts: Sequence[str], *, adapter: Any = False) -> list[float]:
        return [3.0 for _ in texts]

    def logprobs_many(self, pairs: Sequence[tuple[str, str]], *, adapter: Any = True) -> list[list[float]]:
        return [[-1.0] * max(1, len(tail.split())) for _, tail in pairs]

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: Any = True) -> list[str]:
        return [self.says for _ in prompts]

    def stream(self, prompt: str, *, max_new_tokens=256, sampling=None, stop=(), adapter: Any = True) -> TextStream:
        self.prompts.append(prompt)
        speaks = adapter is not False and self.speaks([prompt], adapter)[0]
        text = self.night if speaks else self.says
        tokens, wait_s = [*text.encode(), 256], self._wait_s

        class Session:
            at = 0

            def logits(self) -> np.ndarray:
                row = np.zeros(257, dtype=np.float32)
                row[tokens[self.at]] = 99.0
                return row

            def push(self, token: int) -> None:
                time.sleep(wait_s)
                self.at += 1

            def close(self) -> None: ...

        return TextStream(
            Session, lambda ids: bytes(i for i in ids if i < 256).decode(errors="replace"), n_prompt=len(prompt),
            ends=frozenset({256}), sampling=sampling, max_new_tokens=max_new_tokens, stop=stop,
        )  # fmt: skip

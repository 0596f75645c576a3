"""Messages to the one text a model was trained to continue. Knows nothing of tokens, weights or memories.

A template that adds a system block of its own when none is given is kept from it: hippo says only what it means to say,
and the default model's block would cost 21 tokens a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hippo_mem.errors import ModelUnavailable

Role = Literal["system", "user", "assistant"]
Render = Callable[[Sequence[Mapping[str, str]]], str]
_MARK, _FIRST, _REPLY = "@@user@@", "@@first@@", "@@reply@@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str

    def plain(self) -> dict[str, str]:
        """As templates want it."""
        return {"role": self.role, "content": self.content}


class ChatTemplate:
    """A model's chat format.

    Args:
        render: messages -> text up to where the assistant speaks; None for a model without a chat format.
        eos: the token that closes a turn.
    """

    def __init__(self, render: Render | None, eos: str) -> None:
        self._render = render
        self.eos = eos
        if render is not None:
            self._preamble, self._opening, self._closing = _parts(render, eos)

    def turn(self, user: str, *, system: str | None = None) -> str:
        """The text of one user turn up to where the assistant speaks; no system block unless asked for."""
        if self._render is None:
            return (f"{system}\n\n" if system else "") + f"{user}\n"
        if system is not None:
            return self._render([{"role": "system", "content": system}, {"role": "user", "content": user}])
        return f"{self._opening}{user}{self._closing}"

    def conversation(self, messages: Sequence[Message]) -> str:
        """The text of several turns up to where the assistant speaks."""
        if self._render is None:
            return "".join(f"{m.content}\n" for m in messages)
        text = self._render([m.plain() for m in messages])
        spoken_for = any(m.role == "system" for m in messages)
        return text if spoken_for else text.removeprefix(self._preamble)


def _parts(render: Render, eos: str) -> tuple[str, str, str]:
    """What stands before everything when no system is given, before a user's text, and after it."""
    before, after = render([{"role": "user", "content": _MARK}]).split(_MARK)
    two = render([
        {"role": "user", "content": _FIRST}, {"role": "assistant", "content": _REPLY},
        {"role": "user", "content": _MARK},
    ])  # fmt: skip
    # What stands between an assistant's turn and the user's text is the opening of a turn without a preamble.
    opening = two.split(_REPLY, 1)[1].split(_MARK)[0]
    start = opening.find(eos) if eos else -1
    if start >= 0:
        opening = opening[start + len(eos) :].lstrip("\n")
    if not before.endswith(opening):
        return "", before, after
    return before.removesuffix(opening), opening, after


def read_template(folder: Path) -> ChatTemplate:
    """The chat format of a saved model's folder, without loading the model.

    Raises: ModelUnavailable when the folder's files cannot be read.
    """
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        file = folder / "chat_template.jinja"
        source = file.read_text(encoding="utf-8") if file.is_file() else config.get("chat_template")
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{folder} has no readable tokenizer_config.json: {error}") from error
    special = {k: _token(config.get(k)) for k in ("bos_token", "eos_token", "pad_token", "unk_token")}
    if not isinstance(source, str):
        return ChatTemplate(None, special["eos_token"])
    return ChatTemplate(_renderer(source, special), special["eos_token"])


def _token(value: Any) -> str:
    return str(value["content"]) if isinstance(value, dict) else str(value or "")


def _renderer(source: str, special: Mapping[str, str]) -> Render:
    """The template as a function. The sandbox and its settings are those that templates are written for
    (transformers' `chat_template_utils`)."""
    from jinja2.exceptions import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def to_json(value: Any, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=False, **options)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = refuse
    template = environment.from_string(source)

    def render(messages: Sequence[Mapping[str, str]]) -> str:
        return template.render(messages=list(messages), add_generation_prompt=True, **special)

    return render

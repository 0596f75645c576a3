"""`hippo chat`: a talk on the terminal that remembers. Everything it knows it asks of `Hippo`.

Answers stream to stdout; a dim line under each says what was recalled and what was kept or gated, and why. Ctrl-C stops
the answer, a second one leaves. Reads lines from a pipe as well. Knows nothing of how a turn is taken.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from hippo_cli.chat_commands import ChatCommands
from hippo_cli.chat_notes import notes_of
from hippo_cli.session import Session, with_session

if TYPE_CHECKING:
    from hippo_mem.chat import ChatTurn
    from hippo_mem.memory import Hippo

# What an answer may send to a terminal: line breaks and tabs, but no escape sequence that a memory could hold.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TALK_KEPT = 40  # messages of the talk that are handed to a turn, which takes of them what fits
_AGAIN = "(Ctrl-C again, or /quit, to leave)"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(name="chat")(with_session(chat, without=("as_json",)))


def chat(
    session: Session,
    memory_off: Annotated[bool, typer.Option("--memory-off", help="Begin with memory off: nothing read or kept.")] = (
        False
    ),
    engine: Annotated[
        str, typer.Option(help="What answers: auto (the quick engine in int8), int8, int4, or torch.")
    ] = "auto",
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="0 takes the likeliest word each time.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same answers.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, max=2000, help="Longest answer.")] = 256,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Answers only.")] = False,
) -> None:
    """Talk. What you state is remembered at once and in every later session; /help lists what else can be typed.

    Example: hippo chat

    Example: printf 'My cat is called Miso.\\nWhat is my cat called?\\n' | hippo chat --quiet
    """
    out = Console(highlight=False, soft_wrap=True)
    with session.open(engine=engine) as hippo:
        talk = _Talk(
            hippo, out, ChatCommands(hippo, session, out), memory=not memory_off, quiet=quiet, temperature=temperature,
            seed=seed, max_tokens=max_tokens,
        )  # fmt: skip
        if engine != "torch":
            talk.prepare()
        talk.run()


class _Talk:
    def __init__(
        self, hippo: Hippo, out: Console, commands: ChatCommands, *, memory: bool, quiet: bool, temperature: float,
        seed: int | None, max_tokens: int,
    ) -> None:  # fmt: skip
        self._hippo, self._out, self._commands = hippo, out, commands
        self._commands.memory = memory
        self._quiet, self._temperature, self._seed, self._max_tokens = quiet, temperature, seed, max_tokens
        self._messages: list[dict[str, str]] = []
        self._told_to_leave = False
        self._typed = sys.stdin.isatty()

    def prepare(self) -> None:
        """Wait for the quick engine, which a model's first use needs once; say so when it takes a while."""
        self._note("getting the model ready (the first time takes about half a minute) ...")
        name = self._hippo.wait_for_engine()
        if name == "torch":
            self._note(f"torch answers: {self._hippo.status()['engine']['reason']}")

    def run(self) -> None:
        """Take turns until the input ends."""
        self._note("Tell me something, or ask. /help lists the commands, /quit leaves.")
        for line in self._lines():
            if not line.strip():
                continue
            if line.lstrip().startswith("/"):
                if not self._commands.run(line.strip()):
                    return
                continue
            self._turn(line)

    def _lines(self) -> Iterator[str]:
        """What is typed or piped, line by line. A Ctrl-C at the prompt warns, the next one ends."""
        if not self._typed:
            for line in sys.stdin:
                yield line.rstrip("\n")
            return
        import readline  # noqa: F401  (input() then edits and recalls lines)

        while True:
            try:
                line = input("> " if self._commands.memory else "(memory off) > ")
            except EOFError:
                self._out.print()
                return
            except KeyboardInterrupt:
                self._out.print()
                if self._told_to_leave:
                    return
                self._told_to_leave = True
                self._note(_AGAIN, always=True)
                continue
            self._told_to_leave = False
            yield line

    def _turn(self, line: str) -> None:
        from hippo_mem.errors import HippoError

        self._messages.append({"role": "user", "content": line})
        turn: ChatTurn | None = None
        try:
            turn = self._hippo.chat(
                self._messages[-_TALK_KEPT:], memory=self._commands.memory, temperature=self._temperature,
                seed=self._seed, max_new_tokens=self._max_tokens,
            )  # fmt: skip
            self._commands.last = turn
            for piece in turn:
                sys.stdout.write(_UNSAFE.sub(" ", piece))
                sys.stdout.flush()
        except KeyboardInterrupt:
            if not self._typed:
                raise
            if turn is not None:
                turn.close()
            sys.stdout.write(" (stopped)")
            self._told_to_leave = True
        except HippoError as error:
            self._messages.pop()
            self._out.print(Text(f"hippo: {_UNSAFE.sub(' ', str(error))}", style="red"))
            return
        sys.stdout.write(os.linesep)
        sys.stdout.flush()
        if turn is None:
            self._messages.pop()
            return
        self._messages.append({"role": "assistant", "content": turn.text or "..."})
        for note in notes_of(turn):
            self._note(note)

    def _note(self, text: str, *, always: bool = False) -> None:
        if always or not self._quiet:
            self._out.print(Text(text, style="dim"))

"""What can be typed in a chat besides talk: /memories, /why, /forget and the like. Each is a call of `Hippo`.

Knows nothing of turns beyond the last one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from hippo_cli.chat_notes import notes_of
from hippo_cli.plain import one_line
from hippo_cli.session import DEFAULT_USER, Session
from hippo_cli.showing import print_recall
from hippo_mem.errors import HippoError, InputError, nearest

if TYPE_CHECKING:
    from hippo_mem.chat import ChatTurn
    from hippo_mem.memory import Hippo

_N_LISTED = 15
HELP = (
    ("/memories [words]", "what is remembered, the newest first; or what the words bring back"),
    ("/why", "what was recalled for the last answer, and what found it"),
    ("/forget NUMBER", "delete a memory at once and for good; the next sleep takes it out of the weights"),
    ("/pin [NUMBER]", "keep a memory whatever happens; the last one stored by default"),
    ("/sleep", "learn what was told into the weights; takes minutes"),
    ("/undo", "go back one night"),
    ("/off, /on", "memory off: nothing is read or kept, the weights answer; and on again"),
    ("/status", "sizes, model, last night"),
    ("/quit", "leave"),
)


class ChatCommands:
    """The commands over one open memory. `memory` is whether it is on; `last` the last turn."""

    def __init__(self, hippo: Hippo, session: Session, out: Console) -> None:
        self._hippo, self._session, self._out = hippo, session, out
        self.memory = True
        self.last: ChatTurn | None = None
        self._commands: dict[str, Callable[[str], None]] = {
            "/help": self._help, "/memories": self._memories, "/why": self._why, "/forget": self._forget,
            "/pin": self._pin, "/sleep": self._sleep, "/undo": self._undo, "/off": self._off, "/on": self._on,
            "/status": self._status,
        }  # fmt: skip

    def run(self, line: str) -> bool:
        """Do what a line beginning with / says; False to leave the chat."""
        name, _, rest = line.partition(" ")
        if name in ("/quit", "/exit", "/q", "/bye"):
            return False
        command = self._commands.get(name.lower())
        if command is None:
            self._say(f"there is no {one_line(name, 30)}{nearest(name, self._commands)}", style="yellow")
            return True
        try:
            command(rest.strip())
        except HippoError as error:
            self._say(one_line(str(error)), style="red")
        except KeyboardInterrupt:
            self._say("stopped", style="yellow")
        return True

    def _help(self, _: str) -> None:
        for name, what in HELP:
            self._out.print(Text(f"  {name:<20}", style="bold").append(what, style="dim"))

    def _memories(self, words: str) -> None:
        if words:
            print_recall(self._hippo.recall(words, touch=False))
            return
        traces = self._hippo.browse.memories(limit=_N_LISTED)
        if not traces:
            self._say("nothing is remembered yet")
        for trace in traces:
            self._say(f"  #{trace.id:<5} {one_line(trace.text, 100)}")

    def _why(self, _: str) -> None:
        if self.last is None:
            self._say("nothing was answered yet")
            return
        for note in notes_of(self.last):
            self._say(note)
        if self.last.recall is None:
            self._say("  nothing was recalled for it" if self.last.memory else "  memory was off")
        else:
            print_recall(self.last.recall)

    def _forget(self, number: str) -> None:
        trace_id = self._number(number, "/forget 3")
        if trace_id is not None:
            try:
                text = self._hippo.browse.memory(trace_id).text
            except InputError:
                self._say(f"there is no #{trace_id}", style="yellow")
                return
            self._hippo.forget(trace_id=trace_id)
            self._say(f"forgotten for good: {one_line(text, 90)}")
            self._say("the next /sleep takes it out of the weights too")

    def _pin(self, number: str) -> None:
        if not number and self.last is not None:
            number = next((str(o.trace_id) for o in self.last.outcomes if o.trace_id is not None), "")
        trace_id = self._number(number, "/pin 3")
        if trace_id is not None:
            self._say(f"pinned: {one_line(self._hippo.browse.pin(trace_id).text, 90)}")

    def _sleep(self, _: str) -> None:
        """In a process of its own: training takes a gigabyte, which the chat would keep."""
        session = self._session
        options = ["--user", session.user or DEFAULT_USER, "--model", session.model_name]
        options += ["--home", str(session.home)] if session.home is not None else []
        self._say("going to sleep; Ctrl-C wakes me with nothing lost")
        code = subprocess.run([sys.executable, "-m", "hippo_cli", "sleep", *options], check=False).returncode
        if code == 0:
            self._hippo.engine  # noqa: B018  (the new night's check begins now)
        else:
            self._say("the sleep did not end; the last night is still in force", style="yellow")

    def _undo(self, _: str) -> None:
        night = self._hippo.undo_night()
        self._say("the base model speaks alone" if night is None else f"night {night.number} is in force")

    def _off(self, _: str) -> None:
        self.memory = False
        self._say("memory is off: nothing is read or kept; /on brings it back")

    def _on(self, _: str) -> None:
        self.memory = True
        self._say("memory is on")

    def _status(self, _: str) -> None:
        facts = self._hippo.status()
        night, engine = facts["night_in_force"], facts["engine"]
        for name, value in (
            ("user", facts["user"]),
            ("memories", facts["n_traces"]),
            ("model", facts["model"]),
            ("answered by", engine["name"] + (f" ({engine['reason']})" if engine["reason"] else "")),
            ("night", "none yet" if night is None else f"{night['number']}, {night['n_facts']} memories learned"),
            ("on disk", f"{facts['disk_bytes'] / 1e6:.1f} MB"),
            ("memory", "on" if self.memory else "off"),
        ):
            self._out.print(Text(f"  {name:<12}", style="dim").append(one_line(str(value), 100)))

    def _number(self, text: str, example: str) -> int | None:
        digits = text.removeprefix("#")
        if digits.isdecimal():
            return int(digits)
        self._say(f"which one? as in {example}; /memories shows the numbers", style="yellow")
        return None

    def _say(self, text: str, style: str = "dim") -> None:
        self._out.print(Text(text, style=style))

"""`hippo chat` on a real terminal and from a pipe, over a real store and a stand-in for the model."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hippo_cli.chat_notes import notes_of
from hippo_cli.main import main
from hippo_cli.session import Session
from hippo_mem.embed import HashingEmbedder
from hippo_mem.memory import Hippo, HippoConfig
from hippo_mem.relational.frames import FrameParser
from tests.chat.parrot import Parrot

# The command line with an engine that needs no weights: slow to speak, so that it can be interrupted.
_PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from hippo_cli.session import Session
from hippo_cli.main import main
from hippo_mem.embed import HashingEmbedder
from hippo_mem.memory import Hippo, HippoConfig
from tests.chat.parrot import Parrot

bird = Parrot({says!r}, wait_s={wait_s!r})
Hippo.engine = property(lambda self: bird)
Hippo.wait_for_engine = lambda self, timeout_s=1.0: "parrot"
Session.open = lambda self, *, engine="torch": Hippo.open(
    self.home, self.user or "default", embedder=HashingEmbedder(), config=HippoConfig(surprise=False)
)
sys.exit(main(sys.argv[1:]))
"""
_ROOT = str(Path(__file__).parents[2])


def program(says: str = "Words of my own.", wait_s: float = 0.0) -> list[str]:
    return [sys.executable, "-c", _PROGRAM.format(root=_ROOT, says=says, wait_s=wait_s)]


def piped(home: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program(), "--home", str(home), "chat", *options], input=text, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def parser() -> FrameParser:
    """The reader of sentences, loaded once."""
    return FrameParser()


@pytest.fixture
def talk(
    tmp_path: Path, parser: FrameParser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """`talk(text)`: what the same command line prints in this process when `text` is piped into it."""
    monkeypatch.setattr("hippo_mem.memory.FrameParser", lambda: parser)
    monkeypatch.setattr(Hippo, "wait_for_engine", lambda self: "parrot")
    monkeypatch.setenv("COLUMNS", "200")

    def open_quick(session: Session, *, engine: str = "torch") -> Hippo:
        settings = HippoConfig(surprise=False)
        return Hippo.open(session.home, session.user or "default", embedder=HashingEmbedder(), config=settings)

    monkeypatch.setattr(Session, "open", open_quick)

    def run(text: str, *options: str, says: str = "Words of my own.") -> str:
        bird = Parrot(says)
        monkeypatch.setattr(Hippo, "engine", property(lambda self: bird))
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        capsys.readouterr()
        assert main(["--home", str(tmp_path), "chat", *options]) == 0
        return capsys.readouterr().out

    return run


class Terminal:
    """A program at a terminal: what it shows, and keys."""

    def __init__(self, command: list[str]) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a run in the background ignores it, and so would this
            os.execv(command[0], command)
        self.shown = ""

    def until(self, pattern: str, timeout_s: float = 90.0) -> str:
        """What was shown up to the first match from here on."""
        deadline = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.shown)) is None:
            if time.monotonic() > deadline or not self._more(deadline):
                pytest.fail(f"{pattern!r} was never shown; shown: {self.shown[-2000:]!r}")
        text, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return text

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def end(self, timeout_s: float = 90.0) -> int:
        """Wait for the program's end; its exit code. A program that asks for Ctrl-C again gets it."""
        deadline = time.monotonic() + timeout_s
        while self._more(deadline):
            if "Ctrl-C again" in self.shown:
                self.shown = ""
                self.type("\x03")
        if time.monotonic() >= deadline:
            os.kill(self.pid, signal.SIGKILL)
            pytest.fail(f"the program did not end; shown: {self.shown[-2000:]!r}")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_a_talk_from_a_pipe_is_remembered_by_the_next_one(tmp_path, talk):
    first = piped(tmp_path, "My locker code is 4471.\n/quit\nnever read\n")
    assert first.returncode == 0, first.stderr
    assert "Got it, I will remember that." in first.stdout
    assert "stored #1" in first.stdout
    assert talk("What is my locker code?\n", "--quiet") == "4471.\n"


def test_notes_say_where_an_answer_is_from_and_what_was_not_kept(talk):
    out = talk("My locker code is 4471.\nWhat is my locker code?\nTell me a joke.\n")
    assert "#1 My locker code is 4471." in out
    assert "not stored: a question states nothing to keep" in out
    assert "the model's own words" in out


def test_commands_look_pin_forget_and_switch_off(talk):
    out = talk(
        "/memories\nMy locker code is 4471.\n/pin\n/memories\n/memories locker\n/off\nWhat is my locker code?\n/on\n"
        "/why\n/forget 1\n/forget 1\n/forget x\n/memories\n/status\n/undo\n/nonsense\n/help\n",
    )
    for line in ("nothing is remembered yet", "pinned: My locker code is 4471.", "#1     My locker", "memory is off",
                 "memory was off", "forgotten for good: My locker code is 4471.", "there is no #1", "which one?",
                 "no night to undo", "there is no /nonsense", "/memories [words]", "answered by"):  # fmt: skip
        assert line in out
    assert "Words of my own." in out  # memory off: the model spoke, not the store


@pytest.mark.slow
def test_the_first_ctrl_c_stops_the_answer_and_the_second_leaves(tmp_path):
    terminal = Terminal([*program("go on and on " * 400, 0.01), "--home", str(tmp_path), "chat"])
    terminal.until("> ")
    terminal.type("Tell me a story.\n")
    terminal.until("go on and on go on")
    terminal.type("\x03")
    terminal.until(r"\(stopped\)")
    terminal.until("> ")
    terminal.type("\x03")
    assert terminal.end() == 0


@pytest.mark.slow
def test_a_ctrl_c_at_the_prompt_warns_first(tmp_path):
    terminal = Terminal([*program(), "--home", str(tmp_path), "chat"])
    terminal.until("> ")
    terminal.type("\x03")
    terminal.until("Ctrl-C again")
    terminal.type("My locker code is 4471.\n")
    terminal.until("stored #1")
    terminal.until("> ")
    terminal.type("\x04")
    assert terminal.end() == 0


def test_a_chat_that_is_killed_has_lost_nothing_it_acknowledged(tmp_path, talk):
    terminal = Terminal([*program(), "--home", str(tmp_path), "chat"])
    terminal.until("> ")
    terminal.type("My locker code is 4471.\n")
    terminal.until("I will remember that")
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.end()
    assert talk("What is my locker code?\n", "--quiet") == "4471.\n"


def test_an_answer_cannot_send_escape_sequences(talk):
    out = talk("Tell me a joke.\n", "--quiet", says="\x1b[2Jboo\x07")
    assert "boo" in out
    assert not re.search(r"[\x1b\x07]", out)


def test_notes_without_sources_are_one_line():
    class Turn:
        decided_by, sources, path, outcomes = "model", (), (), ()

    assert list(notes_of(Turn())) == ["  the model's own words"]

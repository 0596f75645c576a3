"""Everything that fails is one line on stderr and an exit code; help is quick and has examples."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hippo_cli.session import Session
from hippo_mem.errors import StoreBusy

COMMANDS = ("demo", "remember", "recall", "ask", "forget", "status", "sleep", "eval", "doctor", "nights")
NIGHTS = (("nights", "list"), ("nights", "show"), ("nights", "undo"))


@pytest.mark.parametrize("command", [*((c,) for c in COMMANDS), *NIGHTS], ids=" ".join)
def test_every_help_has_an_example_and_takes_json(hippo, command):
    done = hippo(*command, "--help")
    assert done.code == 0
    assert f"Example: hippo {command[0]}" in " ".join(done.out.split())
    assert "--json" in done.out


def test_no_words_is_help(hippo):
    done = hippo()
    assert done.code == 0
    for command in COMMANDS:
        assert command in done.out


def test_help_loads_no_model_library():
    code = (
        "import sys\nfrom hippo_cli.main import main\nassert main(['--help']) == 0\n"
        "heavy = {'torch', 'transformers', 'faiss', 'spacy', 'matplotlib', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - start < 5.0  # 0.3 s on a quiet machine; the imports above would take 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("recall",), "Missing argument"),
        (("sleep", "--bogus"), "No such option: --bogus"),
        (("nope",), "No such command 'nope'"),
        (("forget",), "exactly one of --id, --source, --doc, --all; got none"),
        (("forget", "--id", "3", "--all"), "got --id 3, --all"),
        (("recall", "x", "--k", "0"), "--k"),
        (("nights", "show"), "Missing argument"),
    ],
)
def test_misuse_is_one_line_and_code_2(hippo, words, said):
    done = hippo(*words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("hippo: ")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert "--help)" in done.err


def _raising(error: BaseException):
    def open_broken(_session: Session):
        raise error

    return open_broken


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (StoreBusy("process 12 has been sleeping\nfor 3 s"), 1, "hippo: process 12 has been sleeping for 3 s\n"),
        (KeyboardInterrupt(), 130, "hippo: stopped; nothing was lost\n"),
        (
            PermissionError(13, "Permission denied", "/x/nights"),
            1,
            "hippo: cannot read /x/nights: permission denied; take the right to it (chmod -R u+rwX), or name another "
            "place by HIPPO_HOME\n",
        ),
        (
            ZeroDivisionError("division by zero"),
            1,
            "hippo: ZeroDivisionError: division by zero (an error in hippo itself; --verbose shows where)\n",
        ),
    ],
)
def test_failures_below_are_one_line(hippo, monkeypatch, error, code, line):
    monkeypatch.setattr(Session, "open", _raising(error))
    done = hippo("status")
    assert (done.code, done.out, done.err) == (code, "", line)


@pytest.mark.parametrize(
    ("module", "read", "line"),
    [
        ("main", "commands", "hippo: stopped; nothing was lost\n"),
        ("columns", "columns_commands",
         "hippo-columns: stopped; finished runs are kept, the same command goes on from there\n"),
    ],
)  # fmt: skip
def test_ctrl_c_while_the_commands_are_read_is_one_line(module, read, line):
    code = (
        "import os, signal, sys\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'hippo_cli.{read}': os.kill(os.getpid(), signal.SIGINT)\n"
        f"sys.meta_path.insert(0, Slow())\nfrom hippo_cli.{module} import entry\nentry()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", line)


@pytest.mark.parametrize("module", ["main", "columns"])
def test_what_a_command_begins_with_is_read_at_once(module):
    """Before Ctrl-C is looked for there is little but Python's own start."""
    code = (
        f"import sys\nimport hippo_cli.{module}\n"
        "heavy = {'typer', 'rich', 'logging', 'hippo_mem', 'hippo_columns'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_verbose_shows_where_an_error_came_from(home: Path):
    code = (
        "import sys\nfrom hippo_cli.main import entry\nfrom hippo_cli.session import Session\n"
        "def broken(session): raise ZeroDivisionError('oh')\n"
        "Session.open = broken\nsys.argv = ['hippo', 'status', '--verbose']\nentry()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "in broken" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("hippo: ZeroDivisionError: oh")


def test_options_of_every_command_stand_before_or_after_it(hippo, tmp_path):
    hippo("--home", str(tmp_path / "a"), "--user", "anna", "status", "--json")
    hippo("status", "--home", str(tmp_path / "a"), "--user", "anna", "--json")
    before, after = hippo.sessions
    assert before == after
    assert before == Session(home=tmp_path / "a", user="anna", as_json=True)


def test_after_the_command_wins(hippo, monkeypatch):
    monkeypatch.setenv("HIPPO_MODEL", "from-environment")
    hippo("--user", "anna", "status", "--user", "berta")
    hippo("--model", "from-line", "status")
    hippo("status")
    assert [s.user for s in hippo.sessions] == ["berta", None, None]
    assert [s.model_name for s in hippo.sessions] == ["from-environment", "from-line", "from-environment"]

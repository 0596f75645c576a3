"""Which engine answers now: the quick one where there is a checked export, torch until then or where there is none.

Exports and checks run in processes of their own; meanwhile whoever answered before goes on. After a night, the one
before it (or the base) speaks until the new one has passed its check; a night that is gone from disk never does. A
process without torch does not load it for the sake of these seconds. Every reason for torch is one line, told once to
the log and kept in `reason`. Safe to share between threads. Knows nothing of memories.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from hippo_mem.errors import HippoError, InputError
from hippo_mem.lm.engine import Engine
from hippo_mem.lm.quick.home import EngineHome, EngineUnavailable, Precision, night_file
from hippo_mem.lm.quick.runtime import QuickEngine
from hippo_mem.lm.source import BUNDLED, is_local, resolve

log = logging.getLogger(__name__)

_BUSY = 3  # exit code of a build when another process is at it
_POLL_S = 0.2
_WEIGHTS = "adapter_model.safetensors"
_CHECKING = "the quick engine is being checked with the new night"


class EngineKeeper:
    """The engines of one open memory.

    Args:
        precision: of the quick engine.
        torch_engine: loads torch's, with the night in force; called only when it has to answer.
        night: the folder of the night in force, None for the base alone.
        torch_loaded: whether torch's is loaded already: then it has a new night at once, and answers meanwhile.
        n_threads: of the quick engine that share one product; all cores by default.
    """

    def __init__(
        self, model: str, models: Path, precision: Precision, torch_engine: Callable[[], Engine],
        night: Callable[[], Path | None], *, torch_loaded: Callable[[], bool], n_threads: int | None = None,
    ) -> None:  # fmt: skip
        self._model, self._models, self._precision = model, models, precision
        self._torch, self._night, self._torch_loaded = torch_engine, night, torch_loaded
        self._n_threads = n_threads
        self._lock = threading.RLock()
        self._home: EngineHome | None = None
        self._quick: QuickEngine | None = None
        self._job: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._job_night: Path | None = None
        self.reason = ""
        self.name: str = precision  # of who answered last

    def current(self) -> Engine:
        """The engine that answers now. Starts what is missing; waits for nothing."""
        night = self._night()
        with self._lock:
            try:
                return self._choose(night)
            except _NotYet as error:
                self._say(f"{error}; torch answers meanwhile")
            except HippoError as error:
                self._say(str(error))
            self.name = "torch"
        return self._torch()  # takes seconds, in which others ask and close

    def prepare(self) -> bool:
        """Start what is missing, and wait for nothing; whether nothing is. Loads no torch."""
        night = self._night()
        with self._lock:
            try:
                self._choose(night, strict=True)
            except _NotYet as error:
                self.reason = str(error)
                return False
            except HippoError as error:
                self._say(str(error))
            return True

    def wait(self, timeout_s: float = 600.0) -> str:
        """Wait until the quick engine answers, or cannot; returns the name of the engine that answers."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with self._lock:
                    return self._choose(self._night(), strict=True).name
            except _NotYet:
                if time.monotonic() > deadline:
                    self._say(f"the export took longer than {timeout_s:.0f} s")
                    self.name = "torch"
                    return self.name
                time.sleep(_POLL_S)
            except HippoError as error:
                self._say(str(error))
                self.name = "torch"
                return self.name

    def close(self) -> None:
        """Let go; an export under way is stopped, and leaves nothing that could be taken for one."""
        with self._lock:
            self._quick = None
            if self._job is not None and self._job.poll() is None:
                os.killpg(self._job.pid, signal.SIGTERM)  # the builder that it runs as well
                self._job.wait()
            if self._errors is not None:
                self._errors.close()
            self._job, self._errors = None, None

    # Choosing -------------------------------------------------------------------------------------------------------

    def _choose(self, night: Path | None, *, strict: bool = False) -> Engine:
        """The quick engine with `night`, or as it was before while that is being checked.

        Args: strict: do not answer by what was before.
        Raises: EngineUnavailable with the reason; _NotYet while it is being made.
        """
        quick = self._opened()
        if quick.night == night:
            return self._used(quick)
        if night is None or self._checked(night):
            quick.adopt(night)
            return self._used(quick)
        self._start(night)
        if quick.night is not None and not (quick.night / _WEIGHTS).is_file():
            quick.adopt(None)  # what it learned was forgotten
        if strict or (quick.night is None and self._torch_loaded()):
            raise _NotYet(_CHECKING)
        self.reason, self.name = f"{_CHECKING}; what answered before answers meanwhile", quick.name
        return quick

    def _opened(self) -> QuickEngine:
        if self._quick is None:
            home = self._at()
            if not home.ready(self._precision):
                if failed := home.reason(self._precision):
                    raise EngineUnavailable(failed)
                self._start(None)
                raise _NotYet("the quick engine is being exported, once")
            self._quick = QuickEngine(home.folder(self._precision), n_threads=self._n_threads)
        return self._quick

    def _at(self) -> EngineHome:
        if self._home is None:
            if self._model in BUNDLED and not is_local(self._model, self._models):
                self._start(None)  # unpacking takes torch and a quarter of a minute: not in this process
                raise _NotYet("the model is being unpacked and exported, once")
            source = resolve(self._model, self._models)
            self._home = EngineHome(model=self._model, source=source, models=self._models)
        return self._home

    def _checked(self, night: Path) -> bool:
        """Whether a night has passed its check.

        Raises: EngineUnavailable when it has failed.
        """
        try:
            found = json.loads(night_file(night, self._precision).read_text(encoding="utf-8"))
            passed, origin = bool(found["passed"]), found["origin"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if origin != self._at().origin():  # checked on another export
            return False
        if not passed:
            figures = {k: found.get(k) for k in ("top1", "kl", "gate")}
            raise EngineUnavailable(f"the night does not answer as it does on torch ({figures})")
        return True

    def _used(self, quick: QuickEngine) -> QuickEngine:
        self.reason, self.name = "", quick.name
        return quick

    # Making ---------------------------------------------------------------------------------------------------------

    def _start(self, night: Path | None) -> None:
        """See that an export, or a night's check, is under way.

        Raises: EngineUnavailable when the last one ended without what it was for.
        """
        job = self._job
        if job is not None:
            code = job.poll()
            if code is None:
                return
            said = self._said()
            same = self._job_night == night
            self._job = None
            if code == _BUSY:
                time.sleep(_POLL_S)  # another process exports; look again in a moment
            elif code != 0 and same:
                raise EngineUnavailable(said[-1] if said else f"the export ended with code {code}")
        command = [
            sys.executable, "-m", "hippo_mem.lm.quick.build", "--model", self._model, "--models", str(self._models),
            "--precision", self._precision, *(("--night", str(night)) if night is not None else ()),
        ]  # fmt: skip
        quiet = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}
        self._job_night = night
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the process)
        self._job = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors, env=quiet,
            start_new_session=True,
        )  # fmt: skip

    def _said(self) -> list[str]:
        """What the last job wrote to stderr, line by line."""
        if self._errors is None:
            return []
        with self._errors as errors:
            errors.seek(0)
            return errors.read().decode(errors="replace").strip().splitlines()

    def _say(self, reason: str) -> None:
        if reason != self.reason:
            log.info("torch answers: %s", reason)
        self.reason = reason


class _NotYet(EngineUnavailable):
    """It is being made."""


def check_precision(engine: str) -> Precision | None:
    """The precision of an engine's name: "auto" is int8, the nearer to the model; None for "torch".

    Raises: InputError for another name.
    """
    if engine == "torch":
        return None
    if engine in ("auto", "int8"):
        return "int8"
    if engine == "int4":
        return "int4"
    raise InputError(f"engine must be torch, auto, int8 or int4, got {engine!r}")

"""Nights of the server's users, each in a process of its own: started, watched, stopped, and started by themselves.

One night at a time on this server (a night takes every core); across processes the user's sleep lock decides. Knows
nothing of how a night is trained, and nothing of HTTP.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from hippo_mem.errors import InputError, StoreBusy

log = logging.getLogger(__name__)
_STOP_S = 10.0  # a night told to end is killed after so many seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepRun:
    """One night as seen from outside. Times are unix seconds; `eta_s` is for the stage that runs."""

    user: str
    state: Literal["running", "done", "failed", "stopped"]
    why: str
    started: float
    ended: float | None = None
    stage: str = "starting"
    done: int = 0
    total: int = 0
    stage_started: float = 0.0
    report: dict[str, Any] | None = None
    error: str = ""

    @property
    def eta_s(self) -> float | None:
        """Seconds until the stage ends, from its pace so far; None before there is one."""
        if self.state != "running" or not self.done or self.total <= self.done:
            return None
        return (time.time() - self.stage_started) / self.done * (self.total - self.done)


class Bedroom:
    """Starts and watches nights.

    Args:
        home: the data home. model: as `Hippo.open` takes it.
        woken: called with the user after a night ended, in the watching thread.
    """

    def __init__(self, home: Path, model: str, *, woken: Callable[[str], None] | None = None) -> None:
        self._home, self._model, self._woken = home, model, woken
        self._lock = threading.Lock()
        self._runs: dict[str, SleepRun] = {}
        self._process: subprocess.Popen[str] | None = None
        self._watcher: threading.Thread | None = None
        self._stopping = False

    def start(self, user: str, why: str = "asked") -> SleepRun:
        """Begin a night for `user`.

        Raises: StoreBusy while any night of this server runs.
        """
        with self._lock:
            if running := self._running():
                whose = "this memory is asleep already" if running.user == user else "another memory is asleep"
                raise StoreBusy(f"{whose} since {time.time() - running.started:.0f} s; wait for it, or stop it")
            words = ["--home", str(self._home), "--user", user, "--model", self._model]
            self._stopping = False
            self._process = subprocess.Popen(  # the interpreter and module are ours, the words are checked ids
                [sys.executable, "-m", "hippo_mem.serve.asleep", *words], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            )  # fmt: skip
            run = SleepRun(user=user, state="running", why=why, started=time.time(), stage_started=time.time())
            self._runs[user] = run
            self._watcher = threading.Thread(
                target=self._watch, args=(user, self._process), name=f"night of {user}", daemon=True
            )
            self._watcher.start()
        log.info("a night begins: %s", why)
        return run

    def run_of(self, user: str) -> SleepRun | None:
        """The night that runs for `user`, else the last one that this server started for them."""
        return self._runs.get(user)

    def running(self) -> SleepRun | None:
        """The night that runs now, of whomever."""
        with self._lock:
            return self._running()

    def stop(self, user: str) -> SleepRun:
        """End the night of `user`; what was in force before stays in force. Returns when the process has ended.

        Raises: InputError when no night of this user runs.
        """
        with self._lock:
            run, process, watcher = self._running(), self._process, self._watcher
            if run is None or run.user != user or process is None or watcher is None:
                raise InputError("no night is running for this memory")
            self._stopping = True
            process.terminate()  # at any moment: the last good night stays in force
        watcher.join(_STOP_S)
        if process.poll() is None:
            process.kill()
        watcher.join()
        return self._runs[user]

    def close(self) -> None:
        """End what runs."""
        if run := self.running():
            self.stop(run.user)

    def _running(self) -> SleepRun | None:
        return next((run for run in self._runs.values() if run.state == "running"), None)

    def _watch(self, user: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        last_words: list[str] = []
        drain = threading.Thread(target=lambda: last_words.extend(process.stderr or ()), daemon=True)
        drain.start()
        report, error = None, ""
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:  # a library's own words
                continue
            if "stage" in said:
                self._step(user, said)
            report, error = said.get("report", report), said.get("error", error)
        code = process.wait()
        drain.join(_STOP_S)
        process.stdout.close()
        process.stderr.close()
        if report is not None:
            state: Literal["done", "failed", "stopped"] = "done"
        elif self._stopping:
            state = "stopped"
        else:
            state = "failed"
            error = (
                error or f"the night's process ended with code {code}: {''.join(last_words[-1:]).strip() or 'no word'}"
            )
        with self._lock:
            self._runs[user] = replace(
                self._runs[user],
                state=state,
                ended=time.time(),
                report=report,
                error=error if state == "failed" else "",
            )
            self._process = None
        log.info("the night ended: %s", state)
        if self._woken is not None:
            self._woken(user)

    def _step(self, user: str, said: dict[str, Any]) -> None:
        with self._lock:
            before = self._runs[user]
            began = before.stage_started if said["stage"] == before.stage else time.time()
            self._runs[user] = replace(
                before, stage=said["stage"], done=said["done"], total=said["total"], stage_started=began
            )

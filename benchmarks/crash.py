"""Are acknowledged writes ever lost? Processes that write to one store are killed at random times, again and again.

    python benchmarks/crash.py --trials 200 --writers 4 --json crash.json

Each trial starts the writers on the same store, waits until they have acknowledged a random number of writes and a
random moment longer, and ends all of them by SIGKILL, in the middle of whatever they do. Writers, and the process that
looks at what is left, are forked from one that has loaded the code and opened nothing: what would be waited for is
imports. A write counts as acknowledged when `observe` had returned and the writer had said so through a pipe. Half of
the writes are new events, half repeat an event that all writers share: each repetition must raise its mention count by
one, so an update that one process overwrote for another is seen. Then the store is opened:

    lost            acknowledged events whose row or text is not there
    lost_updates    acknowledged repetitions that the shared events' counts do not hold, counters that are behind, and
                    facts that were not told as often as they say
    unopenable      trials after which the store did not open, failed SQLite's integrity check, or had orphans
    index_wrong     trials after which a search of the index did not find what was acknowledged

All four must be 0. The store goes on from trial to trial, so damage would add up. Vectors are hashed words: what is
tested is the store, and a kill falls into it more often when nothing else takes time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import faiss

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import StoreError
from hippo_mem.knowledge import MEMORIES
from hippo_mem.relational.frames import FrameParser
from hippo_mem.storage.origins import orphans

DIM = 32
N_SHARED = 5
_LAST_WRITE_S = 0.05  # the kill falls anywhere in what comes after the last write that was waited for
PARSER = FrameParser()  # loaded before anything is forked


def shared_text(number: int) -> str:
    return f"Everyone has heard bell number {number} of the old harbor."


def own_text(trial: int, writer: int, number: int) -> str:
    return f"Writer {writer} of watch {trial} put crate {number} into hold {trial * 31 + number * 7}."


@dataclass
class Forked:
    """A process of ours, the pipe it speaks through, and what was heard so far."""

    pid: int
    pipe: int
    heard: bytes = b""

    def hear(self) -> bool:
        """Wait for more; False when there will be none."""
        more = os.read(self.pipe, 1 << 16)
        self.heard += more
        return bool(more)

    def kill(self) -> None:
        """End it at once; it does not get to do anything any more."""
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> str:
        """All that it said, when it is gone."""
        while self.hear():
            pass
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        if os.waitstatus_to_exitcode(status) > 0:
            raise SystemExit("a process failed by itself; what it met stands above")
        return self.heard.decode()


def hear(writers: list[Forked], n_lines: int) -> None:
    """Listen until the writers have said so many lines together, or one of them is gone."""
    with selectors.DefaultSelector() as selector:
        for writer in writers:
            selector.register(writer.pipe, selectors.EVENT_READ, writer)
        while sum(writer.heard.count(b"\n") for writer in writers) < n_lines:
            for key, _ in selector.select():
                if not key.data.hear():
                    return


def fork(job: Callable[[TextIO], None]) -> Forked:
    """Run a job in a process of its own; the job speaks through the file it is given."""
    sys.stdout.flush()
    hears, speaks = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(hears)
            faiss.omp_set_num_threads(1)
            with os.fdopen(speaks, "w") as out:
                job(out)
        except BaseException:  # noqa: BLE001 - whatever it was, the parent's code must not go on here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(speaks)
    return Forked(pid, hears)


def write(out: TextIO, home: Path, trial: int, writer: int, memories: list[str]) -> None:
    """What a writer process does until it is killed: one line for each write that is on disk."""
    memory = Awake.open(home, embedder=HashingEmbedder(DIM), memories=memories, parser=PARSER, timeout_s=120.0)
    memory.observe(shared_text(0), pin=True)
    print("shared 0", file=out, flush=True)
    chance = random.Random(trial * 1_000 + writer)
    number = 0
    while True:
        if chance.random() < 0.5:
            which = chance.randrange(N_SHARED)
            memory.observe(shared_text(which), pin=True)
            print(f"shared {which}", file=out, flush=True)
        else:
            outcome = memory.observe(own_text(trial, writer, number), pin=True)[0]
            print(f"own {outcome.trace_id} {number}", file=out, flush=True)
            number += 1
        if chance.random() < 0.1:
            memory.store.close()  # writes the index file, so that a kill can fall into that too
        if chance.random() < 0.1:
            memory.recall("crate", 2)
            memory.keep_counts()


@dataclass
class Tally:
    """What was acknowledged so far, and what went wrong."""

    own: dict[int, str] = field(default_factory=dict)
    shared: list[int] = field(default_factory=lambda: [0] * N_SHARED)
    unopenable: int = 0
    index_wrong: int = 0
    opened_s: list[float] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """All writes that were said to be on disk."""
        return len(self.own) + sum(self.shared)


def run_trial(home: Path, trial: int, n_writers: int, most: int, memories: list[str], tally: Tally) -> None:
    """Start, wait, kill; note what had been acknowledged."""
    writers: list[Forked] = []
    try:
        for i in range(n_writers):
            writers.append(fork(lambda out, i=i: write(out, home, trial, i, memories)))  # type: ignore[misc]
        chance = random.Random(trial)
        hear(writers, chance.randint(0, most))
        time.sleep(chance.uniform(0.0, _LAST_WRITE_S))
    finally:
        order = list(writers)
        random.Random(trial + 1).shuffle(order)
        for writer in order:
            writer.kill()
    for number, writer in enumerate(writers):
        for line in writer.end().splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # cut off: it was never said
            kind, *rest = line.split()
            if kind == "own":
                tally.own[int(rest[0])] = own_text(trial, number, int(rest[1]))
            else:
                tally.shared[int(rest[0])] += 1


def check(home: Path, tally: Tally) -> tuple[int, int]:
    """Open the store as any user would, in a process of its own; returns (lost, lost updates) of all trials so far."""

    def look(out: TextIO) -> None:
        json.dump([*_look(home, tally), tally.unopenable, tally.index_wrong, tally.opened_s], out)

    said = fork(look).end()
    if not said:
        raise SystemExit("the store could not be looked at")
    lost, updates, tally.unopenable, tally.index_wrong, tally.opened_s = json.loads(said)
    return lost, updates


def _look(home: Path, tally: Tally) -> tuple[int, int]:
    embedder = HashingEmbedder(DIM)
    started = time.perf_counter()
    try:
        memory = Awake.open(home, embedder=embedder, parser=PARSER)
    except StoreError as error:
        print(f"  does not open: {error}")
        tally.unopenable += 1
        return len(tally.own), sum(tally.shared)
    with contextlib.closing(memory):
        memory.store.nearest(embedder.embed(["crate"])[0], 1)
        tally.opened_s.append(time.perf_counter() - started)
        with memory.database.read() as connection:
            broken = memory.database.check() or orphans(connection)
            rows = dict(connection.execute("SELECT id, text FROM traces").fetchall())
            counts = dict(connection.execute("SELECT text, sum(mention_count) FROM traces GROUP BY text").fetchall())
            counters = dict(connection.execute("SELECT name, value FROM counters").fetchall())
            # A telling of a fact is a line of its origins and one more mention, both or neither.
            (torn,) = connection.execute(
                "SELECT count(*) FROM facts WHERE mention_count != "
                "(SELECT count(*) FROM origins WHERE kind = 'fact' AND row_id = facts.id)"
            ).fetchone()
            (mentions,) = connection.execute("SELECT coalesce(sum(mention_count), 0) FROM traces").fetchone()
        if broken:
            print(f"  broken: {broken}")
            tally.unopenable += 1
        lost = sum(rows.get(trace_id) != text for trace_id, text in tally.own.items())
        behind = [max(0, n - counts.get(shared_text(i), 0)) for i, n in enumerate(tally.shared)]
        # Every write that is on disk moved the counter by one, in its own transaction.
        drift = abs(mentions - counters.get("gates_accepts", 0) - counters.get("gates_merged", 0))
        newest = list(tally.own.items())[-50:]
        cues = embedder.embed([text for _, text in newest]) if newest else []
        found = [memory.store.nearest(cue, 20) for cue in cues]
        missed = [i for (i, _), near in zip(newest, found, strict=True) if i not in dict(near)]
        everything = memory.store.nearest(embedder.embed(["crate"])[0], len(rows) + 10)
        if missed or {i for i, _ in everything} != set(rows):
            print(f"  the index misses {len(missed)} of the newest; holds {len(everything)} of {len(rows)}")
            tally.index_wrong += 1
    return lost, sum(behind) + drift + torn


def run(trials: int, n_writers: int, most: int, memories: str, home: Path) -> dict[str, Any]:
    tally = Tally()
    lost = lost_updates = 0
    PARSER.parse(shared_text(0))
    began = time.perf_counter()
    for trial in range(trials):
        run_trial(home, trial, n_writers, most, memories.split(","), tally)
        lost, lost_updates = check(home, tally)
        if lost or lost_updates or trial % 10 == 9 or trial == trials - 1:
            print(
                f"trial {trial + 1}/{trials}: {tally.acknowledged} acknowledged, {lost} lost, {lost_updates} lost "
                f"updates, {tally.unopenable} unopenable, {tally.index_wrong} with a wrong index",
                flush=True,
            )
    opened = sorted(tally.opened_s)
    return {
        "trials": trials,
        "writers": n_writers,
        "memories": memories.split(","),
        "acknowledged": tally.acknowledged,
        "acknowledged_repetitions": sum(tally.shared),
        "lost": lost,
        "unopenable": tally.unopenable,
        "lost_updates": lost_updates,
        "index_wrong": tally.index_wrong,
        "open_p50_ms": round(opened[len(opened) // 2] * 1e3, 1) if opened else None,
        "open_max_ms": round(opened[-1] * 1e3, 1) if opened else None,
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--most", type=int, default=60, help="acknowledged writes of a trial before the kill, at most")
    parser.add_argument("--memories", default=",".join(MEMORIES), help="which of the three take part")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    if given.trials < 1 or given.writers < 1:
        parser.error("trials and writers must be 1 or more")
    folder = Path(tempfile.mkdtemp(prefix="hippo-crash-"))
    try:
        figures = run(given.trials, given.writers, given.most, given.memories, folder / "home")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures, indent=2))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return int(any(figures[name] for name in ("lost", "unopenable", "lost_updates", "index_wrong")))


if __name__ == "__main__":
    sys.exit(main())

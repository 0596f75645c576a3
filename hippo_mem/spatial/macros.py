"""Ways of doing things that worked, and the parts that come back in many of them [procedural memory, chunking].

In: trajectories, lists of steps {"action", "at"?, "to"?, "success"?}. Out: macros, each with a signature, its steps
and how often it was used and led to success; suggestions for a situation, ranked by a policy when one was trained.
Contexts never mix: a macro belongs to the context of its trajectories. Knows nothing of places or of sentences.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hippo_mem.errors import InputError
from hippo_mem.spatial.parts import Actions, Parts, fits, overlap
from hippo_mem.spatial.policy import Policy, PolicyReport, fit
from hippo_mem.spatial.rows import Telling, add_trajectory
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import add_origin, bump, version
from hippo_mem.text import clean_text
from hippo_mem.types import Provenance

MAX_TRAJECTORY = 10_000
_FLAGS = ("success", "reward")


class MacroLib:
    """The macros of one store.

    Args:
        database: the open store.
        policy: where the trained policy is kept (safetensors); None: suggestions are ranked by use alone.
        max_macros: a context keeps this many; those that save the fewest steps go first.
        clock: unix seconds.
    """

    def __init__(
        self,
        database: Database,
        *,
        policy: Path | None = None,
        max_macros: int = 1000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if max_macros < 1:
            raise InputError(f"max_macros must be at least 1, got {max_macros}")
        self._database = database
        self._policy_file = policy
        self._policy: Policy | None = None
        self._policy_stamp: tuple[int, int, int] | None = None
        self._max = max_macros
        self._clock = clock
        self._seen: dict[str | None, Parts] = {}
        self._stamp: tuple[int, str] = (-1, "")

    def add(
        self,
        trajectory: Sequence[Mapping[str, Any]],
        *,
        context: str | None = None,
        goal: str | None = None,
        success: bool | None = None,
        provenance: Provenance | None = None,
        trace_id: int | None = None,
    ) -> str:
        """Remember one trajectory; returns the signature of the macro that is its whole.

        Args:
            trajectory: its steps in order; "action" (or "move") is required, "at" and "to" say where it was done and
                where it led. `success` False on the last step, or as argument, marks a failure.
            context: whose session; goal: what it was for, default where it ended.
            provenance: who told it; default the program itself, now.
        Raises: InputError for an empty trajectory, one over 10 000 steps, or a step without an action.
        """
        steps = _checked(trajectory)
        now = self._clock()
        told = provenance or Provenance(
            text_span=" ".join(s["action"] for s in steps)[:500], source="program", time=now
        )
        with self._database.write() as connection:
            return self.record(
                connection,
                Telling(provenance=told, context=context, trace_id=trace_id, now=now),
                steps,
                start=str(steps[0].get("at", "")),
                goal=goal if goal is not None else str(steps[-1].get("to", "")),
                success=success
                if success is not None
                else all(s.get(f, True) is not False for s in steps for f in _FLAGS),
            )

    def record(
        self,
        connection: sqlite3.Connection,
        telling: Telling,
        steps: Sequence[Mapping[str, Any]],
        *,
        start: str,
        goal: str,
        success: bool,
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """`add` within the caller's transaction, of steps that each have an "action"."""
        parts = self._parts(connection, telling.context)
        row = add_trajectory(
            connection, telling, start=start, goal=goal, steps=steps, success=success, details=details
        )  # fmt: skip
        actions = tuple(str(s["action"]) for s in steps)
        again = parts.add(row, steps, start, goal, success)
        whole = signature(actions, telling.context)
        for part in {actions, *again}:
            self._write(connection, telling, part, parts)
        self._limit(connection, telling.context, whole)
        bump(connection, "spatial")
        # A transaction that is rolled back takes its mark along: then the counts in memory are known to be wrong.
        connection.execute(
            "INSERT INTO meta VALUES ('macros_mark', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (uuid.uuid4().hex,),
        )
        self._stamp = _stamp(connection)
        return whole

    def suggest(self, context: Mapping[str, Any], topk: int = 3) -> list[dict[str, Any]]:
        """The macros most worth trying next, best first.

        Args:
            context: what is known of the situation: "context" (the session), "at" (where one is), "goal",
                "last" (the action or actions done so far), and whatever else the policy was trained on.
            topk: how many, at least 1.
        Returns: dicts with "signature", "steps" (actions that are left to do), "success_stats" {"uses",
            "successes", "rate"} and "score" in 0..1. Macros that begin elsewhere than "at" or were never successful
            come after those that fit. When "last" is the beginning of a macro, its rest is suggested.
        """
        if topk < 1:
            raise InputError(f"topk must be at least 1, got {topk}")
        key = context.get("context")
        last = _last(context.get("last"))
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM macros WHERE context_key IS ?", (key,)).fetchall()
            parts = self._parts(connection, key)
            policy = self._trained(connection)
        ranked = []
        for row in rows:
            actions = tuple(json.loads(row["steps"]))
            runs = parts.runs.get(actions, ())
            if not runs:
                continue
            uses, good = len(runs), sum(parts.success[r] for r in runs)
            done = overlap(last, actions)
            rest = actions[done:]
            begun = 1.0 if done or not last else 0.5  # what was begun is finished first
            suits = fits(context, parts.known.get(actions, {}), done)
            situation = {**context, "last": (*last, *actions[:done])}
            likely = policy.likelihood(rest, situation) if policy else 1.0
            # What a macro saves grows with its length, ever more slowly.
            score = (good + 1) / (uses + 2) * suits * begun * likely * (1.0 - 0.5 ** len(rest))
            ranked.append((score, uses, row["signature"], list(rest), good))
        ranked.sort(key=lambda r: (-r[0], -r[1], r[2]))
        return [
            {
                "signature": name,
                "steps": rest,
                "success_stats": {"uses": uses, "successes": good, "rate": good / uses if uses else 0.0},
                "score": score,
            }
            for score, uses, name, rest, good in ranked[:topk]
        ]

    def get(self, name: str) -> dict[str, Any] | None:
        """One macro by its signature: as `suggest`, with all its steps; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM macros WHERE signature = ?", (name,)).fetchone()
        if row is None:
            return None
        uses, good = row["uses"], row["successes"]
        return {
            "signature": name,
            "steps": json.loads(row["steps"]),
            "success_stats": {"uses": uses, "successes": good, "rate": good / uses if uses else 0.0},
        }

    def train_policy(self, path: Path | None = None, *, seed: int = 0) -> PolicyReport | None:
        """Clone the behavior of the successful trajectories of all contexts into the policy; for the sleep to call.

        Args:
            path: where to keep it; default where this library looks for it.
        Returns: what was learned; None when there is too little to learn from (fewer than two actions): then no
            policy is left.
        Raises: InputError when no path is known.
        """
        file = path or self._policy_file
        if file is None:
            raise InputError("train_policy needs a path, for this library was opened without one")
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT start, goal, steps, context_key, id, created FROM trajectories WHERE success = 1 "
                "ORDER BY id DESC LIMIT 5000"
            ).fetchall()
        runs = [(row["context_key"], row["start"], row["goal"], json.loads(row["steps"])) for row in reversed(rows)]
        learned = fit(runs, seed=seed)
        if learned is None:
            file.unlink(missing_ok=True)
            return None
        policy, report = learned
        replace(policy, learned_from=tuple((row["id"], row["created"]) for row in rows)).save(file)
        with self._database.read() as connection:  # one of them may have been deleted meanwhile
            drop_stale_policy(connection, file)
        if file == self._policy_file:
            self._policy_stamp = None
        return report

    def counts(self) -> dict[str, int]:
        """How many trajectories, successful ones, and macros there are."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM trajectories), (SELECT count(*) FROM trajectories WHERE success = 1), "
                "(SELECT count(*) FROM macros)"
            ).fetchone()
        return {"trajectories": row[0], "successful": row[1], "macros": row[2]}

    def _trained(self, connection: sqlite3.Connection) -> Policy | None:
        """The policy on disk, read again when it or the map changed; None where there is none, or none any more."""
        if self._policy_file is None or not self._policy_file.is_file():
            return None
        stat = self._policy_file.stat()
        stamp = (stat.st_mtime_ns, stat.st_size, version(connection, "spatial"))
        if self._policy_stamp != stamp:
            self._policy = None if drop_stale_policy(connection, self._policy_file) else Policy.load(self._policy_file)
            self._policy_stamp = stamp
        return self._policy

    def _parts(self, connection: sqlite3.Connection, context: str | None) -> Parts:
        """What came back so far in a context; counted anew when another process wrote or something was deleted."""
        now = _stamp(connection)
        if now != self._stamp:
            self._seen.clear()
            self._stamp = now
        if context not in self._seen:
            if len(self._seen) >= 64:
                self._seen.clear()
            parts = self._seen[context] = Parts()
            for row in connection.execute(
                "SELECT id, start, goal, steps, success FROM trajectories WHERE context_key IS ? ORDER BY id",
                (context,),
            ):
                parts.add(row["id"], json.loads(row["steps"]), row["start"], row["goal"], bool(row["success"]))
        return self._seen[context]

    def _write(self, connection: sqlite3.Connection, telling: Telling, part: Actions, parts: Parts) -> None:
        """Make or update one macro; it comes from every trajectory that it is a part of."""
        runs = parts.runs[part]
        name = signature(part, telling.context)
        old = connection.execute("SELECT id FROM macros WHERE signature = ?", (name,)).fetchone()
        good = sum(parts.success[r] for r in runs)
        connection.execute(
            "INSERT INTO macros (signature, context_key, steps, uses, successes, created, last_used) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (signature) DO UPDATE SET uses = excluded.uses, "
            "successes = excluded.successes, last_used = excluded.last_used",
            (name, telling.context, json.dumps(part, ensure_ascii=False), len(runs), good, telling.now, telling.now),
        )
        row = connection.execute("SELECT id FROM macros WHERE signature = ?", (name,)).fetchone()[0]
        if old is None and len(runs) > 1:  # it was only now seen to come back
            connection.execute(
                "INSERT INTO origins (kind, row_id, trace_id, text_span, source, time, doc_id, conf) "
                "SELECT 'macro', ?, trace_id, text_span, source, time, doc_id, conf FROM origins "
                "WHERE kind = 'trajectory' AND row_id IN (SELECT value FROM json_each(?)) ORDER BY id",
                (row, json.dumps(sorted(runs))),
            )
        else:
            add_origin(connection, "macro", row, telling.provenance, telling.trace_id)

    def _limit(self, connection: sqlite3.Connection, context: str | None, keep: str) -> None:
        n = connection.execute("SELECT count(*) FROM macros WHERE context_key IS ?", (context,)).fetchone()[0]
        if n <= self._max:
            return
        connection.execute(
            "DELETE FROM macros WHERE id IN (SELECT id FROM macros WHERE context_key IS ? AND signature != ? ORDER BY "
            "(json_array_length(steps) - 1) * (successes + 1.0) / (uses + 2.0) * uses DESC, last_used DESC "
            "LIMIT -1 OFFSET ?)",
            (context, keep, self._max - 1),
        )


def drop_stale_policy(connection: sqlite3.Connection, file: Path) -> bool:
    """Delete a policy that was cloned from a trajectory that is gone; whether it was. The next sleep makes another.

    A policy that does not say what it learned from is of an earlier version, and goes as well.
    Raises: StoreFormatError when the file is no policy.
    """
    if not file.is_file():
        return False
    learned_from = Policy.load(file).learned_from
    there = dict(
        connection.execute(
            "SELECT id, created FROM trajectories WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps([i for i, _ in learned_from]),),
        ).fetchall()
    )
    if learned_from and all(there.get(i) == when for i, when in learned_from):
        return False
    file.unlink(missing_ok=True)
    return True


def _stamp(connection: sqlite3.Connection) -> tuple[int, str]:
    row = connection.execute("SELECT value FROM meta WHERE key = 'macros_mark'").fetchone()
    return version(connection, "spatial"), row[0] if row else ""


def signature(actions: Sequence[str], context: str | None = None) -> str:
    """The name of a macro: its number of steps, its first action and a digest of all of them and the context."""
    digest = hashlib.blake2b(json.dumps([context, list(actions)], ensure_ascii=False).encode(), digest_size=8)
    head = "".join(c for c in actions[0].casefold() if c.isalnum())[:12] if actions else ""
    return f"{len(actions)}-{head or 'x'}-{digest.hexdigest()}"


def _checked(trajectory: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if not 1 <= len(trajectory) <= MAX_TRAJECTORY:
        raise InputError(f"a trajectory has 1 to {MAX_TRAJECTORY} steps, got {len(trajectory)}")
    steps = []
    for i, step in enumerate(trajectory):
        action = step.get("action", step.get("move")) if isinstance(step, Mapping) else None
        if not isinstance(action, str) or not action.strip():
            raise InputError(f"step {i} of the trajectory needs an action (text), got {step!r}")
        try:
            plain = json.loads(json.dumps({k: v for k, v in step.items() if k != "move"}, ensure_ascii=False))
        except (TypeError, ValueError) as error:
            raise InputError(f"step {i} of the trajectory holds what JSON cannot: {error}") from error
        steps.append({**plain, "action": clean_text(action, f"action of step {i}")})
    return steps


def _last(value: object) -> Actions:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(v) for v in value) if isinstance(value, Sequence) else ()

"""Is an event worth keeping [the neuromodulators' vote at encoding]. Knows nothing of how it is stored.

    S = alpha * z(surprise) + beta * novelty + gamma * reward + delta * pin        written iff S > tau, pinned always

Surprise is standardized against everything seen so far; before `warmup` events, and where no model measures it, its
part is 0, so the first events stand on their novelty alone. A text without content ("ok", "Thank you!") has neither
surprise nor novelty whatever a model thinks of it: only a reward or a pin keeps it.
Source: the specification's write gate; adaptive tau from the roadmap. Differs: z-scores, the content rule, and the
floor of novelty for changed words.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass, replace
from typing import Literal

from hippo_mem.config import GateConfig
from hippo_mem.types import Salience

_Z_LOW, _Z_HIGH = -1.0, 3.0  # a predictable sentence can still be a new fact: surprise may add more than it takes
_MIN_DEVIATION = 0.1  # nats; a stream of equal surprises does not make a tiny difference a large z


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """What the gate learned from the stream: tau (None: not adapted yet), and Welford's running moments of surprise."""

    tau: float | None = None
    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    def seen(self, surprise: float) -> GateState:
        """The state after one more surprise (nats per token)."""
        n = self.n + 1
        delta = surprise - self.mean
        mean = self.mean + delta / n
        return replace(self, n=n, mean=mean, m2=self.m2 + delta * (surprise - mean))

    @property
    def deviation(self) -> float:
        """Sample standard deviation of surprise in nats; 0 before two events."""
        return math.sqrt(self.m2 / (self.n - 1)) if self.n > 1 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate says of one event. `same` is a duplicate: to be counted into the nearest trace."""

    verdict: Literal["write", "same", "drop"]
    reason: str
    salience: Salience
    state: GateState


class Gate:
    """The write gate. Holds settings only: what it learns is a `GateState` that the caller keeps."""

    def __init__(self, config: GateConfig | None = None) -> None:
        self.config = config or GateConfig()

    def score(
        self, surprise: float, novelty: float, reward: bool, pin: bool, *, state: GateState | None = None
    ) -> float:
        """S of one event.

        Args:
            surprise: mean nats per token, 0..; standardized when `state` has seen `warmup` events.
            novelty: 0..2.
        """
        c = self.config
        z = self.standardize(surprise, state or GateState())
        return c.alpha * z + c.beta * novelty + c.gamma * float(reward) + c.delta * float(pin)

    def threshold(self, state: GateState) -> float:
        """The tau in force."""
        return self.config.tau if self.config.mode == "fixed" or state.tau is None else state.tau

    def standardize(self, surprise: float, state: GateState) -> float:
        """z of a surprise, within -1..3; 0 during warm-up."""
        if state.n < self.config.warmup:
            return 0.0
        return min(_Z_HIGH, max(_Z_LOW, (surprise - state.mean) / max(state.deviation, _MIN_DEVIATION)))

    def novelty(self, nearest: float | None, duplicate: bool) -> float:
        """1 - cosine to the nearest stored key, 0..2; 1 when nothing is stored, 0 for a duplicate.

        A text that is in other words than every stored one has at least `new_words_novelty`.
        """
        if duplicate:
            return 0.0
        if nearest is None:
            return 1.0
        return min(2.0, max(self.config.new_words_novelty, 1.0 - nearest))

    def decide(
        self,
        *,
        surprise: float | None,
        nearest: float | None,
        duplicate: bool,
        has_content: bool,
        reward: bool = False,
        pin: bool = False,
        state: GateState,
    ) -> Decision:
        """Judge one event and move the state.

        Args:
            surprise: mean nats per token, None where no model measures it (or not finite: ignored).
            nearest: cosine to the nearest comparable trace, -1..1; None when there is none.
            duplicate: whether a comparable trace says the same words (`text.words`).
            has_content: `text.has_content`.
        """
        tau = self.threshold(state)
        measured = surprise is not None and math.isfinite(surprise)
        nats = float(surprise) if measured and surprise is not None else 0.0
        novelty = self.novelty(nearest, duplicate) if has_content else 0.0
        effective = nats if has_content and measured else state.mean  # z of the mean is 0
        score = self.score(effective, novelty, reward, pin, state=state)
        salience = Salience(surprise=nats, novelty=novelty, reward=reward, pin=pin, score=score, threshold=tau)
        after = state.seen(nats) if has_content and measured else state

        if duplicate:
            return Decision(verdict="same", reason="said before in the same words", salience=salience, state=after)
        keep = pin or score > tau
        if self.config.mode == "adaptive":
            after = replace(after, tau=0.95 * tau + 0.05 * score if keep else 0.99 * tau)
        if keep:
            reason = "pinned" if pin and score <= tau else f"S {score:.3f} > tau {tau:.3f}"
            return Decision(verdict="write", reason=reason, salience=salience, state=after)
        why = "nothing new in it" if has_content else "no content words"
        return Decision(
            verdict="drop",
            reason=f"{why}: S {score:.3f} <= tau {tau:.3f}; pin it to keep it",
            salience=salience,
            state=after,
        )


def read_state(connection: sqlite3.Connection) -> GateState:
    """The state kept in a store; the first one for a new store."""
    row = connection.execute("SELECT tau, n, mean, m2 FROM gate WHERE id = 1").fetchone()
    return GateState() if row is None else GateState(tau=row[0], n=row[1], mean=row[2], m2=row[3])


def write_state(connection: sqlite3.Connection, state: GateState) -> None:
    """Keep a state, within the caller's transaction."""
    connection.execute(
        "INSERT INTO gate (id, tau, n, mean, m2) VALUES (1, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
        "tau = excluded.tau, n = excluded.n, mean = excluded.mean, m2 = excluded.m2",
        (state.tau, state.n, state.mean, state.m2),
    )

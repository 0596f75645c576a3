"""Replay that follows the loss: what is not yet known is rehearsed most, nothing is quite forgotten.

`LossSampler` draws batches in proportion to a power of each sample's running loss, `DynamicReplay` selects the worst
part plus some of the rest, `excess` is the loss that a student can still lower, `interleave_queues` lets queues of
unequal length take turns. Samples are positions 0..n-1. Knows nothing of what the losses are losses of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from hippo_mem.errors import ConfigError, InputError

T = TypeVar("T")
Floats = NDArray[np.float64]


class RunningLoss:
    """An exponential moving average of each sample's loss. A sample never seen counts as the worst seen.

    Shapes: n samples; `values` is (n,), in the unit of the losses, 0 or more.
    """

    def __init__(self, n: int, ema: float = 0.5) -> None:
        if n < 0 or not 0.0 <= ema < 1.0:
            raise ConfigError(f"a running loss needs n >= 0 and ema in 0..1 (1 excluded), got n={n} and ema={ema}")
        self.n, self._ema = n, ema
        self._mean: Floats = np.zeros(n)
        self._seen = np.zeros(n, dtype=bool)

    @property
    def values(self) -> Floats:
        """The averages, (n,). Before any update all are 1."""
        worst = max(float(self._mean[self._seen].max()), 1e-12) if self._seen.any() else 1.0
        return np.where(self._seen, self._mean, worst)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which samples had an update, (n,)."""
        return self._seen.copy()

    def update(self, indices: ArrayLike, losses: ArrayLike) -> None:
        """Take in one batch: mean <- ema * mean + (1 - ema) * loss; a sample's first loss stands as it is.

        A sample that occurs twice in the batch is averaged first.

        Raises: InputError when lengths differ, an index is out of range, or a loss is negative or not finite.
        """
        at = np.asarray(indices, dtype=np.int64).ravel()
        new = np.asarray(losses, dtype=np.float64).ravel()
        if at.shape != new.shape:
            raise InputError(f"{len(at)} indices but {len(new)} losses")
        if not at.size:
            return
        if at.min() < 0 or at.max() >= self.n:
            raise InputError(f"sample index out of range 0..{self.n - 1}: {int(at.min())}..{int(at.max())}")
        if not np.all(np.isfinite(new)) or new.min() < 0:
            raise InputError(f"losses must be finite and 0 or more, got {new[~(np.isfinite(new) & (new >= 0))][:3]}")
        unique, inverse, counts = np.unique(at, return_inverse=True, return_counts=True)
        mean = np.bincount(inverse, weights=new) / counts
        keep = np.where(self._seen[unique], self._ema, 0.0)
        self._mean[unique] = keep * self._mean[unique] + (1.0 - keep) * mean
        self._seen[unique] = True


class LossSampler:
    """Draws samples by (running loss ** power) * need, mixed with a uniform floor.

    Args: n: samples. power: 0 ignores the loss, 1 is proportional to it. floor: share of a uniform draw, 0..1. ema: see
        `RunningLoss`. need: (n,) weights, 0 or more; None: all 1.
    Raises: ConfigError for values out of range.
    Source: prioritized experience replay (Schaul et al. 2016, eq. 1). Differs: a uniform share in place of the
        constant that they add to each priority, and no importance weights, for the bias towards what is not yet
        known is wanted.
    """

    def __init__(
        self,
        n: int,
        power: float = 0.7,
        floor: float = 0.15,
        ema: float = 0.5,
        seed: int = 0,
        need: ArrayLike | None = None,
    ) -> None:
        if power < 0 or not 0.0 <= floor <= 1.0:
            raise ConfigError(f"loss sampling needs power >= 0 and floor in 0..1, got {power} and {floor}")
        self.losses = RunningLoss(n, ema)
        self._power, self._floor = power, floor
        self._need = np.ones(n) if need is None else np.asarray(need, dtype=np.float64)
        if self._need.shape != (n,) or not np.all(np.isfinite(self._need)) or np.any(self._need < 0):
            raise ConfigError(f"need must be {n} finite weights of 0 or more, got shape {self._need.shape}")
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return self.losses.n

    @property
    def probabilities(self) -> Floats:
        """The chance of each sample to be drawn first, (n,); sums to 1."""
        n = self.losses.n
        pull = self.losses.values**self._power * self._need
        total = pull.sum()
        share = pull / total if total > 0 else np.full(n, 1.0 / max(n, 1))
        return (1.0 - self._floor) * share + self._floor / max(n, 1)

    def draw(self, k: int) -> list[int]:
        """`k` samples, none twice as long as k <= n; beyond that, whole permutations first.

        Raises: InputError when k is negative, or positive with no samples.
        """
        n = self.losses.n
        if k < 0 or (k and not n):
            raise InputError(f"cannot draw {k} of {n} samples")
        laps, rest = divmod(k, n) if n else (0, 0)
        drawn = [int(i) for _ in range(laps) for i in self._rng.permutation(n)]
        return drawn + _successive(self.probabilities, rest, self._rng)

    def update(self, indices: ArrayLike, losses: ArrayLike) -> None:
        """Tell the losses of drawn samples. See `RunningLoss.update`."""
        self.losses.update(indices, losses)


class DynamicReplay:
    """Selects for one epoch from one queue: always the worst, and some of the rest by chance.

    Of n samples the round(top_percent of n) with the highest running loss come back always. Of the rest come
    round(extra_percent of n, times 1 + bias), drawn without replacement by p = (1 - floor) loss / sum + floor / rest.
    The bias belongs to the whole queue: `nudge` moves it, `decay` lets it fade. It changes how many samples come,
    never a loss; scaling the losses of a queue by a constant would change no selection.

    Losses should be excess losses (`excess`), else what cannot be learned better stays worst for ever.

    Args:   n: samples. top_percent, extra_percent: 0..100, of n. prob_floor: share of a uniform draw, 0..1. ema: see
        `RunningLoss`.
    Raises: ConfigError for values out of range.
    Source: top-k and proportional replay after prioritized experience replay (Schaul et al. 2016). Differs: the worst
        are not drawn but taken, and there is a bias between queues.
    """

    # A queue that resembles nothing that struggles still brings half of its extra samples; none brings above thrice.
    MIN_BIAS, MAX_BIAS = -0.5, 2.0

    def __init__(
        self,
        n: int,
        top_percent: float = 40.0,
        extra_percent: float = 20.0,
        prob_floor: float = 0.1,
        ema: float = 0.85,
        seed: int = 0,
    ) -> None:
        if not (0 <= top_percent <= 100 and 0 <= extra_percent <= 100 and 0 <= prob_floor <= 1):
            raise ConfigError(
                "dynamic replay needs percents in 0..100 and prob_floor in 0..1, got "
                f"top_percent={top_percent}, extra_percent={extra_percent}, prob_floor={prob_floor}"
            )
        self.losses = RunningLoss(n, ema)
        self._top, self._extra, self._floor = top_percent / 100, extra_percent / 100, prob_floor
        self._bias = 0.0
        self._rng = np.random.default_rng(seed)

    @property
    def bias(self) -> float:
        """How much more of the rest comes than `extra_percent` asks for: -0.5 half, 0 as asked, 2 three times."""
        return self._bias

    @property
    def counts(self) -> tuple[int, int]:
        """How many of the worst, and how many of the rest, the next `select` gives."""
        n_top = round(self._top * self.losses.n)
        return n_top, min(round(self._extra * self.losses.n * (1.0 + self._bias)), self.losses.n - n_top)

    def select(self) -> list[int]:
        """Positions to replay, worst first, then the extra ones; none twice."""
        values = self.losses.values
        n_top, n_extra = self.counts
        # Ties (all samples unseen, say) are broken by chance, not by position.
        ranked = np.lexsort((self._rng.random(len(values)), -values))
        top, rest = ranked[:n_top], ranked[n_top:]
        if not n_extra:
            return [int(i) for i in top]
        pull = values[rest]
        share = pull / pull.sum() if pull.sum() > 0 else np.full(len(rest), 1 / len(rest))
        share = (1.0 - self._floor) * share + self._floor / len(rest)
        return [int(i) for i in top] + [int(rest[j]) for j in _successive(share, n_extra, self._rng)]

    def update(self, indices: ArrayLike, losses: ArrayLike) -> None:
        """Tell the losses of replayed samples. See `RunningLoss.update`."""
        self.losses.update(indices, losses)

    def nudge(self, struggle: float, similarity: float, influence: float = 0.2) -> None:
        """Bring more of this queue because something like it struggles: bias += influence * struggle * similarity.

        Args:   struggle: 0 or more, such as the norm of a gradient. similarity: cosine of this queue to what struggles,
            -1..1; what points away counts as 0.
        Raises: InputError for a struggle that is negative or not finite, or a similarity that is not finite.
        """
        if not (np.isfinite(struggle) and np.isfinite(similarity)) or struggle < 0:
            raise InputError(f"a nudge needs a finite struggle of 0 or more and a cosine: {struggle}, {similarity}")
        moved = self._bias + influence * struggle * max(0.0, similarity)
        self._bias = float(np.clip(moved, self.MIN_BIAS, self.MAX_BIAS))

    def decay(self, factor: float = 0.9) -> None:
        """An epoch is over: the bias fades towards 0. Raises: ConfigError for a factor outside 0..1."""
        if not 0.0 <= factor <= 1.0:
            raise ConfigError(f"a bias fades by a factor in 0..1, got {factor}")
        self._bias *= factor


def excess(losses: ArrayLike, targets: ArrayLike) -> Floats:
    """Cross-entropy above what the targets themselves leave open: max(0, loss - H(target)), in nats.

    Shapes: losses (n,), targets (n,), the teacher's probability of the second class, 0..1.
    Raises: InputError for other shapes or targets outside 0..1.
    """
    loss, p = np.asarray(losses, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if loss.shape != p.shape or loss.ndim != 1 or (p.size and not (p.min() >= 0.0 and p.max() <= 1.0)):
        raise InputError(f"excess needs losses and targets in 0..1, (n,) each, got shapes {loss.shape} and {p.shape}")
    above: Floats = np.maximum(0.0, loss - (entr(p) + entr(1.0 - p)))
    return above


def interleave_queues(queues: Sequence[Sequence[T]], seed: int = 0) -> list[T]:
    """All elements of all queues, each queue in its own order, taking turns at random.

    The next queue is chosen in proportion to what it has left, so a long queue neither runs ahead nor trails.
    """
    turns = np.repeat(np.arange(len(queues)), [len(q) for q in queues])
    np.random.default_rng(seed).shuffle(turns)
    iterators = [iter(q) for q in queues]
    return [next(iterators[t]) for t in turns]


def _successive(p: Floats, k: int, rng: np.random.Generator) -> list[int]:
    """`k` distinct positions, each next one by `p` over those left (Efraimidis & Spirakis 2006: exponential keys)."""
    if not k:
        return []
    with np.errstate(divide="ignore"):
        keys = rng.exponential(size=len(p)) / p
    # Where p is 0 the key is infinite: such a position comes last, in order, when nothing else is left.
    return [int(i) for i in np.argsort(keys, kind="stable")[:k]]

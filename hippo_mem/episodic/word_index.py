"""Which rows hold which words, in memory, and their BM25 ranks [words as cues]. Knows nothing of SQL or of vectors.

In: texts in the order of their positions. Out: positions, best first. Words are stemmed (Snowball's English), case and
accents aside; a text in another language is indexed by its words as they are written.
Source: Robertson and Zaragoza 2009, BM25 with k1 = 1.2, b = 0.75, and the idf of Lucene (never negative).
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Mapping

import numpy as np
import Stemmer
from numpy.typing import NDArray

from hippo_mem.episodic.postings import flat, lists, moved
from hippo_mem.text import STOP_WORDS

Mask = NDArray[np.bool_]
Ids = NDArray[np.int64]

_K1, _B = 1.2, 0.75
_MAX_CUE_WORDS = 32
_MOST_WRITTEN = 10_000  # words whose terms are remembered as they were written; beyond, they are stemmed again
_FREQUENT = 0.25  # share of the rows that hold a word; above it the rows that cannot win are left out
_STRIDE = 8  # one score in so many is looked at to leave out those that are too low
_WORD = re.compile(r"[^\W_]+")


class WordIndex:
    """Postings of P positions. A position without text is never found."""

    def __init__(self) -> None:
        self._stemmer = Stemmer.Stemmer("english")
        self._term_of: dict[str, int] = {}  # words lately written, in lower case, that need no stemming again
        self._stems: dict[str, int] = {}
        self._rows: list[array[int]] = []  # of each term: positions, ascending
        self._times: list[array[int]] = []  # of each term: how often, beside `_rows`
        self._lengths = array("i")
        self._n_words = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def append(self, text: str) -> None:
        """The text of the next position; "" for a row that is gone."""
        position = len(self._lengths)
        found = tokens(text)
        for term, n in Counter(self._terms(found)).items():
            self._rows[term].append(position)
            self._times[term].append(n)
        self._lengths.append(len(found))
        self._n_words += len(found)

    def keep(self, positions: Ids) -> None:
        """Only these positions stay, in this order."""
        new = np.full(len(self), -1, dtype=np.int32)
        new[positions] = np.arange(len(positions), dtype=np.int32)
        for term, rows in enumerate(self._rows):
            moved = new[np.frombuffer(rows, dtype=np.int32)]
            stays = moved >= 0
            times = np.frombuffer(self._times[term], dtype=np.int32)[stays]
            self._rows[term] = array("i", moved[stays].tobytes())
            self._times[term] = array("i", times.tobytes())
        self._lengths = array("i", np.frombuffer(self._lengths, dtype=np.int32)[positions].tobytes())
        self._n_words = int(np.frombuffer(self._lengths, dtype=np.int32).sum())

    def pack(self, to: Ids) -> tuple[bytes, dict[str, NDArray[np.int32]]]:
        """The stems, one a line, and their postings and lengths, for a file: positions at their new place.

        Shapes: to (P,) with -1 for a position that is left out; its words are not in the result.
        """
        sizes, rows = flat(self._rows)
        _, times = flat(self._times)
        sizes, rows, stay = moved(sizes, rows, to)
        told = sizes > 0
        stems = "\n".join(stem for stem, there in zip(self._stems, told.tolist(), strict=True) if there)
        lengths = np.frombuffer(self._lengths, dtype=np.int32)[to >= 0]
        return stems.encode(), {
            "term_sizes": sizes[told], "term_rows": rows, "term_times": times[stay], "lengths": lengths
        }  # fmt: skip

    @classmethod
    def unpack(cls, stems: bytes, parts: Mapping[str, NDArray[np.int32]], to: Ids, n: int) -> WordIndex:
        """What was packed, at new positions: `to` as for `pack`, `n` positions in all.

        Raises: ValueError, IndexError when the parts do not fit together.
        """
        index = cls()
        named = stems.decode().split("\n") if stems else []
        sizes, rows, stay = moved(parts["term_sizes"], parts["term_rows"], to)
        if len(named) != len(sizes) or len(parts["lengths"]) != len(to):
            raise ValueError(f"{len(named)} stems and {len(sizes)} postings, {len(parts['lengths'])} of {len(to)} rows")
        index._stems = {stem: term for term, stem in enumerate(named)}
        index._rows, index._times = lists(sizes, rows), lists(sizes, parts["term_times"][stay])
        lengths = np.zeros(n, dtype=np.int32)
        lengths[to[to >= 0]] = parts["lengths"][to >= 0]
        index._lengths = array("i", lengths.tobytes())
        index._n_words = int(lengths.sum())
        return index

    def search(self, cue: str, k: int, allowed: Mask | None = None) -> Ids:
        """The `k` best positions by BM25 that hold any word of the cue, best first; equal ones by lower position.

        Words that say little are dropped from the cue unless there are no others.

        Shapes: allowed (P,) -> (K,), K <= k.
        """
        n = len(self)
        asked = list(dict.fromkeys(tokens(cue)))
        telling = [word for word in asked if word not in STOP_WORDS] or asked
        terms = {t for t in map(self._known, telling[:_MAX_CUE_WORDS]) if t is not None and self._rows[t]}
        if not terms or k <= 0 or not self._n_words:
            return np.empty(0, dtype=np.int64)
        rare_first = sorted(terms, key=lambda term: (len(self._rows[term]), term))
        idf = [math.log(1.0 + (n - df + 0.5) / (df + 0.5)) for df in (len(self._rows[term]) for term in rare_first)]
        norms = np.frombuffer(self._lengths, dtype=np.int32).astype(np.float32)
        norms *= np.float32(_K1 * _B * n / self._n_words)
        norms += np.float32(_K1 * (1.0 - _B))
        scores = np.zeros(n, dtype=np.float32)
        found: Ids | None = None  # rows that can still be among the best; None while every row can
        for i, term in enumerate(rare_first):
            rows = np.frombuffer(self._rows[term], dtype=np.int32)
            times = np.frombuffer(self._times[term], dtype=np.int32).astype(np.float32)
            if found is None and i and len(rows) > _FREQUENT * n:
                # A frequent word adds little: it cannot lift a row that holds none of the rare ones to the k-th place.
                found = _contenders(scores, allowed, k, (_K1 + 1.0) * sum(idf[i:]))
            if found is not None:
                at = np.searchsorted(rows, found)
                at[at == len(rows)] = 0
                at = at[rows[at] == found]
                rows, times = rows[at], times[at]
            scores[rows] += np.float32(idf[i] * (_K1 + 1.0)) * times / (times + norms[rows])
        if found is not None:
            return found[top(scores[found], k)]
        if allowed is not None:
            scores *= allowed
        return top(scores, k)

    def surprise(self, text: str) -> float:
        """Mean -log p of the words of a text, in nats, by how often each was told before (add-one smoothing).

        A first estimate of how unexpected a text is, without a language model; 0 for a text without words.
        """
        found = tokens(text)
        if not found:
            return 0.0
        total = self._n_words + len(self._rows) + 1
        return sum(math.log(total / (1 + self._count(word))) for word in found) / len(found)

    def _count(self, word: str) -> int:
        term = self._known(word)
        return 0 if term is None else int(np.frombuffer(self._times[term], dtype=np.int32).sum())

    def _known(self, word: str) -> int | None:
        return self._term_of[word] if word in self._term_of else self._stems.get(self._stem(word))

    def _terms(self, found: list[str]) -> list[int]:
        terms = []
        for word in found:
            term = self._term_of.get(word)
            if term is None:
                stem = self._stem(word)
                term = self._stems.setdefault(stem, len(self._stems))
                if term == len(self._rows):
                    self._rows.append(array("i"))
                    self._times.append(array("i"))
                if len(self._term_of) >= _MOST_WRITTEN:
                    self._term_of.clear()
                self._term_of[word] = term
            terms.append(term)
        return terms

    def _stem(self, word: str) -> str:
        stem: str = self._stemmer.stemWord(word)
        return stem


def _contenders(scores: NDArray[np.float32], allowed: Mask | None, k: int, more: float) -> Ids | None:
    """Allowed rows that can be among the `k` best when every score may still rise by `more`; None when any row can."""
    found = scores if allowed is None else scores * allowed
    kth = _kth(found, k)
    if kth <= more:
        return None
    # A row that ends level with the k-th may lie below by what was rounded.
    near: Ids = np.flatnonzero(found >= np.float32((kth - more) * (1.0 - 1e-5)))
    return near


def tokens(text: str) -> list[str]:
    """The words of a text in order: runs of letters and digits, lower case, without accents."""
    folded = text.casefold()
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return _WORD.findall(folded)


def top(scores: NDArray[np.float32], k: int) -> Ids:
    """Positions of the `k` highest scores above 0, best first; equal ones by lower position."""
    # Every score above the k-th, and of those equal to it the lowest positions.
    kth = _kth(scores, k)
    found = np.flatnonzero(scores >= kth if kth > 0 else scores > 0)
    order = np.lexsort((found, -scores[found]))[:k]
    return found[order].astype(np.int64)


def _kth(scores: NDArray[np.float32], k: int) -> float:
    """The `k`-th highest score, at least 1; 0 when fewer than `k` are above 0."""
    few = scores[::_STRIDE]
    if len(few) > k:
        # The k-th of some is no higher than that of all, so only scores from there on need sorting.
        least = _highest(few, k)
        if least > 0:
            return _highest(scores[scores >= least], k)
    found = scores[scores > 0]
    return _highest(found, k) if len(found) >= k else 0.0


def _highest(scores: NDArray[np.float32], k: int) -> float:
    return float(np.partition(scores, len(scores) - k)[len(scores) - k])

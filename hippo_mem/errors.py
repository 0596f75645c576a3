"""Every error a user of hippo can meet. Knows nothing of who raises it.

    HippoError
    ├── InputError (ValueError)         what was given cannot be used: text, id, file, line
    │   ├── ConfigError                 an unknown key or a value out of range; names the nearest key
    │   └── StoreFormatError            a line or a file that is not what its name promises
    ├── ModelUnavailable (OSError)      a model that is neither local nor reachable; names what would work
    ├── StoreError (RuntimeError)       the store cannot do what was asked; nothing was changed
    │   ├── StoreVersionError           written by a newer hippo
    │   ├── StoreBusy                   another process holds the lock; says which and for how long
    │   └── StorageFull                 no space, or a read-only place
    ├── SleepError (RuntimeError)       a night that could not be finished; the last good night is in force
    └── GuardrailError (RuntimeError)   a figure that the specification forbids (C27), with the figure

Each also subclasses the builtin that a caller would already catch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HippoError(Exception):
    """Base of all errors that hippo raises on purpose. The message says what, with the values, and the remedy."""


class InputError(HippoError, ValueError):
    """The caller's text, id, file or argument cannot be used."""


class ConfigError(InputError):
    """A configuration key or value that does not exist or is out of range."""


class StoreFormatError(InputError):
    """A file that is not in the format its place promises; the message names file and line."""


class ModelUnavailable(HippoError, OSError):
    """The model cannot be loaded from here."""


class StoreError(HippoError, RuntimeError):
    """The store cannot do what was asked; what was acknowledged before is intact."""


class StoreVersionError(StoreError):
    """The store was written by a newer version."""


class StoreBusy(StoreError):
    """Another process holds what this one needs."""


class StoreMoved(StoreBusy):
    """Another process restored the store, or moved it to other vectors; whoever opens it again goes on with it."""


class StorageFull(StoreError):
    """The disk is full or may not be written."""


class SleepError(HippoError, RuntimeError):
    """A night could not be finished; the last kept night is still in force."""


class GuardrailError(HippoError, RuntimeError):
    """A run whose own figures forbid calling it a success (specification C27)."""


def nearest(key: str, known: Iterable[str]) -> str:
    """`"; did you mean 'lr'?"` for a misspelt key, else the list of what exists."""
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(names)}"

"""Flags to settings: `--mode teach --replay-cycles 2 --persist` becomes `mode=teach replay.cycles=2 persist=true`.

Knows nothing of which settings exist; `hippo_eval.settings` checks them.
"""

from __future__ import annotations

from collections.abc import Sequence

from hippo_mem.errors import ConfigError

# Flags whose name is not their setting's with the dashes turned.
_NAMES = {
    "replay_cycles": "replay.cycles",
    "replay_policy": "replay.policy",
    "pre_metrics": "compute.pre_metrics",
    "k": "retrieval.k",
}


def from_flags(arguments: Sequence[str]) -> list[str]:
    """Settings for `resolve`. `key=value` passes through; a flag without a value is `true`, `--no-x` is `false`.

    Raises: ConfigError for a word that is neither.
    """
    settings: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            if "=" not in word:
                raise ConfigError(f"{word!r} is neither --flag nor key=value")
            settings.append(word)
            continue
        if not word.startswith("--") or len(word) < 3:
            raise ConfigError(f"{word!r} is not a flag; flags are written --name value")
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        if not equals:
            takes = bool(words) and not words[0].startswith("--") and not _is_setting(words[0])
            if takes:
                value = words.pop(0)
            elif name.startswith("no_"):
                name, value = name[3:], "false"
            else:
                value = "true"
        settings.append(f"{_NAMES.get(name, name)}={value}")
    return settings


def _is_setting(word: str) -> bool:
    key = word.partition("=")[0]
    return "=" in word and key.replace(".", "").replace("_", "").isalnum()

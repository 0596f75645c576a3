"""The file format of CounterFact (Meng et al. 2022): statements that are not so, to be learned as if they were.

Two published spellings of the same edits are read, in a JSON list:

    {"requested_rewrite": {"prompt": "{} plays", "subject", "target_new": {"str"}, "target_true": {"str"}},
     "paraphrase_prompts": [...], "neighborhood_prompts": [...]}                        (Meng et al., rome)
    {"prompt", "subject", "target_new", "ground_truth", "rephrase_prompt", "locality_prompt", "locality_ground_truth"}
                                                                                        (Wang et al., EasyEdit)

A file is one of the set by what is in it. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo_eval.sets.folders import json_files, nothing_in
from hippo_mem.errors import StoreFormatError

_ROME = frozenset({"requested_rewrite"})
_EASY = frozenset({"prompt", "subject", "target_new", "ground_truth"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    """A prompt about another subject, whose answer the edit must leave alone."""

    prompt: str
    true: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One statement to be learned: `prompt` is continued by `new` instead of `true`."""

    key: str
    subject: str
    prompt: str
    new: str
    true: str
    rephrased: tuple[str, ...]
    neighbors: tuple[Neighbor, ...]

    @property
    def statement(self) -> str:
        """What is told."""
        return f"{self.prompt} {self.new}."


def read_folder(folder: Path) -> tuple[list[Edit], list[str]]:
    """Every edit of every JSON file directly in a folder, and the names of the files that hold them.

    Raises: InputError when there is none; StoreFormatError naming file and row of one that is damaged.
    """
    edits: list[Edit] = []
    used = []
    for file, rows in json_files(folder):
        if not all(set(row) >= _ROME or set(row) >= _EASY for row in rows):
            continue
        edits += _edits(file, rows)
        used.append(file.name)
    if not edits:
        raise nothing_in(folder, "counterfact")
    return edits, used


def _edits(file: Path, rows: Sequence[Mapping[str, Any]]) -> Iterator[Edit]:
    for at, row in enumerate(rows, start=1):
        try:
            edit = _rome(row, at) if set(row) >= _ROME else _easy(row, at)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreFormatError(f"{file}, row {at}: {type(error).__name__} {error}; is this CounterFact?") from error
        if not (edit.prompt and edit.new and edit.true):
            raise StoreFormatError(f"{file}, row {at}: a prompt and both its targets must have words, got {row}")
        yield edit


def _rome(row: Mapping[str, Any], at: int) -> Edit:
    asked = row["requested_rewrite"]
    true = str(asked["target_true"]["str"]).strip()
    return Edit(
        key=str(row.get("case_id", at)),
        subject=str(asked["subject"]),
        prompt=str(asked["prompt"]).replace("{}", str(asked["subject"])).strip(),
        new=str(asked["target_new"]["str"]).strip(),
        true=true,
        rephrased=tuple(str(p).strip() for p in row.get("paraphrase_prompts", ())),
        neighbors=tuple(Neighbor(prompt=str(p).strip(), true=true) for p in row.get("neighborhood_prompts", ())),
    )


def _easy(row: Mapping[str, Any], at: int) -> Edit:
    near = _several(row.get("locality_prompt"))
    truths = _several(row.get("locality_ground_truth"))
    return Edit(
        key=str(row.get("case_id", at)),
        subject=str(row["subject"]),
        prompt=str(row["prompt"]).strip(),
        new=str(row["target_new"]).strip(),
        true=str(row["ground_truth"]).strip(),
        rephrased=_several(row.get("rephrase_prompt")),
        neighbors=tuple(Neighbor(prompt=p, true=t) for p, t in zip(near, truths, strict=True)),
    )


def _several(value: object) -> tuple[str, ...]:
    """None, one text, or a list of them."""
    if value is None:
        return ()
    return tuple(str(v).strip() for v in (value if isinstance(value, list) else [value]))

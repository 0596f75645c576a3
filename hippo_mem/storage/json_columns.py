"""The columns that hold JSON: what belongs in each, which rows hold something else, and how such a row is mended.

In: an open transaction, and how slots are read from texts. Out: the damaged values, and counts of what was mended.
Mending costs no text that was told: slots are read again, a misfit is written again from its own columns, labels that
stand nowhere else are emptied. A macro is derived, and goes. Knows nothing of files.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hippo_mem.storage.origins import bump

ReadSlots = Callable[[Sequence[str]], Sequence[Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """One value that cannot be read as what its column holds."""

    table: str
    column: str
    row_id: int
    why: str


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_named_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_steps(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(s, dict) and isinstance(s.get("action"), str) for s in value)


def _is_statement(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("head", "relation", "tail"))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_FORMS: dict[tuple[str, str], tuple[str, Callable[[Any], bool]]] = {
    ("traces", "slots"): ("a JSON object of texts", _is_named_texts),
    ("traces", "tags"): ("a JSON list of texts", _is_texts),
    ("misfits", "details"): ("a JSON object with head, relation and tail", _is_statement),
    ("trajectories", "steps"): ("a JSON list of objects that each have an action", _is_steps),
    ("trajectories", "details"): ("a JSON object", _is_object),
    ("macros", "steps"): ("a JSON list of texts", _is_texts),
    ("macros", "details"): ("a JSON object", _is_object),
}


def json_columns(table: str) -> tuple[str, ...]:
    """The columns of a table that hold JSON."""
    return tuple(column for owner, column in _FORMS if owner == table)


def why_damaged(table: str, column: str, text: str) -> str:
    """Why a value cannot stand in its column; "" where it can."""
    form, belongs = _FORMS[table, column]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"is not valid JSON: {error}"
    return "" if belongs(value) else f"must be {form}, got {text:.60}"


def damaged(connection: sqlite3.Connection) -> list[Damaged]:
    """Every value of a JSON column that is something else, by table and ascending id. Reads all of these columns."""
    found: list[Damaged] = []
    for table, column in _FORMS:
        # As bytes: a text that is no UTF-8 could not be fetched at all.
        rows = connection.execute(
            f"SELECT id, typeof({column}), CAST({column} AS BLOB) FROM {table} ORDER BY id"
        )  # fmt: skip
        for row_id, kind, value in rows:
            if why := _why(table, column, kind, value):
                found.append(Damaged(table=table, column=column, row_id=row_id, why=why))
    return found


def mend(connection: sqlite3.Connection, found: Sequence[Damaged], read_slots: ReadSlots) -> dict[str, int]:
    """Give every damaged value one that can be read, in the caller's transaction: what was done -> to how many rows.

    Slots are read again from the text, a misfit's details from its columns; tags and details are emptied, a trajectory
    without steps no longer counts as one that succeeded, and a macro without steps goes.
    """
    done: Counter[str] = Counter()
    ids = {key: [d.row_id for d in found if (d.table, d.column) == key] for key in _FORMS}

    def put(table: str, column: str, values: Mapping[int, object], what: str) -> None:
        connection.executemany(
            f"UPDATE {table} SET {column} = ? WHERE id = ?",
            [(json.dumps(value, ensure_ascii=False), row_id) for row_id, value in values.items()],
        )
        done[f"{column} of {table} {what}"] += len(values)

    texts = {i: _text(connection, "traces", "text", i) for i in ids["traces", "slots"]}
    slots = read_slots(list(texts.values())) if texts else ()
    put("traces", "slots", {i: dict(s) for i, s in zip(texts, slots, strict=True)}, "read again")
    put("traces", "tags", {i: [] for i in ids["traces", "tags"]}, "emptied")
    statements = {
        i: {name: _text(connection, "misfits", name, i) for name in ("head", "relation", "tail")}
        for i in ids["misfits", "details"]
    }
    put("misfits", "details", statements, "written again")
    put("trajectories", "steps", {i: [] for i in ids["trajectories", "steps"]}, "emptied")
    connection.executemany(
        "UPDATE trajectories SET success = 0 WHERE id = ?", [(i,) for i in ids["trajectories", "steps"]]
    )
    put("trajectories", "details", {i: {} for i in ids["trajectories", "details"]}, "emptied")
    put("macros", "details", {i: {} for i in ids["macros", "details"]}, "emptied")
    gone = ids["macros", "steps"]
    connection.executemany("DELETE FROM macros WHERE id = ?", [(i,) for i in gone])
    done["macros removed"] += len(gone)
    tables = {d.table for d in found}
    if "misfits" in tables:
        bump(connection, "relational")
    if tables & {"trajectories", "macros"}:
        bump(connection, "spatial")
    return {what: n for what, n in done.items() if n}


def _why(table: str, column: str, kind: str, value: bytes) -> str:
    if kind != "text":
        return f"must be text, got {kind}"
    try:
        return why_damaged(table, column, value.decode())
    except UnicodeDecodeError as error:
        return f"is not text: {error}"


def _text(connection: sqlite3.Connection, table: str, column: str, row_id: int) -> str:
    row = connection.execute(f"SELECT CAST({column} AS BLOB) FROM {table} WHERE id = ?", (row_id,)).fetchone()
    return bytes(row[0]).decode(errors="replace")

"""The tables that make up a user's memories, and how a row of another store becomes a row of this one.

In: rows as dicts, each with the place it was read from. Out: inserted rows, ids given anew when asked, or an error that
names place, table and value. What a row points at must have come before it. Knows nothing of files, and nothing of
what the rows mean beyond what keeps them readable.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hippo_mem.errors import InputError, StoreFormatError, nearest
from hippo_mem.storage.json_columns import json_columns, why_damaged
from hippo_mem.storage.origins import TABLES as TOLD
from hippo_mem.storage.origins import orphans
from hippo_mem.text import clean_text

Row = dict[str, Any]
Value = int | float | str | bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table.

    `numbered`: it has an id. `refs`: column -> table whose id it holds. `forward`: a column that may name a row of the
    same table that comes later. `same`: columns that only one row may share, so that two stores' rows are one. `added`:
    counts that add up when they are. `once`: columns by which a row is known again that came over before; where there
    is `same` too, it holds for what that leaves out.
    """

    name: str
    numbered: bool = True
    refs: Mapping[str, str] = field(default_factory=dict)
    forward: str = ""
    same: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    once: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: SQLite's declared type, and whether a row may leave it out."""

    name: str
    type: str
    required: bool
    nullable: bool


ORDER: tuple[Table, ...] = (
    Table(name="traces", forward="merged_into", once=("text", "source", "doc_id", "context_key", "time")),
    Table(name="entities", same=("key",)),
    Table(
        name="facts",
        refs={"head": "entities", "tail": "entities"},
        forward="superseded_by",
        same=("head", "relation", "tail", "negated", "place", "time_text", "context_key", "valid_to"),
        added=("mention_count", "access_count"),
        once=("head", "relation", "tail", "negated", "place", "time_text", "context_key", "valid_from", "valid_to"),
    ),
    Table(
        name="aliases",
        numbered=False,
        refs={"entity_id": "entities", "fact_id": "facts"},
        same=("key", "entity_id", "fact_id"),
    ),
    Table(name="misfits", once=("head", "relation", "tail", "signature", "details", "context_key", "created")),
    Table(name="schemas", numbered=False, same=("name",)),
    Table(name="places", same=("key", "context_key"), added=("visits",)),
    Table(
        name="edges",
        refs={"src": "places", "dst": "places"},
        same=("src", "dst", "relation"),
        added=("attempts", "successes"),
    ),
    Table(name="trajectories", once=("context_key", "start", "goal", "steps", "details", "success", "created")),
    Table(name="macros", same=("signature",), added=("uses", "successes")),
    Table(name="place_links", numbered=False, refs={"place_id": "places"}, same=("place_id", "kind", "row_id")),
    Table(name="origins", once=("kind", "row_id", "trace_id", "text_span", "source", "time", "doc_id", "conf")),
)
BY_NAME = {table.name: table for table in ORDER}
# When a night learned a row: true only beside the nights that did.
LEARNED = "consolidated_at"
_TYPES: dict[str, tuple[type, ...]] = {"INTEGER": (int,), "REAL": (int, float), "TEXT": (str,), "BLOB": (bytes,)}


def columns(connection: sqlite3.Connection, table: str) -> tuple[Column, ...]:
    """The columns of a table, in order."""
    return tuple(
        Column(
            name=row[1],
            type=row[2],
            required=bool(row[3] or row[5]) and row[4] is None,
            nullable=not (row[3] or row[5]),
        )
        for row in connection.execute(f"PRAGMA table_info({table})")
    )


def read_rows(connection: sqlite3.Connection, table: Table) -> Iterator[Row]:
    """Every row of a table, in the order of its key."""
    names = [column.name for column in columns(connection, table.name)]
    order = "id" if table.numbered else ", ".join(table.same)
    for row in connection.execute(f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {order}"):
        yield dict(zip(names, row, strict=True))


class Incoming:
    """Rows of another store on their way into this one, within the caller's transaction.

    Args:
        renumber: give every row a new id, and let rows that can only be there once be one with those that are here. So
            are episodes, trajectories and tellings that came over before: each with one of those here.
        keep_learned: rows that a night had learned are learned here too; else they arrive as new to sleep.
    """

    def __init__(self, connection: sqlite3.Connection, *, renumber: bool, keep_learned: bool = False) -> None:
        self._connection = connection
        self._renumber = renumber
        self._keep_learned = keep_learned
        self._columns = {table.name: columns(connection, table.name) for table in ORDER}
        self._ids: dict[str, dict[int, int]] = {table.name: {} for table in ORDER}
        self._seen: dict[tuple[str, int], str] = {}
        self._forward: list[tuple[Table, str, int, int]] = []
        self._highest = _highest_trace(connection)
        self._orphans = orphans(connection)
        self.goes_back = False  # a trace came in below an id that was here: indexes that follow must start anew
        self.added: Counter[str] = Counter()
        self.joined: Counter[str] = Counter()
        self._before: dict[str, dict[bytes, list[int]]] = {}
        self._counts: list[tuple[Table, int, list[int]]] = []
        self._tellings: Counter[tuple[str, int]] = Counter()
        self._new_tellings: Counter[tuple[str, int]] = Counter()

    def know(self, table_name: str, ids: Mapping[int, int]) -> None:
        """Rows that are in this store already: their id where the rows come from -> their id here."""
        self._ids[table_name].update(ids)

    def add(self, table_name: str, row: Row, at: str) -> None:
        """Insert one row, or join it with the one that is here.

        Raises: StoreFormatError when it is not a row of that table or points at nothing; InputError for an id or a key
            that is taken.
        """
        table = BY_NAME.get(table_name)
        if table is None:
            raise StoreFormatError(f"{at}: no table {table_name!r}{nearest(table_name, BY_NAME)}")
        given = self._checked(table, row, at)
        if not self._keep_learned:
            given.pop(LEARNED, None)
        values = self._pointed(table, given, at)
        if table.numbered:
            self._once(table, given["id"], at)
        here = self._here(table, values)
        if table.name == "origins":
            told = (TOLD[values["kind"]], int(values["row_id"]))
            self._tellings[told] += 1
            self._new_tellings[told] += here is None
        if here is not None:
            self._join(table, values, here, at)
        else:
            self._insert(table, values, at)
        if table.forward and given.get(table.forward) is not None and here is None:
            self._forward.append((table, at, given["id"], given[table.forward]))

    def finish(self) -> None:
        """Set what points forward, add up what was counted, and make sure that every row that needs an origin has one.

        Raises: StoreFormatError.
        """
        for table, at, row_id, target in self._forward:
            ids = self._ids[table.name]
            if target not in ids:
                raise StoreFormatError(
                    f"{at}: {table.name}.{table.forward} is {target}, which is not among the {table.name}"
                )
            if table.name == "facts" and not self._is_later(ids[target], ids[row_id]):
                continue  # joined with a fact that is here and no later: the closed one is history by itself
            self._run(
                f"{at}: {table.name}",
                f"UPDATE {table.name} SET {table.forward} = ? WHERE id = ?",
                (ids[target], ids[row_id]),
            )
        for table, row_id, counts in self._counts:
            # What came over before was counted then: of the counts of a row, the share of its tellings that are new.
            told = self._tellings[table.name, row_id]
            more = [n * self._new_tellings[table.name, row_id] // told if told else 0 for n in counts]
            sets = ", ".join(f"{name} = {name} + ?" for name in table.added)
            self._connection.execute(f"UPDATE {table.name} SET {sets} WHERE id = ?", (*more, row_id))
        for name, n in orphans(self._connection).items():
            if n > self._orphans.get(name, 0):
                raise StoreFormatError(
                    f"{n - self._orphans.get(name, 0)} of the {name} have nothing that they come from: each needs a "
                    "row of origins (an entity: a fact); nothing was imported"
                )

    def _checked(self, table: Table, row: Row, at: str) -> dict[str, Any]:
        known = {column.name: column for column in self._columns[table.name]}
        for name in row:
            if name not in known:
                raise StoreFormatError(f"{at}: {table.name} has no column {name!r}{nearest(str(name), known)}")
        checked: dict[str, Any] = {}
        for name, column in known.items():
            if name not in row:
                if column.required:
                    raise StoreFormatError(f"{at}: {table.name} needs {name}")
                continue
            value = row[name]
            fits = value is None if column.nullable else False
            if not fits and (isinstance(value, bool) or not isinstance(value, _TYPES[column.type])):
                raise StoreFormatError(f"{at}: {table.name}.{name} must be {column.type.lower()}, got {value!r:.60}")
            if isinstance(value, int) and abs(value) >= 2**63:
                raise StoreFormatError(f"{at}: {table.name}.{name} is {value!r:.60}, more than 64 bits hold")
            checked[name] = value
        for name in json_columns(table.name):
            if name in checked and (why := why_damaged(table.name, name, checked[name])):
                raise StoreFormatError(f"{at}: {table.name}.{name} {why}")
        if table.name == "traces":
            _check_trace(checked, at)
        return checked

    def _pointed(self, table: Table, row: Mapping[str, Any], at: str) -> dict[str, Any]:
        values = dict(row)
        for name, target in self._targets(table, row, at).items():
            if values.get(name) is None:
                continue
            found = self._ids[target].get(values[name])
            if found is None:
                raise StoreFormatError(
                    f"{at}: {table.name}.{name} is {values[name]}, which is not among the {target} before it"
                )
            values[name] = found
        if table.forward:
            values[table.forward] = None  # set when all are in
        return values

    def _is_later(self, fact: int, than: int) -> bool:
        """In the order of supersession: by time, then by arrival."""
        if not self._renumber:
            return True  # the schema itself refuses a cycle
        row = self._connection.execute(
            "SELECT (a.valid_from, a.id) > (b.valid_from, b.id) FROM facts a, facts b WHERE a.id = ? AND b.id = ?",
            (fact, than),
        ).fetchone()
        return bool(row[0])

    def _targets(self, table: Table, row: Mapping[str, Any], at: str) -> dict[str, str]:
        targets = dict(table.refs)
        if table.name == "place_links":
            targets["row_id"] = "traces" if row["kind"] == "trace" else "facts"
        elif table.name == "origins":
            if row["kind"] not in TOLD:
                raise StoreFormatError(f"{at}: origins.kind is {row['kind']!r}{nearest(row['kind'], TOLD)}")
            targets |= {"row_id": TOLD[row["kind"]], "trace_id": "traces"}
        return targets

    def _once(self, table: Table, old_id: int, at: str) -> None:
        first = self._seen.setdefault((table.name, old_id), at)
        if first is not at:
            raise InputError(f"{at}: id {old_id} of {table.name} is there twice, first at {first}")

    def _here(self, table: Table, values: Mapping[str, Any]) -> int | None:
        """The id of the row of this store that is the same as `values`, so that both cannot stand; 1 without ids."""
        past = table.name == "facts" and values.get("valid_to") is not None
        if self._renumber and table.once and (past or not table.same):
            return self._from_before(table, values)
        if not table.same or (table.name == "facts" and not self._renumber):
            return None
        where = " AND ".join(f"{name} IS ?" for name in table.same)
        found = self._connection.execute(
            f"SELECT {'id' if table.numbered else '1'} FROM {table.name} WHERE {where}",
            [values.get(name) for name in table.same],
        ).fetchone()
        return None if found is None else int(found[0])

    def _from_before(self, table: Table, values: Mapping[str, Any]) -> int | None:
        """The id of a row that was here before the first one came in and says all the same; each is found once."""
        if table.name not in self._before:
            before: dict[bytes, list[int]] = {}
            chosen = f"SELECT id, {', '.join(table.once)} FROM {table.name} ORDER BY id DESC"
            for row_id, *said in self._connection.execute(chosen):
                before.setdefault(_mark(said), []).append(row_id)
            self._before[table.name] = before
        left = self._before[table.name].get(_mark([values.get(name) for name in table.once]))
        return left.pop() if left else None

    def _join(self, table: Table, values: dict[str, Any], here: int, at: str) -> None:
        self.joined[table.name] += 1
        if table.name == "schemas":  # the one that more was learned from
            self._connection.execute("DELETE FROM schemas WHERE name = ? AND n < ?", (values["name"], values["n"]))
            names = list(values)
            self._connection.execute(
                f"INSERT OR IGNORE INTO schemas ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                list(values.values()),
            )
        if not table.numbered:
            return
        if not self._renumber:
            key = ", ".join(str(values.get(name)) for name in table.same)
            raise InputError(
                f"{at}: {table.name} {values['id']} ({key}) is here already as {here}; import with --renumber to "
                "join the two; nothing was imported"
            )
        self._ids[table.name][values["id"]] = here
        if table.added:
            self._counts.append((table, here, [values.get(name, 0) for name in table.added]))

    def _insert(self, table: Table, values: dict[str, Any], at: str) -> None:
        old_id = values.get("id")
        if table.numbered:
            if self._renumber:
                del values["id"]
            else:
                self._check_free(table, int(values["id"]), at)
        names = list(values)
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        new_id = self._run(f"{at}: {table.name}", statement, list(values.values()))
        if table.numbered:
            assert old_id is not None
            self._ids[table.name][int(old_id)] = new_id
            if table.name == "traces" and new_id <= self._highest:
                self.goes_back = True
        self.added[table.name] += 1

    def _check_free(self, table: Table, row_id: int, at: str) -> None:
        taken = "is already in this store"
        found = self._connection.execute(f"SELECT 1 FROM {table.name} WHERE id = ?", (row_id,)).fetchone()
        if not found and table.name == "traces":
            # A night may have learned the deleted one: its id stays its own for ever.
            taken = "was deleted from this store"
            found = self._connection.execute("SELECT 1 FROM tombstones WHERE trace_id = ?", (row_id,)).fetchone()
        if found:
            raise InputError(
                f"{at}: id {row_id} of {table.name} {taken}; import with --renumber to give every row a new id; "
                "nothing was imported"
            )

    def _run(self, at: str, statement: str, values: Any) -> int:
        try:
            return int(self._connection.execute(statement, values).lastrowid or 0)
        except (sqlite3.IntegrityError, OverflowError) as error:
            raise StoreFormatError(f"{at}: {error}; nothing was imported") from error


def _mark(values: Iterable[Value]) -> bytes:
    """The same for the same values; 12 and 12.0 are."""
    plain = [float(value) if isinstance(value, int) else value for value in values]
    return hashlib.blake2b(repr(plain).encode(), digest_size=16).digest()


def _highest_trace(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
    return int(row[0]) if row else 0


def _check_trace(row: Row, at: str) -> None:
    try:
        clean_text(row["text"])
    except InputError as error:
        raise StoreFormatError(f"{at}: {error}") from error
    vector, dim = row["vector"], row["dim"]
    if len(vector) != 4 * dim:
        raise StoreFormatError(f"{at}: traces.vector has {len(vector)} bytes, dim {dim} needs {4 * dim}")
    if not np.isfinite(np.frombuffer(vector, dtype="<f4")).all():
        raise StoreFormatError(f"{at}: traces.vector holds a value that is not finite")

"""The graph and the map of a store as rows that a person can read, for experiment stores, and back.

    relational (also kg)   {"id": 1, "head": "Ana", "relation": "lives_in", "tail": "Oslo", "valid_to": null, ...,
                            "head_entity": {"key": ..., "aliases": [...], ...}, "provenance": [...]}
    spatial                {"kind": "place", "id": "place-1", "name": "hall", ..., "links": [...], "provenance": [...]}
                           {"kind": "edge", "id": "edge-1", "src": "place-1", "dst": "place-2", ...}
                           {"kind": "trajectory", ...} and {"kind": "macro", ...}

`provenance` is every telling of the row. Rows of other programs may say less: head, relation and tail make a fact.
Knows nothing of traces except their ids, and nothing of vectors.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from hippo_mem.errors import StoreFormatError
from hippo_mem.storage.database import Database
from hippo_mem.storage.experiment import Row, StoreMeta, save_session
from hippo_mem.storage.origins import TABLES, Kind, bump, origins_of
from hippo_mem.storage.tables import BY_NAME, Incoming, columns, read_rows
from hippo_mem.types import Trace

_MAP_KINDS: tuple[Kind, ...] = ("place", "edge", "trajectory", "macro")
_PLACE_REFS = ("src", "dst")


def save_store(
    database: Database,
    traces: Iterable[Trace],
    store_dir: str | Path,
    session_id: str,
    *,
    config_hash: str | None = None,
    model: str | None = None,
    format: Literal["jsonl", "parquet"] = "jsonl",
) -> StoreMeta:
    """Write a session of all three memories: `hei_nw` holds everything, `sgc_rss` the graph, `smpd` the map.

    Returns: what `hei_nw/<session>/store_meta.json` says.
    Raises: as `save_session`.
    """
    with database.read() as connection:
        graph, map_rows = relational_rows(connection), spatial_rows(connection)
        told = list(traces)

    def write(algorithm: str, rows: Mapping[str, Sequence[Row]], episodes: Sequence[Trace] = ()) -> StoreMeta:
        return save_session(
            store_dir, session_id, episodes, algorithm=algorithm, rows=rows, config_hash=config_hash, model=model,
            format=format,
        )  # fmt: skip

    if Path(store_dir).name == "hei_nw":  # the folder of one algorithm was named: the others are not asked for
        return write("hei_nw", {"relational": graph, "spatial": map_rows}, told)
    write("sgc_rss", {"kg": graph})
    write("smpd", {"spatial": map_rows})
    return write("hei_nw", {"relational": graph, "spatial": map_rows}, told)


def relational_rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every fact, the superseded ones too, by ascending id."""
    entities = {row["id"]: row for row in read_rows(connection, BY_NAME["entities"])}
    aliases: dict[int, list[dict[str, Any]]] = {}
    for row in read_rows(connection, BY_NAME["aliases"]):
        aliases.setdefault(row.pop("entity_id"), []).append(row)
    facts = list(read_rows(connection, BY_NAME["facts"]))
    told = _told(connection, "fact", [fact["id"] for fact in facts])

    def entity(row_id: int) -> dict[str, Any]:
        found = entities[row_id]
        return {"key": found["key"], "kind": found["kind"], "created": found["created"],
                "aliases": aliases.get(row_id, [])}  # fmt: skip

    return [
        {
            **{name: value for name, value in fact.items() if name != "schema"},
            "fact_schema": fact["schema"],  # a row's "schema" is the number of its format
            "head": entities[fact["head"]]["name"],
            "tail": entities[fact["tail"]]["name"],
            "head_entity": entity(fact["head"]),
            "tail_entity": entity(fact["tail"]),
            "provenance": told[fact["id"]],
        }
        for fact in facts
    ]


def spatial_rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every place, then edges, trajectories and macros, each by ascending id."""
    links: dict[int, list[dict[str, Any]]] = {}
    for row in read_rows(connection, BY_NAME["place_links"]):
        links.setdefault(row["place_id"], []).append({"kind": row["kind"], "id": row["row_id"]})
    found: list[dict[str, Any]] = []
    for kind in _MAP_KINDS:
        rows = list(read_rows(connection, BY_NAME[TABLES[kind]]))
        told = _told(connection, kind, [row["id"] for row in rows])
        for row in rows:
            plain: dict[str, Any] = {"kind": kind, **row, "id": f"{kind}-{row['id']}", "provenance": told[row["id"]]}
            if kind == "place":
                plain["links"] = links.get(row["id"], [])
                plain |= {"vector": None, "embedder": None}  # made again when the place is next compared
            elif kind == "edge":
                plain |= {name: f"place-{row[name]}" for name in _PLACE_REFS}
            found.append(plain)
    return found


def load_rows(
    database: Database,
    relational: Iterable[Row],
    spatial: Iterable[Row],
    trace_ids: Mapping[int, int],
    *,
    origin: str = "session",
) -> dict[str, int]:
    """Put saved rows into a store, joined with what it has; ids are given anew. One transaction.

    Args:
        trace_ids: id in the session -> id of the trace in this store. Tellings by other traces lose their trace.
        origin: what messages call the session.
    Returns: table -> new rows.
    Raises: StoreFormatError naming the row.
    """
    with database.write() as connection:
        incoming = Incoming(connection, renumber=True)
        incoming.know("traces", trace_ids)
        _Loading(connection, incoming, frozenset(trace_ids)).load(relational, spatial, origin)
        incoming.finish()
        bump(connection, "relational")
        bump(connection, "spatial")
        return dict(incoming.added)


def _told(connection: sqlite3.Connection, kind: Kind, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    return {
        row_id: [
            {"text_span": p.text_span, "source": p.source, "time": p.time, "doc_id": p.doc_id, "conf": p.conf,
             "trace_id": trace_id}
            for p, trace_id in tellings
        ]
        for row_id, tellings in origins_of(connection, kind, ids).items()
    }  # fmt: skip


class _Loading:
    """One load: ids of the session's rows to rows of tables."""

    def __init__(self, connection: sqlite3.Connection, incoming: Incoming, traces: frozenset[int]) -> None:
        self._incoming = incoming
        self._traces = traces
        self._columns = {table: {c.name for c in columns(connection, table)} for table in BY_NAME}
        self._entities: dict[str, int] = {}
        self._aliases: list[tuple[dict[str, Any], str]] = []
        self._n_origins = 0
        self._now = time.time()

    def load(self, relational: Iterable[Row], spatial: Iterable[Row], origin: str) -> None:
        facts = [(row, f"{origin}, relational row {n}") for n, row in enumerate(relational, start=1)]
        ids = {row["id"] for row, _ in facts if isinstance(row.get("id"), int)}
        free = max(ids, default=0)
        for row, at in facts:
            if not isinstance(row.get("id"), int):
                free += 1
            self._fact(row, row["id"] if isinstance(row.get("id"), int) else free, at)
        for alias, at in self._aliases:
            self._incoming.add("aliases", alias, at)
        rows = [(row, f"{origin}, spatial row {n}") for n, row in enumerate(spatial, start=1)]
        for kind in _MAP_KINDS:
            for row, at in rows:
                if row.get("kind") == kind:
                    self._map_row(kind, row, ids, at)
        for row, at in rows:
            if row.get("kind") not in _MAP_KINDS:
                raise StoreFormatError(f"{at}: kind must be one of {', '.join(_MAP_KINDS)}, got {row.get('kind')!r}")

    def _fact(self, row: Row, number: int, at: str) -> None:
        for name in ("head", "relation", "tail"):
            if not isinstance(row.get(name), str) or not str(row[name]).strip():
                raise StoreFormatError(f"{at}: {name} must be text, got {row.get(name)!r}")
        created = row.get("created", self._now)
        values = {"conf": 1.0, "created": created, "valid_from": created, **self._kept("facts", row), "id": number}
        values["schema"] = row.get("fact_schema")
        for side in ("head", "tail"):
            values[side] = self._entity(row[side], row.get(f"{side}_entity") or {}, created, at)
        self._incoming.add("facts", values, at)
        words = " ".join(row[name] for name in ("head", "relation", "tail"))
        self._tell("fact", number, row, words, created, at)

    def _entity(self, name: str, said: Mapping[str, Any], created: float, at: str) -> int:
        key = str(said.get("key", name.strip().casefold()))
        if key not in self._entities:
            number = self._entities[key] = len(self._entities) + 1
            self._incoming.add(
                "entities",
                {"id": number, "name": name, "key": key, "kind": str(said.get("kind", "thing")),
                 "created": said.get("created", created)},
                at,
            )  # fmt: skip
            for alias in said.get("aliases", []):
                row = alias if isinstance(alias, dict) else {"key": alias}
                self._aliases.append(({"entity_id": number, **self._kept("aliases", row)}, at))
        return self._entities[key]

    def _map_row(self, kind: Kind, row: Row, facts: set[int], at: str) -> None:
        number = _number(kind, row.get("id"), at)
        created = row.get("created", self._now)
        values = {**self._kept(TABLES[kind], row), "id": number, "created": created}
        if kind in ("place", "edge"):
            values.setdefault("last_seen", created)
        if kind == "place":
            values.setdefault("key", str(row.get("name", "")).strip().casefold())
        elif kind == "edge":
            values |= {name: _number("place", row.get(name), at) for name in _PLACE_REFS}
        self._incoming.add(TABLES[kind], values, at)
        self._tell(kind, number, row, str(row.get("name") or row.get("relation") or kind), created, at)
        for link in row.get("links", []):
            if link["id"] in (self._traces if link["kind"] == "trace" else facts):
                self._incoming.add("place_links", {"place_id": number, "kind": link["kind"], "row_id": link["id"]}, at)

    def _tell(self, kind: Kind, number: int, row: Row, words: str, created: float, at: str) -> None:
        told = row.get("provenance") or [{"text_span": words, "source": "session", "time": created}]
        for telling in told if isinstance(told, list) else [told]:
            self._n_origins += 1
            trace = telling.get("trace_id")
            values = {"doc_id": None, "conf": 1.0, **self._kept("origins", telling)}
            self._incoming.add(
                "origins",
                {**values, "id": self._n_origins, "kind": kind, "row_id": number,
                 "trace_id": trace if trace in self._traces else None},
                at,
            )  # fmt: skip

    def _kept(self, table: str, row: Row) -> dict[str, Any]:
        """What the table has a column for; other programs may say more."""
        kept = {name: value for name, value in row.items() if name in self._columns[table]}
        return {
            name: int(value) if isinstance(value, bool) else json.dumps(value) if isinstance(value, (dict, list)) else
            value
            for name, value in kept.items()
        }  # fmt: skip


def _number(kind: str, said: Any, at: str) -> int:
    text = str(said).removeprefix(f"{kind}-")
    if not text.isdigit():
        raise StoreFormatError(f"{at}: {said!r} is not the id of a {kind}; write it as {kind}-1, {kind}-2, ...")
    return int(text)

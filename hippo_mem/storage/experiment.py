"""Experiment stores: what a run was taught, as files that another process, or another program, can read.

    <store_dir>/
    ├── hei_nw/<session>/   episodic.jsonl, relational.jsonl, spatial.jsonl, store_meta.json
    ├── sgc_rss/<session>/  kg.jsonl, store_meta.json
    └── smpd/<session>/     spatial.jsonl, store_meta.json

A line is one JSON object with its `schema` number. Episodic lines are whole traces (no vectors: those are computed
again from the text); the other files hold rows as they are given. Each file is written beside its place, fsynced and
renamed; `store_meta.json` comes last and counts the rows, so a set of files that do not belong together is seen.
Knows nothing of who teaches or what is replayed.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from hippo_mem.config import from_mapping
from hippo_mem.errors import ConfigError, InputError, StoreFormatError, StoreVersionError, nearest
from hippo_mem.storage.jsonl import encode_jsonl, read_jsonl, write_atomic
from hippo_mem.types import Provenance, Salience, Trace, check_id

SCHEMA = 1
META = "store_meta.json"
FILES: dict[str, tuple[str, ...]] = {
    "hei_nw": ("episodic", "relational", "spatial"),
    "sgc_rss": ("kg",),
    "smpd": ("spatial",),
}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreMeta:
    """What `store_meta.json` says: where the rows come from, how many there are, and by which settings."""

    algorithm: str
    session_id: str
    source: Literal["teach", "replay"] = "teach"
    counts: Mapping[str, int] = field(default_factory=dict)
    replay_samples: int = 0
    config_hash: str | None = None
    model: str | None = None
    format: Literal["jsonl", "parquet"] = "jsonl"
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSession:
    """One session read back: its traces, and the rows of the other files by name."""

    folder: Path
    meta: StoreMeta
    traces: tuple[Trace, ...] = ()
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)


def session_folder(store_dir: str | Path, session_id: str, algorithm: str = "hei_nw") -> Path:
    """Where a session lives. `store_dir` is the base or already the algorithm's folder in it.

    Raises: InputError for a session id that could leave the folder, or an unknown algorithm.
    """
    check_id(session_id, "session_id")
    if algorithm not in FILES:
        raise InputError(f"no memory algorithm {algorithm!r}{nearest(algorithm, FILES)}")
    base = Path(store_dir).expanduser()
    if base.name in FILES and base.name != algorithm:
        raise InputError(f"store_dir {base} is the folder of {base.name}, not of {algorithm}; give its parent")
    return (base if base.name == algorithm else base / algorithm) / session_id


def save_session(
    store_dir: str | Path,
    session_id: str,
    traces: Iterable[Trace] = (),
    *,
    algorithm: str = "hei_nw",
    rows: Mapping[str, Iterable[Row]] | None = None,
    source: Literal["teach", "replay"] = "teach",
    replay_samples: int = 0,
    config_hash: str | None = None,
    model: str | None = None,
    format: Literal["jsonl", "parquet"] = "jsonl",
) -> StoreMeta:
    """Write a session, in place of an earlier one of that id. All files of the algorithm are written, empty ones too.

    Raises: InputError for a bad id, algorithm or file name, or for Parquet without pyarrow; StorageFull when the
        disk is full or read-only. What was there before a failed write is still there, file by file.
    """
    folder = session_folder(store_dir, session_id, algorithm)
    content: dict[str, list[Row]] = {name: [] for name in FILES[algorithm]}
    if "episodic" in content:
        content["episodic"] = [trace_to_row(t) for t in traces]
    elif any(True for _ in traces):
        raise InputError(f"{algorithm} keeps no traces; its files are {', '.join(content)}")
    for name, given in (rows or {}).items():
        if name not in content or name == "episodic":
            raise InputError(f"{algorithm} has no file {name!r} for plain rows{nearest(name, content)}")
        content[name] = [{"schema": SCHEMA, **row} for row in given]
    meta = StoreMeta(
        algorithm=algorithm,
        session_id=session_id,
        source=source,
        counts={name: len(lines) for name, lines in content.items()},
        replay_samples=replay_samples,
        config_hash=config_hash,
        model=model,
        format=format,
    )
    writer = encode_jsonl if format == "jsonl" else _parquet_bytes
    encoded = {f"{name}.{format}": writer(lines) for name, lines in content.items()}
    other = "parquet" if format == "jsonl" else "jsonl"
    for name, data in encoded.items():
        write_atomic(folder / name, data)
    write_atomic(folder / META, _meta_bytes(meta))
    for name in content:
        (folder / f"{name}.{other}").unlink(missing_ok=True)
    return meta


def load_session(store_dir: str | Path, session_id: str, algorithm: str = "hei_nw") -> SavedSession:
    """Read a session back.

    Raises: InputError when there is none (names those there are); StoreFormatError for a line that is not what it
        should be, with file and line number, or files that do not belong together; StoreVersionError when a newer
        version wrote it.
    """
    folder = session_folder(store_dir, session_id, algorithm)
    if not folder.is_dir():
        there = sessions(store_dir, algorithm)
        raise InputError(
            f"no session {session_id!r} of {algorithm} under {Path(store_dir)}; "
            + (f"there: {', '.join(there)}" if there else "no session was saved there yet (mode=teach persist=true)")
        )
    meta = load_meta(folder)
    rows: dict[str, tuple[Row, ...]] = {}
    traces: tuple[Trace, ...] = ()
    for name in FILES[algorithm]:
        file = folder / f"{name}.{meta.format}"
        lines = list(_read_rows(file, meta.format))
        if len(lines) != meta.counts.get(name, 0):
            raise StoreFormatError(
                f"{file} has {len(lines)} rows but {META} counts {meta.counts.get(name, 0)}: "
                "the file was cut off or changed; teach the session again"
            )
        if name == "episodic":
            traces = tuple(row_to_trace(row, f"{file}, line {at}") for at, row in lines)
        else:
            rows[name] = tuple(row for _, row in lines)
    return SavedSession(folder=folder, meta=meta, traces=traces, rows=rows)


def sessions(store_dir: str | Path, algorithm: str = "hei_nw") -> list[str]:
    """The ids of the sessions saved under `store_dir`, sorted."""
    folder = session_folder(store_dir, "any", algorithm).parent
    return sorted(p.parent.name for p in folder.glob(f"*/{META}")) if folder.is_dir() else []


def load_meta(folder: Path) -> StoreMeta:
    """`store_meta.json` of a session folder.

    Raises: StoreFormatError when it is missing or damaged; StoreVersionError when a newer version wrote it.
    """
    file = folder / META
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreFormatError(f"{file} is missing: the session was not written to its end") from None
    except ValueError as error:
        raise StoreFormatError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise StoreFormatError(f"{file} must be a JSON object, got {type(data).__name__}")
    _check_schema(data, str(file))
    counts = data.pop("counts", {})
    if not isinstance(counts, dict) or not all(type(n) is int for n in counts.values()):
        raise StoreFormatError(f"{file}: counts must map file names to whole numbers, got {counts!r}")
    known = {f.name: data[f.name] for f in dataclasses.fields(StoreMeta) if f.name in data}
    return cast(StoreMeta, _build(StoreMeta, {**known, "counts": counts}, str(file)))


def update_meta(folder: Path, **changes: Any) -> StoreMeta:
    """Rewrite some fields of a session's `store_meta.json`, the rest as it was."""
    meta = dataclasses.replace(load_meta(folder), **changes)
    write_atomic(folder / META, _meta_bytes(meta))
    return meta


def trace_to_row(trace: Trace) -> dict[str, Any]:
    """A trace as a JSON object with its schema number first."""
    return {"schema": SCHEMA, **dataclasses.asdict(dataclasses.replace(trace, slots=dict(trace.slots)))}


def row_to_trace(row: Row, where: str) -> Trace:
    """The trace of a row; keys that this version does not know are passed over.

    Raises: StoreFormatError naming `where` and the missing key or the wrong type.
    """
    slots = row.get("slots")
    if not isinstance(slots, dict) or not all(isinstance(v, str) for v in slots.values()):
        raise StoreFormatError(f"{where}: slots must map names to texts, got {slots!r}")
    return cast(Trace, _build(Trace, row, where))


_NESTED: dict[str, type[Any]] = {"salience": Salience, "provenance": Provenance}


def _build(cls: type[Any], row: Row, where: str) -> Any:
    known: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if f.name in row:
            value = row[f.name]
            nested = _NESTED.get(f.name)
            known[f.name] = _filtered(nested, value, where) if nested and isinstance(value, dict) else value
    _complete(cls, known, where)
    try:
        return from_mapping(cls, known, origin=where)
    except ConfigError as error:
        raise StoreFormatError(str(error)) from error


def _filtered(cls: type[Any], value: Row, where: str) -> Row:
    kept = {f.name: value[f.name] for f in dataclasses.fields(cls) if f.name in value}
    _complete(cls, kept, where)
    return kept


def _complete(cls: type[Any], row: Row, where: str) -> None:
    missing = [
        f.name
        for f in dataclasses.fields(cls)
        if f.name not in row and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise StoreFormatError(f"{where}: missing {', '.join(missing)} of {cls.__name__.lower()}")


def _check_schema(row: Row, where: str) -> None:
    schema = row.get("schema")
    if type(schema) is not int or schema < 1:
        raise StoreFormatError(f"{where}: schema must be a whole number from 1, got {schema!r}")
    if schema > SCHEMA:
        raise StoreVersionError(
            f"{where} was written in schema {schema}; this version reads up to {SCHEMA}: upgrade hippo to read it"
        )


def _meta_bytes(meta: StoreMeta) -> bytes:
    plain = dataclasses.asdict(dataclasses.replace(meta, counts=dict(meta.counts)))
    return (json.dumps(plain, indent=2, sort_keys=True) + "\n").encode()


def _read_rows(file: Path, format: str) -> Iterator[tuple[int, Row]]:
    for at, row in read_jsonl(file) if format == "jsonl" else _read_parquet(file):
        _check_schema(row, f"{file}, line {at}")
        yield at, row


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise InputError("Parquet needs pyarrow, which is not installed: pip install pyarrow, or use JSONL") from None


def _parquet_bytes(rows: Sequence[Row]) -> bytes:
    """Columns to filter by (schema, id, text, context_key), and each whole row as JSON, for slots differ by row."""
    arrow, parquet = _pyarrow()
    text = arrow.string()
    table = arrow.table(
        {
            "schema": arrow.array([row["schema"] for row in rows], arrow.int64()),
            "id": arrow.array([None if (i := row.get("id")) is None else str(i) for row in rows], text),
            "text": arrow.array([row.get("text") for row in rows], text),
            "context_key": arrow.array([row.get("context_key") for row in rows], text),
            "row": arrow.array([json.dumps(dict(row), ensure_ascii=False) for row in rows], text),
        }
    )
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def _read_parquet(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    arrow, parquet = _pyarrow()
    if not file.is_file():
        raise InputError(f"no file {file}")
    try:
        rows = parquet.read_table(file, columns=["row"]).column("row").to_pylist()
        decoded = [json.loads(row) for row in rows]
    except (arrow.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise StoreFormatError(f"{file} is not a Parquet file of this store: {error}") from error
    yield from enumerate(decoded, start=1)

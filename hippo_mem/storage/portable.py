"""All memories of a user in an open format, and back: one file of JSON lines, or a folder of Parquet files.

    {"format": "hippo-export", "version": 1, "schema": 2, "counts": {"traces": 2, ...}}     first line
    {"table": "traces", "id": 1, "text": ..., "vector": {"base64": ...}, ...}               one line a row
    {"end": 2}                                                                              last line: rows before it

Parquet has one file a table, its columns typed, and `export.json` with the first line's content. The nights themselves,
counters and the store's own name stay behind: a snapshot has them. An import is one transaction: all or nothing.
Knows nothing of vectors' making: rows of another vector space are embedded again by the space it is given.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError, StoreFormatError, StoreVersionError
from hippo_mem.home import FILE_MODE, FOLDER_MODE, check_target, sync_folder, unwritable
from hippo_mem.storage.database import Database
from hippo_mem.storage.jsonl import read_jsonl
from hippo_mem.storage.migrations import LATEST
from hippo_mem.storage.origins import bump
from hippo_mem.storage.tables import ORDER, Column, Incoming, Row, columns, read_rows

_FORMAT, _VERSION = "hippo-export", 1
_HEADER = "export.json"
_PAGE = 256  # texts embedded at a time, rows written at a time


class Space(Protocol):
    """The vector space of the store that takes rows in."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def dim(self) -> int:
        """Its width."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim), rows of length 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Table -> rows: `added` ones are new, `joined` ones were here already."""

    added: Mapping[str, int]
    joined: Mapping[str, int]


def export_to(database: Database, path: Path, *, format: Literal["jsonl", "parquet"] = "jsonl") -> dict[str, int]:
    """Write every memory as of one moment to a file (JSONL) or a folder (Parquet), in place of an earlier export.

    Returns: table -> rows.
    Raises: InputError for a place that holds something else, or without pyarrow; StorageFull.
    """
    path = path.expanduser().absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _export_jsonl(database, path) if format == "jsonl" else _export_parquet(database, path)
    except OSError as error:
        raise unwritable(path, error) from error


def import_from(
    database: Database, path: Path, *, space: Space, renumber: bool = False, keep_learned: bool = False
) -> Imported:
    """Take in an export, of either format: all of it in one transaction, or an error and nothing.

    Args:
        space: what vectors of this store are; rows of another space are embedded again.
        renumber: give every row a new id. Entities, places, edges, macros and open facts that both stores have become
            one; so do episodes of the same text, source, document, context and time, and what was told with them:
            the same file twice adds nothing. Values that contradict each other both stand until the next telling.
        keep_learned: what a night had learned counts as learned here too, for a home that has those nights; else
            everything is new to the next sleep.
    Raises: InputError when there is no export there or an id is taken (it is named); StoreFormatError with the line
        for what is not a row, and for a file that was cut off; StoreVersionError for one of a newer version.
    """
    path = path.expanduser().absolute()
    source = _read_parquet(path) if path.is_dir() else _read_jsonl(path)
    rows = list(_in_space(source, space))
    with database.write() as connection:
        incoming = Incoming(connection, renumber=renumber, keep_learned=keep_learned)
        for table, row, at in rows:
            incoming.add(table, row, at)
        incoming.finish()
        bump(connection, "relational")
        bump(connection, "spatial")
        if incoming.goes_back:
            database.set_meta("generation", str(int(database.meta("generation") or 0) + 1))
        return Imported(added=dict(incoming.added), joined=dict(incoming.joined))


def _in_space(rows: Iterable[tuple[str, Row, str]], space: Space) -> Iterator[tuple[str, Row, str]]:
    """The rows, traces of another vector space embedded again."""
    waiting: list[tuple[str, Row, str]] = []
    for item in rows:
        table, row, at = item
        if table == "traces" and (row.get("embedder"), row.get("dim")) != (space.id, space.dim):
            if not isinstance(row.get("text"), str):
                raise StoreFormatError(f"{at}: traces.text must be text, got {row.get('text')!r:.60}")
            waiting.append(item)
        else:
            yield from _embedded(waiting, space)
            waiting = []
            if table == "places" and row.get("embedder") not in (None, space.id):
                row = {**row, "vector": None, "embedder": None}  # made again when the place is next compared
            yield table, row, at
        if len(waiting) == _PAGE:
            yield from _embedded(waiting, space)
            waiting = []
    yield from _embedded(waiting, space)


def _embedded(waiting: Sequence[tuple[str, Row, str]], space: Space) -> Iterator[tuple[str, Row, str]]:
    if not waiting:
        return
    vectors = space.embed([row["text"] for _, row, _ in waiting]).astype("<f4")
    for (table, row, at), vector in zip(waiting, vectors, strict=True):
        yield table, {**row, "vector": vector.tobytes(), "embedder": space.id, "dim": space.dim}, at


# JSON lines --------------------------------------------------------------------------------------------------------


def _is_export(path: Path) -> bool:
    start = json.dumps({"format": _FORMAT})[:-1].encode()
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _export_jsonl(database: Database, path: Path) -> dict[str, int]:
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the file that the export is to be")
    check_target(path, "an export", _is_export)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file, database.read() as connection:
            counts = {t.name: connection.execute(f"SELECT count(*) FROM {t.name}").fetchone()[0] for t in ORDER}
            file.write(json.dumps(_header(counts)) + "\n")
            for table in ORDER:
                for row in read_rows(connection, table):
                    plain = {name: _plain(value) for name, value in row.items()}
                    file.write(json.dumps({"table": table.name, **plain}, ensure_ascii=False) + "\n")
            file.write(json.dumps({"end": sum(counts.values())}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(FILE_MODE)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return counts


def _read_jsonl(path: Path) -> Iterator[tuple[str, Row, str]]:
    last, header, ended = 0, False, False
    n_rows = 0
    for number, line in read_jsonl(path):
        last, at = number, f"{path}, line {number}"
        if not header:
            _check_header(line, at)
            header = True
        elif ended:
            raise StoreFormatError(f"{at}: there are rows after the end of the export")
        elif "end" in line:
            ended = True
            if line["end"] != n_rows:
                raise StoreFormatError(f"{at}: {n_rows} rows came before the end, {line['end']} were written")
        else:
            n_rows += 1
            table = line.pop("table", None)
            yield str(table), {name: _value(value, f"{at}: {name}") for name, value in line.items()}, at
    if not header:
        raise StoreFormatError(f"{path} is empty; it was cut off or is no export")
    if not ended:
        raise StoreFormatError(f"{path} is cut off after line {last}: the end is missing; nothing was imported")


def _plain(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _value(value: Any, at: str) -> Any:
    if not isinstance(value, dict):
        return value
    try:
        return base64.b64decode(value["base64"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise StoreFormatError(f'{at} must be a value or {{"base64": ...}}, got {value!s:.60}') from error


# Parquet -----------------------------------------------------------------------------------------------------------


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise InputError("Parquet needs pyarrow, which is not installed: pip install pyarrow, or use JSONL") from None


def _export_parquet(database: Database, path: Path) -> dict[str, int]:
    arrow, parquet = _pyarrow()
    if path.exists() and not (path / _HEADER).is_file() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path} holds something else than an export; name a new folder")
    scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        scratch.chmod(FOLDER_MODE)
        counts: dict[str, int] = {}
        with database.read() as connection:
            for table in ORDER:
                fields = columns(connection, table.name)
                schema = arrow.schema([(column.name, _arrow_type(arrow, column)) for column in fields])
                counts[table.name] = 0
                with parquet.ParquetWriter(scratch / f"{table.name}.parquet", schema) as writer:
                    for page in _pages(read_rows(connection, table), _PAGE * 16):
                        writer.write_table(arrow.Table.from_pylist(page, schema=schema))
                        counts[table.name] += len(page)
        (scratch / _HEADER).write_text(json.dumps(_header(counts), indent=2) + "\n", encoding="utf-8")
        for file in scratch.iterdir():
            file.chmod(FILE_MODE)
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        sync_folder(scratch)
        if path.exists():
            earlier = scratch.with_name(f"{scratch.name}.earlier")
            path.rename(earlier)
            scratch.rename(path)
            shutil.rmtree(earlier)
        else:
            scratch.rename(path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return counts


def _read_parquet(folder: Path) -> Iterator[tuple[str, Row, str]]:
    arrow, parquet = _pyarrow()
    try:
        header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no export: {_HEADER} is missing") from None
    except ValueError as error:
        raise StoreFormatError(f"{folder / _HEADER} is not valid JSON: {error}") from error
    counts = _check_header(header, str(folder / _HEADER))
    for table in ORDER:
        file = folder / f"{table.name}.parquet"
        n = 0
        try:
            with parquet.ParquetFile(file) as opened:
                for batch in opened.iter_batches(batch_size=_PAGE * 16):
                    for row in batch.to_pylist():
                        n += 1
                        yield table.name, row, f"{file}, row {n}"
        except FileNotFoundError:
            raise StoreFormatError(f"{file} is missing: the export is not whole; nothing was imported") from None
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise StoreFormatError(f"{file} is damaged or cut off: {error}; nothing was imported") from error
        if n != counts.get(table.name, 0):
            raise StoreFormatError(
                f"{file} has {n} rows, {_HEADER} counts {counts.get(table.name, 0)}: they do not belong together"
            )


def _arrow_type(arrow: Any, column: Column) -> Any:
    kinds = {"INTEGER": arrow.int64(), "REAL": arrow.float64(), "TEXT": arrow.string(), "BLOB": arrow.binary()}
    return kinds[column.type]


def _pages(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


# Both --------------------------------------------------------------------------------------------------------------


def _header(counts: Mapping[str, int]) -> dict[str, Any]:
    return {"format": _FORMAT, "version": _VERSION, "schema": LATEST, "counts": dict(counts)}


def _check_header(line: Mapping[str, Any], at: str) -> dict[str, int]:
    if line.get("format") != _FORMAT:
        raise StoreFormatError(f"{at} is not the beginning of an export of hippo")
    version, schema, counts = line.get("version"), line.get("schema"), line.get("counts")
    if type(version) is not int or type(schema) is not int or not isinstance(counts, dict):
        raise StoreFormatError(f"{at}: version, schema and counts must be there, got {sorted(line)}")
    if version > _VERSION or schema > LATEST:
        raise StoreVersionError(
            f"{at} is of version {version}, schema {schema}; this one reads up to {_VERSION}, {LATEST}: upgrade hippo"
        )
    return {str(name): int(n) for name, n in counts.items()}

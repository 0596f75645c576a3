"""The schema as numbered steps that are only ever appended. Knows nothing of what is stored in it.

A step that has been released is never edited: a store that ran it would differ from one that runs the new text.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from dataclasses import dataclass

from hippo_mem.errors import StoreVersionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step: its statements run in one transaction together with the record that they ran."""

    number: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        number=1,
        name="traces, tombstones, nights, gate and counters",
        statements=(
            # AUTOINCREMENT: the id of a deleted trace is never given to another one.
            """CREATE TABLE traces (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                text TEXT NOT NULL,
                digest BLOB NOT NULL,
                slots TEXT NOT NULL,
                tags TEXT NOT NULL,
                context_key TEXT,
                surprise REAL NOT NULL,
                novelty REAL NOT NULL,
                reward INTEGER NOT NULL,
                pin INTEGER NOT NULL,
                score REAL NOT NULL,
                threshold REAL NOT NULL,
                text_span TEXT NOT NULL,
                source TEXT NOT NULL,
                time REAL NOT NULL,
                doc_id TEXT,
                conf REAL NOT NULL CHECK (conf BETWEEN 0 AND 1),
                created REAL NOT NULL,
                valid_from REAL NOT NULL,
                valid_to REAL,
                access_count INTEGER NOT NULL DEFAULT 0,
                mention_count INTEGER NOT NULL DEFAULT 1,
                last_access REAL,
                last_mention REAL,
                consolidated_at REAL,
                vector BLOB NOT NULL,
                embedder TEXT NOT NULL,
                dim INTEGER NOT NULL CHECK (length(vector) = 4 * dim)
            )""",
            "CREATE INDEX traces_digest ON traces (digest)",
            "CREATE INDEX traces_source ON traces (source)",
            "CREATE INDEX traces_doc ON traces (doc_id) WHERE doc_id IS NOT NULL",
            "CREATE INDEX traces_context ON traces (context_key)",
            "CREATE INDEX traces_time ON traces (time)",
            "CREATE INDEX traces_closed ON traces (valid_to) WHERE valid_to IS NOT NULL",
            # The text is kept once, in `traces`; the lexical index refers to it.
            """CREATE VIRTUAL TABLE traces_fts USING fts5(
                text, content='traces', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
            )""",
            """CREATE TRIGGER traces_fts_insert AFTER INSERT ON traces BEGIN
                INSERT INTO traces_fts (rowid, text) VALUES (new.id, new.text);
            END""",
            """CREATE TRIGGER traces_fts_delete AFTER DELETE ON traces BEGIN
                INSERT INTO traces_fts (traces_fts, rowid, text) VALUES ('delete', old.id, old.text);
            END""",
            """CREATE TRIGGER traces_fts_update AFTER UPDATE OF text ON traces BEGIN
                INSERT INTO traces_fts (traces_fts, rowid, text) VALUES ('delete', old.id, old.text);
                INSERT INTO traces_fts (rowid, text) VALUES (new.id, new.text);
            END""",
            # That something was deleted is remembered, what it said is not.
            """CREATE TABLE tombstones (
                seq INTEGER PRIMARY KEY AUTOINCREMENT,
                trace_id INTEGER NOT NULL UNIQUE,
                deleted REAL NOT NULL
            )""",
            """CREATE TRIGGER traces_tombstone AFTER DELETE ON traces BEGIN
                INSERT INTO tombstones (trace_id, deleted) VALUES (old.id, (julianday('now') - 2440587.5) * 86400.0);
            END""",
            # No foreign key: a night goes on naming the traces that were deleted after it.
            """CREATE TABLE night_traces (
                night INTEGER NOT NULL,
                trace_id INTEGER NOT NULL,
                PRIMARY KEY (night, trace_id)
            ) WITHOUT ROWID""",
            "CREATE INDEX night_traces_trace ON night_traces (trace_id)",
            """CREATE TABLE gate (
                id INTEGER PRIMARY KEY CHECK (id = 1),
                tau REAL,
                n INTEGER NOT NULL,
                mean REAL NOT NULL,
                m2 REAL NOT NULL
            )""",
            "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        ),
    ),
    Migration(
        number=2,
        name="retired traces, facts, places, and where each of them comes from",
        statements=(
            # A retired trace is out of every recall and can be brought back until the next vacuum.
            "ALTER TABLE traces ADD COLUMN expires REAL",
            "ALTER TABLE traces ADD COLUMN retired REAL",
            "CREATE INDEX traces_retired ON traces (retired) WHERE retired IS NOT NULL",
            "CREATE INDEX traces_expires ON traces (expires) WHERE expires IS NOT NULL",
            # The trace that a redundant one was counted into when it was retired.
            "ALTER TABLE traces ADD COLUMN merged_into INTEGER",
            # What an index in memory must read again: at most one line a trace, its number rises with every change.
            """CREATE TABLE trace_changes (
                seq INTEGER PRIMARY KEY AUTOINCREMENT,
                trace_id INTEGER NOT NULL UNIQUE REFERENCES traces (id) ON DELETE CASCADE
            )""",
            """CREATE TRIGGER traces_changed AFTER UPDATE OF slots, tags, context_key, source, time, doc_id, valid_from,
                valid_to, expires, retired ON traces BEGIN
                DELETE FROM trace_changes WHERE trace_id = new.id;
                INSERT INTO trace_changes (trace_id) VALUES (new.id);
            END""",
            # Words are ranked from memory: a frequent word in a large store cost full-text search 20 ms.
            "DROP TRIGGER traces_fts_insert",
            "DROP TRIGGER traces_fts_delete",
            "DROP TRIGGER traces_fts_update",
            "DROP TABLE traces_fts",
            """CREATE TABLE entities (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                name TEXT NOT NULL,
                key TEXT NOT NULL UNIQUE,
                kind TEXT NOT NULL,
                created REAL NOT NULL
            )""",
            """CREATE TABLE aliases (
                key TEXT NOT NULL,
                entity_id INTEGER NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
                fact_id INTEGER REFERENCES facts (id) ON DELETE CASCADE,
                context_key TEXT,
                UNIQUE (key, entity_id, fact_id)
            )""",
            "CREATE INDEX aliases_entity ON aliases (entity_id)",
            "CREATE INDEX aliases_fact ON aliases (fact_id)",
            """CREATE TABLE facts (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                head INTEGER NOT NULL REFERENCES entities (id),
                relation TEXT NOT NULL,
                tail INTEGER NOT NULL REFERENCES entities (id),
                negated INTEGER NOT NULL DEFAULT 0,
                place TEXT NOT NULL DEFAULT '',
                time_text TEXT NOT NULL DEFAULT '',
                context_key TEXT,
                schema TEXT,
                conf REAL NOT NULL CHECK (conf BETWEEN 0 AND 1),
                mention_count INTEGER NOT NULL DEFAULT 1,
                access_count INTEGER NOT NULL DEFAULT 0,
                created REAL NOT NULL,
                valid_from REAL NOT NULL,
                valid_to REAL,
                superseded_by INTEGER,
                consolidated_at REAL
            )""",
            "CREATE INDEX facts_head ON facts (head, relation, tail)",
            "CREATE INDEX facts_tail ON facts (tail, relation, head)",
            # What holds now, so that an entity with a long past stays quick.
            "CREATE INDEX facts_open_head ON facts (head, relation, tail) WHERE valid_to IS NULL",
            "CREATE INDEX facts_open_tail ON facts (tail, relation, head) WHERE valid_to IS NULL",
            # What ended after a moment: for what is told late.
            "CREATE INDEX facts_past_head ON facts (head, relation, valid_to) WHERE valid_to IS NOT NULL",
            "CREATE INDEX facts_past_tail ON facts (tail, relation, valid_to) WHERE valid_to IS NOT NULL",
            "CREATE INDEX facts_context ON facts (context_key)",
            "CREATE INDEX facts_superseded_by ON facts (superseded_by) WHERE superseded_by IS NOT NULL",
            """CREATE TABLE misfits (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                head TEXT NOT NULL,
                relation TEXT NOT NULL,
                tail TEXT NOT NULL,
                signature TEXT NOT NULL,
                details TEXT NOT NULL,
                context_key TEXT,
                created REAL NOT NULL,
                promoted REAL
            )""",
            "CREATE INDEX misfits_signature ON misfits (signature)",
            """CREATE TABLE schemas (
                name TEXT PRIMARY KEY,
                relation TEXT NOT NULL,
                head_type TEXT NOT NULL,
                tail_type TEXT NOT NULL,
                functional INTEGER NOT NULL,
                prototype BLOB,
                n INTEGER NOT NULL DEFAULT 0,
                origin TEXT NOT NULL
            ) WITHOUT ROWID""",
            """CREATE TABLE places (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                name TEXT NOT NULL,
                key TEXT NOT NULL,
                context_key TEXT,
                x REAL,
                y REAL,
                passable INTEGER NOT NULL DEFAULT 1,
                visits INTEGER NOT NULL DEFAULT 0,
                created REAL NOT NULL,
                last_seen REAL NOT NULL,
                expires REAL,
                vector BLOB,
                embedder TEXT
            )""",
            "CREATE INDEX places_context ON places (context_key)",
            "CREATE UNIQUE INDEX places_key ON places (key, coalesce(context_key, ''))",
            """CREATE TABLE edges (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                src INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
                dst INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
                relation TEXT NOT NULL,
                cost REAL NOT NULL CHECK (cost >= 0),
                distance REAL NOT NULL DEFAULT 1,
                attempts INTEGER NOT NULL DEFAULT 0,
                successes INTEGER NOT NULL DEFAULT 0,
                passable INTEGER NOT NULL DEFAULT 1,
                created REAL NOT NULL,
                last_seen REAL NOT NULL,
                expires REAL,
                UNIQUE (src, dst, relation)
            )""",
            "CREATE INDEX edges_dst ON edges (dst)",
            """CREATE TABLE trajectories (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                context_key TEXT,
                start TEXT NOT NULL,
                goal TEXT NOT NULL,
                steps TEXT NOT NULL,
                details TEXT NOT NULL DEFAULT '{}',
                success INTEGER NOT NULL,
                created REAL NOT NULL
            )""",
            "CREATE INDEX trajectories_context ON trajectories (context_key)",
            """CREATE TABLE macros (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                signature TEXT NOT NULL UNIQUE,
                context_key TEXT,
                steps TEXT NOT NULL,
                details TEXT NOT NULL DEFAULT '{}',
                uses INTEGER NOT NULL DEFAULT 0,
                successes INTEGER NOT NULL DEFAULT 0,
                created REAL NOT NULL,
                last_used REAL
            )""",
            "CREATE INDEX macros_context ON macros (context_key)",
            """CREATE TABLE place_links (
                place_id INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
                kind TEXT NOT NULL CHECK (kind IN ('trace', 'fact')),
                row_id INTEGER NOT NULL,
                PRIMARY KEY (place_id, kind, row_id)
            ) WITHOUT ROWID""",
            "CREATE INDEX place_links_row ON place_links (kind, row_id)",
            # One line for each time a row was told. A row whose last line goes, goes with it.
            """CREATE TABLE origins (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                kind TEXT NOT NULL CHECK (kind IN ('fact', 'misfit', 'place', 'edge', 'trajectory', 'macro')),
                row_id INTEGER NOT NULL,
                trace_id INTEGER,
                text_span TEXT NOT NULL,
                source TEXT NOT NULL,
                time REAL NOT NULL,
                doc_id TEXT,
                conf REAL NOT NULL CHECK (conf BETWEEN 0 AND 1)
            )""",
            "CREATE INDEX origins_row ON origins (kind, row_id)",
            "CREATE INDEX origins_trace ON origins (trace_id) WHERE trace_id IS NOT NULL",
            "CREATE INDEX origins_source ON origins (source)",
            "CREATE INDEX origins_doc ON origins (doc_id) WHERE doc_id IS NOT NULL",
            # The rules of `origins`: they hold on every path by which a row can go.
            """CREATE TRIGGER traces_told AFTER DELETE ON traces BEGIN
                DELETE FROM origins WHERE trace_id = old.id;
                DELETE FROM place_links WHERE kind = 'trace' AND row_id = old.id;
            END""",
            """CREATE TRIGGER origins_last AFTER DELETE ON origins
            WHEN NOT EXISTS (SELECT 1 FROM origins WHERE kind = old.kind AND row_id = old.row_id) BEGIN
                DELETE FROM facts WHERE old.kind = 'fact' AND id = old.row_id;
                DELETE FROM misfits WHERE old.kind = 'misfit' AND id = old.row_id;
                DELETE FROM edges WHERE old.kind = 'edge' AND id = old.row_id;
                DELETE FROM places WHERE old.kind = 'place' AND id = old.row_id;
                DELETE FROM trajectories WHERE old.kind = 'trajectory' AND id = old.row_id;
                DELETE FROM macros WHERE old.kind = 'macro' AND id = old.row_id;
            END""",
            """CREATE TRIGGER origins_fewer AFTER DELETE ON origins
            WHEN old.kind = 'fact' AND EXISTS (SELECT 1 FROM origins WHERE kind = 'fact' AND row_id = old.row_id) BEGIN
                UPDATE facts SET mention_count = max(1, mention_count - 1) WHERE id = old.row_id;
            END""",
            """CREATE TRIGGER origins_version AFTER DELETE ON origins BEGIN
                INSERT INTO meta VALUES (
                    iif(old.kind IN ('fact', 'misfit'), 'relational', 'spatial') || '_version',
                    random() & 9223372036854775807
                )
                ON CONFLICT (key) DO UPDATE SET value = excluded.value;
            END""",
            # What a deleted fact had closed is open again, or closed by what had closed that fact. A denial closes
            # only what it denies.
            """CREATE TRIGGER facts_gone AFTER DELETE ON facts BEGIN
                UPDATE facts SET superseded_by = (
                    SELECT later.id FROM facts AS later
                    WHERE later.id = old.superseded_by AND (later.negated = 0 OR later.tail = facts.tail)
                ) WHERE superseded_by = old.id;
                DELETE FROM origins WHERE kind = 'fact' AND row_id = old.id;
                DELETE FROM place_links WHERE kind = 'fact' AND row_id = old.id;
                -- A prototype is a mean over tellings: what one of them put into it cannot be taken out again.
                DELETE FROM schemas WHERE origin = 'learned' AND relation = old.relation
                AND NOT EXISTS (SELECT 1 FROM facts WHERE relation = old.relation);
                UPDATE schemas SET prototype = NULL, n = 0 WHERE name = old.schema OR relation = old.relation;
                DELETE FROM entities WHERE id IN (old.head, old.tail)
                AND NOT EXISTS (SELECT 1 FROM facts WHERE head = entities.id)
                AND NOT EXISTS (SELECT 1 FROM facts WHERE tail = entities.id);
            END""",
            """CREATE TRIGGER facts_reopened AFTER UPDATE OF superseded_by ON facts
            WHEN old.superseded_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM facts WHERE id = old.superseded_by) BEGIN
                UPDATE facts SET valid_to = (
                    SELECT max(later.valid_from, new.valid_from) FROM facts AS later WHERE later.id = new.superseded_by
                ) WHERE id = new.id;
            END""",
            # A fact is only ever closed by one later in time, then in arrival: no chain comes back to its start.
            *(
                f"""CREATE TRIGGER facts_order_{name} {moment} ON facts
                WHEN new.superseded_by IS NOT NULL AND (new.superseded_by = new.id OR EXISTS (
                    SELECT 1 FROM facts AS later WHERE later.id = new.superseded_by
                    AND (later.valid_from, later.id) <= (new.valid_from, new.id)
                )) BEGIN
                    SELECT RAISE(ABORT, 'a cycle in supersession: a fact can only be closed by a later one');
                END"""
                for name, moment in (
                    ("told", "BEFORE INSERT"),
                    ("closed", "BEFORE UPDATE OF superseded_by, valid_from"),
                )
            ),
            *(
                f"""CREATE TRIGGER {table}_gone AFTER DELETE ON {table} BEGIN
                    DELETE FROM origins WHERE kind = '{kind}' AND row_id = old.id;
                END"""
                for kind, table in (
                    ("misfit", "misfits"),
                    ("place", "places"),
                    ("edge", "edges"),
                    ("trajectory", "trajectories"),
                    ("macro", "macros"),
                )
            ),
        ),
    ),
)

LATEST = MIGRATIONS[-1].number


def migrate(connection: sqlite3.Connection, where: str) -> int:
    """Bring an open connection's schema to `LATEST`; returns it.

    Every step commits together with its record, so a process killed between two steps leaves a whole older schema.

    Raises: StoreVersionError when the store is newer than this code.
    """
    version = schema_version(connection)
    while version < LATEST:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                "applied REAL NOT NULL)"
            )
            version = schema_version(connection)  # another process may have run the step while we waited
            if version < LATEST:
                step = MIGRATIONS[version]
                for statement in step.statements:
                    connection.execute(statement)
                connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.number, step.name, time.time()))
                if step.number == 1:
                    connection.execute("INSERT INTO meta VALUES ('store_id', ?)", (uuid.uuid4().hex,))
                version = step.number
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    if version > LATEST:
        raise StoreVersionError(
            f"{where} has schema {version}, this version of hippo knows up to {LATEST}; "
            "upgrade hippo, or open another home"
        )
    return version


def schema_version(connection: sqlite3.Connection) -> int:
    """The number of the last step that ran; 0 for a new file."""
    exists = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchone()
    if not exists:
        return 0
    found = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()[0]
    return int(found)

"""What a check of `hippo doctor` says, and where it looks. Knows nothing of what can be wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hippo_cli.session import DEFAULT_USER, Session
from hippo_mem.types import check_id

if TYPE_CHECKING:
    from hippo_mem.home import UserHome
    from hippo_mem.storage import Database

REPAIR = "hippo doctor --repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. `ok` None is a remark, neither good nor broken."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def paths(session: Session) -> UserHome:
    """Where the user's files are; nothing is made."""
    from hippo_mem.home import UserHome, data_home

    return UserHome(root=data_home(session.home), user=check_id(session.user or DEFAULT_USER, "user"))


@contextlib.contextmanager
def opened(session: Session) -> Iterator[Database]:
    """The user's store, open."""
    from hippo_mem.storage import Database

    database = Database(paths(session).database)
    try:
        yield database
    finally:
        database.close()

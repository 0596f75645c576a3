"""Who is calling: tokens that reach one user's memory each, hashed at rest, and what needs none.

On a loopback address the machine's own user is trusted, and a request names the memory it wants. On any other address
every request carries a token. Knows nothing of HTTP routes, memories or pages.

    tokens.json (0600)   [{"id", "user", "salt", "hash", "created"}]   hash = SHA-256(salt || token), hex
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hippo_mem.errors import HippoError, InputError, StoreFormatError
from hippo_mem.home import locked, make_folder, write_private
from hippo_mem.types import check_id

_PREFIX = "hippo_"  # how a token of ours is told from the placeholder keys that API clients send
_BYTES = 32  # of randomness: a plain salted hash is enough where nothing can be guessed
DEFAULT_USER = "default"


class AccessDenied(HippoError, PermissionError):
    """A caller without a valid token, or with one for another user's memory. `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token as kept: never the token itself. `created` is in unix seconds."""

    id: str
    user: str
    salt: str
    hash: str
    created: float


class Tokens:
    """The tokens of a data home. Read anew when the file changes, so that a revocation holds at once."""

    def __init__(self, home: Path) -> None:
        self.path = home / "tokens.json"
        self._read: tuple[Token, ...] = ()
        self._seen: tuple[int, int, int] | None = None

    def all(self) -> tuple[Token, ...]:
        """Every token, oldest first.

        Raises: StoreFormatError when the file is damaged: nobody is let in by a file that cannot be read.
        """
        try:
            state = self.path.stat()
        except FileNotFoundError:
            self._read, self._seen = (), None
            return ()
        seen = (state.st_mtime_ns, state.st_size, state.st_ino)
        if seen != self._seen:
            try:
                rows = json.loads(self.path.read_text(encoding="utf-8"))
                self._read = tuple(Token(**row) for row in rows)
            except (ValueError, TypeError) as error:
                raise StoreFormatError(f"{self.path} is damaged ({error}); remove it and issue tokens anew") from error
            self._seen = seen
        return self._read

    def issue(self, user: str) -> tuple[str, str]:
        """A new token for `user`: (id, token). The token is shown this once; only its hash is kept.

        Raises: InputError for a user id that is not valid; StorageFull.
        """
        check_id(user, "user")
        token, salt = _PREFIX + secrets.token_urlsafe(_BYTES), secrets.token_hex(16)
        make_folder(self.path.parent)
        with locked(self.path.with_suffix(".lock"), "changing tokens"):
            row = Token(id=secrets.token_hex(4), user=user, salt=salt, hash=_hash(salt, token), created=time.time())
            self._write((*self.all(), row))
        return row.id, token

    def revoke(self, token_id: str) -> Token:
        """Take a token back by its id.

        Raises: InputError when there is none.
        """
        with locked(self.path.with_suffix(".lock"), "changing tokens"):
            rows = self.all()
            gone = [row for row in rows if row.id == token_id]
            if not gone:
                known = ", ".join(row.id for row in rows) or "none"
                raise InputError(f"there is no token {token_id!r}; there are: {known}")
            self._write(tuple(row for row in rows if row.id != token_id))
        return gone[0]

    def user_of(self, token: str) -> str | None:
        """Whose token it is, or None. Every kept hash is compared, each in constant time."""
        found = None
        for row in self.all():
            if hmac.compare_digest(_hash(row.salt, token), row.hash):
                found = row.user
        return found

    def _write(self, rows: tuple[Token, ...]) -> None:
        write_private(self.path, json.dumps([asdict(row) for row in rows], indent=1).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rule of one server. `open` lets callers without a token in (loopback only)."""

    tokens: Tokens
    open: bool

    def user_for(self, token: str | None, wanted: str | None = None) -> str:
        """The user whose memory this caller may use.

        Args:
            token: as sent, or None. Where none is needed, a string that is not one of ours is a client's placeholder.
            wanted: the memory that the request names, if it does.
        Raises: AccessDenied (401 without a valid token, 403 for another user's memory); InputError for a bad user id.
        """
        if wanted is not None:
            check_id(wanted, "user")
        if token and (token.startswith(_PREFIX) or not self.open):
            owner = self.tokens.user_of(token)
            if owner is None:
                raise AccessDenied("this token is not valid; issue one with: hippo token add --user NAME", 401)
            if wanted is not None and wanted != owner:
                raise AccessDenied(f"this token does not reach the memory of user {wanted!r}", 403)
            return owner
        if not self.open:
            raise AccessDenied("a token is needed here: send Authorization: Bearer TOKEN", 401)
        return wanted or DEFAULT_USER


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _hash(salt: str, token: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + token.encode()).hexdigest()

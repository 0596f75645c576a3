"""The listening socket, opened before anything is loaded, so that a taken port is said at once."""

from __future__ import annotations

import errno
import socket

from hippo_mem.errors import InputError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at `host`:`port` (0: a free port).

    Raises: InputError naming what is wrong with the address: taken, not allowed, or not of this machine.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, number)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(128)
        except OSError:
            found.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} is taken; is hippo running already? else choose another with --port"
            ) from None
        raise InputError(f"cannot listen at {host}:{port}: {error.strerror or error}") from error
    found.set_inheritable(False)
    return found


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

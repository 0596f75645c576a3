"""A server as a process of its own, and a client of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

TOO_LONG_S = 240.0


@contextmanager
def server(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client, list[str]]]:
    """(the process, a client, the lines it has said on stderr so far); killed at the end.

    On torch, which is loaded where a model has to speak: another engine would be exported first.
    """
    command = [sys.executable, "-W", "ignore", "-m", "hippo_cli", "serve", "--port", "0", "--no-web", "--no-nights"]
    command += ["--engine", "torch"]
    process = subprocess.Popen(
        [*command, "--home", str(home), *options], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert process.stderr is not None
    said: list[str] = []
    drain = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    try:
        url = next((line[line.index("http://") :].split()[0] for line in process.stderr if "http://" in line), None)
        assert url, f"the server ended with {process.wait()}"
        drain.start()
        with httpx.Client(base_url=url, timeout=TOO_LONG_S) as client:
            yield process, client, said
    finally:
        process.kill()
        process.wait()
        if drain.is_alive():
            drain.join()
        process.stderr.close()

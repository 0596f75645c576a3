"""Does a server stand twenty clients: no error, no lost write, bounded memory, quick recall while answers stream?

    python benchmarks/load.py --clients 20 --seconds 120 --json F

Starts `hippo serve` on a data home of its own. Every client tells, recalls and chats in turn, one in five of them only
chats, so that an answer always streams. Printed: errors by kind, acknowledged and lost writes, p50 and p95 of `recall`
as a client sees it, resident memory at the beginning, at its largest, at the end and after each minute. The peer is the
server itself alone: the same recalls by one client with nothing else going on.

    python benchmarks/load.py --seconds 900 --tell-for 450       # what grows when nothing is told is not what is kept
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx2 as httpx
import psutil

THINGS = ("lamp", "kettle", "drum", "rug", "clock", "kite", "flute", "globe", "stool", "lens", "rope", "tent")
PLACES = ("attic", "cellar", "barn", "study", "kitchen", "shed", "garage", "porch", "loft", "pantry")
NAMES = ("Ana", "Ben", "Cleo", "Dov", "Eda", "Finn", "Gus", "Hana", "Ivo", "June")


def percentile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


class Tally:
    """What the clients saw, together."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.errors: Counter[str] = Counter()
        self.acknowledged: list[str] = []
        self.recall_ms: list[float] = []
        self.first_token_ms: list[float] = []
        self.n_answers = 0


def work(number: int, url: str, tally: Tally, end: float, only_chats: bool, told_all: float = float("inf")) -> None:
    """One client until `end`; from `told_all` on (both of the monotonic clock, s) it recalls where it would tell."""
    rng = random.Random(number)
    with httpx.Client(base_url=url, timeout=300.0) as client:
        i = 0
        while time.monotonic() < end:
            i += 1
            kind = "chat" if only_chats else rng.choice(("tell", "recall", "recall", "recall", "chat"))
            if kind == "tell" and time.monotonic() >= told_all:
                kind = "recall"
            try:
                if kind == "tell":
                    text = f"{rng.choice(NAMES)} keeps {rng.choice(THINGS)} {number}-{i} in the {rng.choice(PLACES)}."
                    answer = client.post("/api/memories", json={"text": text, "pin": True, "source": f"client{number}"})
                    if answer.status_code == 201:
                        with tally.lock:
                            tally.acknowledged.append(text)
                elif kind == "recall":
                    start = time.perf_counter()
                    answer = client.post(
                        "/api/recall", json={"cue": f"the {rng.choice(THINGS)} of {rng.choice(NAMES)}"}
                    )
                    with tally.lock:
                        tally.recall_ms.append((time.perf_counter() - start) * 1e3)
                else:
                    answer = chat(client, rng, tally)
                if answer.status_code >= 400:
                    with tally.lock:
                        tally.errors[f"{kind} {answer.status_code}"] += 1
            except httpx.HTTPError as error:
                with tally.lock:
                    tally.errors[f"{kind} {type(error).__name__}"] += 1


def chat(client: httpx.Client, rng: random.Random, tally: Tally) -> httpx.Response:
    asked = rng.choice(
        (f"Where does {rng.choice(NAMES)} keep the {rng.choice(THINGS)}?", "Write a line about the sea.")
    )
    body = {"model": "hippo", "stream": True, "max_tokens": 32, "messages": [{"role": "user", "content": asked}]}
    start = time.perf_counter()
    with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        first = True
        for line in answer.iter_lines():
            if '"error"' in line[:20]:
                with tally.lock:
                    tally.errors["chat broken off"] += 1
            if first and '"content": "' in line and '"content": ""' not in line:
                first = False
                with tally.lock:
                    tally.first_token_ms.append((time.perf_counter() - start) * 1e3)
    with tally.lock:
        tally.n_answers += 1
    return answer


def everything_stored(client: httpx.Client) -> set[str]:
    found, before = set(), None
    while True:
        page = client.get("/api/memories", params={"limit": 500, **({"before": before} if before else {})}).json()
        found |= {m["text"] for m in page["memories"]}
        if (before := page["next"]) is None:
            return found


def run(n_clients: int, seconds: float, tell_for: float, home: Path) -> dict[str, object]:
    command = [sys.executable, "-W", "ignore", "-m", "hippo_cli", "serve", "--port", "0", "--no-web", "--no-nights"]
    server = subprocess.Popen([*command, "--home", str(home)], stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert server.stderr is not None
    try:
        url = next(line[line.index("http://") :].split()[0] for line in server.stderr if "http://" in line)
        threading.Thread(target=server.stderr.read, daemon=True).start()
        process = psutil.Process(server.pid)
        tally = Tally()
        with httpx.Client(base_url=url, timeout=300.0) as client:
            for i in range(50):
                text = f"{NAMES[i % 10]} keeps {THINGS[i % 12]} {i} in the {PLACES[i % 9]}."
                client.post("/api/memories", json={"text": text, "pin": True})
            chat(client, random.Random(0), Tally())  # the engine is loaded
            alone = Tally()
            work(999, url, alone, time.monotonic() + min(10.0, seconds / 4), only_chats=False)
            rss = [process.memory_info().rss / 1e6]
            start = time.monotonic()
            threads = [
                threading.Thread(target=work, args=(i, url, tally, start + seconds, i % 5 == 0, start + tell_for))
                for i in range(n_clients)
            ]
            for thread in threads:
                thread.start()
            by_minute: list[float] = []
            while any(t.is_alive() for t in threads):
                time.sleep(1.0)
                rss.append(process.memory_info().rss / 1e6)
                if time.monotonic() - start >= 60.0 * (len(by_minute) + 1):
                    by_minute.append(rss[-1])
            stored = everything_stored(client)
        return {
            "clients": n_clients,
            "seconds": seconds,
            "tell_for": tell_for,
            "errors": dict(tally.errors),
            "acknowledged": len(tally.acknowledged),
            "lost": len(set(tally.acknowledged) - stored),
            "answers": tally.n_answers,
            "recall": {
                "n": len(tally.recall_ms),
                "p50_ms": percentile(tally.recall_ms, 0.5),
                "p95_ms": percentile(tally.recall_ms, 0.95),
            },
            "first_token_p50_ms": percentile(tally.first_token_ms, 0.5),
            "rss_mb": {"begin": rss[0], "most": max(rss), "end": rss[-1], "by_minute": by_minute},
            "peers": {"one_client": {"p95_ms": percentile(alone.recall_ms, 0.95)}},
        }
    finally:
        server.terminate()
        server.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--tell-for", type=float, metavar="S", help="nothing is told after so many seconds")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hippo-load-") as folder:
        home = Path(folder)
        from hippo_mem.home import data_home

        (home / "models").symlink_to(data_home() / "models", target_is_directory=True)
        figures = run(args.clients, args.seconds, args.seconds if args.tell_for is None else args.tell_for, home)
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

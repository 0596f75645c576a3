"""Writers that are killed without warning: what they had acknowledged is there, and the store is whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder

name = sys.argv[1]
memory = Awake.open(embedder=HashingEmbedder(32), timeout_s=60)
for i in range(1_000_000):
    outcome = memory.observe(f"Writer {name} saw lantern number {i}.")[0]
    print(outcome.trace_id, i, flush=True)  # the acknowledgment
    if i % 5 == 4:
        memory.store.close()  # writes the index file, so that the kill can fall into that too
"""


def start(home: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HIPPO_HOME": str(home), "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("n_before_kill", [1, 23])
def test_kill_9_loses_no_acknowledged_write(data_home: Path, n_before_kill: int) -> None:
    embedder = HashingEmbedder(32)
    acknowledged: dict[int, str] = {}
    writers = {name: start(data_home, name) for name in ("one", "two")}
    try:
        for name, writer in writers.items():
            assert writer.stdout is not None
            for _ in range(n_before_kill):
                trace_id, i = writer.stdout.readline().split()
                acknowledged[int(trace_id)] = f"Writer {name} saw lantern number {i}."
    finally:
        for writer in writers.values():
            writer.kill()
    for name, writer in writers.items():
        rest, _ = writer.communicate()  # acknowledged between our last look and the kill
        for line in rest.splitlines(keepends=True):
            if line.endswith("\n"):
                trace_id, i = line.split()
                acknowledged[int(trace_id)] = f"Writer {name} saw lantern number {i}."
    assert len(acknowledged) >= 2 * n_before_kill

    with Awake.open(embedder=embedder) as memory:
        assert memory.database.check() == []
        kept = {trace.id: trace.text for trace in memory.store}
        assert acknowledged.items() <= kept.items()
        assert len(kept) - len(acknowledged) <= 2  # at most one write each was on disk but not yet said
        some = dict(list(acknowledged.items())[-20:])
        for trace_id, text in some.items():  # the index has them all, whatever file the kill left
            [(_, cosine), *_] = memory.store.nearest(embedder.embed([text])[0], 1)
            assert cosine == pytest.approx(1.0)
            assert trace_id in memory.store.lexical(text, len(kept))
        assert len(memory.store.nearest(embedder.embed(["lantern"])[0], 10_000)) == len(kept)
        again, *_ = memory.observe("The harbor froze after all that.")
        assert again.trace_id is not None
        assert again.trace_id > max(kept)
    leftovers = {p.name for p in memory.home.folder.iterdir()} - {"memory.sqlite", "index.faiss", "nights"}
    assert not {name for name in leftovers if "sqlite" in name}  # the log was folded into the file


def test_two_processes_see_each_others_writes_and_deletions(data_home: Path) -> None:
    embedder = HashingEmbedder(32)
    with Awake.open(embedder=embedder) as here:
        writer = start(data_home, "there")
        assert writer.stdout is not None
        ids = [int(writer.stdout.readline().split()[0]) for _ in range(3)]
        writer.kill()
        writer.communicate()
        cue = embedder.embed(["Writer there saw lantern number 1."])[0]
        assert here.store.nearest(cue, 1)[0] == (ids[1], pytest.approx(1.0))
        code = (
            "import sys; from hippo_mem.awake import Awake; from hippo_mem.embed import HashingEmbedder\n"
            "with Awake.open(embedder=HashingEmbedder(32)) as memory:\n"
            f"    assert memory.forget(trace_id={ids[1]}) == 1"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert ids[1] not in {i for i, _ in here.store.nearest(cue, 10)}
        assert here.store.get(ids[1]) is None

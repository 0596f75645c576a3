"""Each memory preset opens the memories it is named after, and a solved task reaches the map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hippo_eval import fresh
from hippo_eval.composing import resolve
from hippo_eval.fresh import fresh_hippo
from hippo_eval.memory_answerer import MemoryAnswerer
from hippo_eval.runner import silent
from hippo_eval.suites.files import read_teach
from hippo_eval.suites.items import TeachItem
from hippo_eval.suites.items import TestItem as Question
from hippo_mem.embed import HashingEmbedder


@pytest.mark.parametrize(
    ("preset", "memories"),
    [
        ("memory/hei_nw", ("episodic",)),
        ("memory/sgc_rss", ("episodic", "relational")),
        ("memory/smpd", ("episodic", "spatial")),
        ("memory/all", ("episodic", "relational", "spatial")),
        ("baselines/core", ()),
    ],
)
def test_a_preset_names_its_memories(preset, memories):
    assert resolve([f"preset={preset}"]).memories == memories


@pytest.mark.parametrize(
    ("preset", "decided"),
    [("memory/hei_nw", (False, False)), ("memory/sgc_rss", (True, False)), ("memory/smpd", (False, True))],
)
def test_only_the_memories_of_a_preset_decide(data_home, preset, decided):
    with fresh_hippo(
        "none", memories=resolve([f"preset={preset}"]).memories, surprise=False, embedder=HashingEmbedder()
    ) as hippo:
        hippo.observe_many(["Ana works for Ben.", "The mill is north of the barn.", "The barn is east of the well."])
        found = (
            hippo.awake.decide("Who does Ana work for?"),
            hippo.awake.decide("How do you go from the well to the mill?"),
        )
        assert tuple(d is not None for d in found) == decided
        assert len(hippo.recall("Ben", 3).hits) == 3  # episodes are kept whatever else is


def test_what_was_routed_is_no_attempt_at_the_gate(data_home):
    config = resolve(["preset=memory/all"])
    with fresh_hippo("none", surprise=False, embedder=HashingEmbedder()) as hippo:
        answerer = MemoryAnswerer(hippo, config)
        taught = answerer.teach([TeachItem(fact="Ana's boss is Ben."), TeachItem(fact="Ana's boss is Ben.")], silent)
    assert (taught.attempts, taught.accepts, taught.merged) == (2, 2, 1)


def test_asking_for_a_measurement_writes_nothing(data_home):
    config = resolve(["preset=memory/sgc_rss"])
    asked = Question(prompt="Who does Ana work for?", answer="Ben")
    with fresh_hippo("none", memories=config.memories, surprise=False, embedder=HashingEmbedder()) as hippo:
        answerer = MemoryAnswerer(hippo, config)
        answerer.teach([TeachItem(fact="Ana works for Ben."), TeachItem(fact="Carol lives in Rome.")], silent)
        before = list(hippo.awake.store)
        (said,) = answerer.ask([asked])
        hippo.awake.keep_counts()
        assert (said.text, said.requests, said.decided_by) == ("Ben", 1, "graph")
        assert said.path
        assert list(hippo.awake.store) == before
        hippo.answer(asked.prompt)  # as a user, who uses what is recalled
        hippo.awake.keep_counts()
        assert [t.access_count for t in hippo.awake.store] != [t.access_count for t in before]


def test_a_solved_task_teaches_the_map_its_grid(data_home, tmp_path: Path):
    told = {
        "prompt": "Grid 3x3 with obstacles [(1, 0)]. Start (0, 0), goal (2, 0). Give the shortest route.",
        "answer": "DRRU", "episode_id": 1, "context_key": "g1",
    }  # fmt: skip
    file = tmp_path / "spatial_teach.jsonl"
    file.write_text(json.dumps(told) + "\n")
    config = resolve(["preset=memory/smpd"])
    with fresh_hippo("none", memories=config.memories, surprise=False, embedder=HashingEmbedder()) as hippo:
        MemoryAnswerer(hippo, config).teach(read_teach(file), silent)
        asked = "Grid 3x3 with obstacles [(1, 0)]. Start (0, 0), goal (2, 0). Give the shortest route."
        (answer,) = hippo.answer_many([asked], contexts=["g1"])
    assert (answer.text, answer.decoding) == ("DRRU", "path")


def test_the_dummy_takes_every_preset():
    with fresh.fresh_memory("dummy", memories=("episodic",)) as memory:
        assert memory.status() == {"traces": 0}

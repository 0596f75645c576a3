"""Each ablation reaches the part that it names: what the memory does, or what the night is made of, is another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hippo_eval.composing import ablations, presets, resolve
from hippo_eval.fresh import hippo_config, home_with_models
from hippo_eval.memory_answerer import MemoryAnswerer
from hippo_eval.runner import load_recipe, silent
from hippo_eval.settings import EvalConfig
from hippo_eval.suites.items import TeachItem
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import ConfigError
from hippo_mem.lm import LanguageModel
from hippo_mem.memory import Hippo
from hippo_mem.sleep import starting
from hippo_mem.sleep.night import train_night

FACTS = [
    "Marta repaired the brass compass in the boathouse on Friday morning.",
    "Tobias painted the silver lantern in the library in May.",
    "Ingrid sold the wooden violin at the harbor on Monday evening.",
    "Rashid buried the velvet teapot under the bridge in June.",
]


def settings(preset: str, ablation: str | None, *more: str) -> EvalConfig:
    return resolve([f"preset={preset}", f"ablations=[{ablation or ''}]", "memory.episodic.surprise=off", *more])


@contextmanager
def told(tmp_path: Path, config: EvalConfig, facts: list[str]) -> Iterator[tuple[Hippo, Any]]:
    home = home_with_models(tmp_path / f"home-{'-'.join(config.ablations)}")
    with Hippo(home, model="none", config=hippo_config(config), embedder=HashingEmbedder()) as hippo:
        yield hippo, MemoryAnswerer(hippo, config).teach([TeachItem(fact=f, context_key="k") for f in facts], silent)


def both(tmp_path: Path, preset: str, ablation: str, facts: list[str], look: Any) -> tuple[Any, Any]:
    found = []
    for name in (None, ablation):
        with told(tmp_path, settings(preset, name), facts) as (hippo, taught):
            found.append(look(hippo, taught))
    return found[0], found[1]


def test_without_sparsity_no_hit_is_found_by_sparse_keys(tmp_path: Path) -> None:
    def found_by(hippo: Hippo, _: Any) -> set[str]:
        return {name for hit in hippo.recall("the brass compass").hits for name in hit.ranks}

    whole, without = both(tmp_path, "memory/hei_nw", "no_sparsity", FACTS, found_by)
    assert whole - without == {"sparse"}


def test_completion_moves_the_cue(tmp_path: Path) -> None:
    def nearness(hippo: Hippo, _: Any) -> list[float | None]:
        return sorted(h.similarity or 0.0 for h in hippo.recall("repaired in the boathouse").hits)

    whole, completed = both(tmp_path, "memory/hei_nw", "completion", FACTS, nearness)
    assert whole != pytest.approx(completed)


def test_without_the_gate_everything_is_kept(tmp_path: Path) -> None:
    whole, without = both(
        tmp_path, "memory/hei_nw", "no_gate", [FACTS[0], "Ok.", "Thank you!"], lambda _, taught: taught.accepts
    )
    assert (whole, without) == (1, 3)


def test_without_schema_routing_a_form_nobody_knows_enters_at_once(tmp_path: Path) -> None:
    def facts(hippo: Hippo, _: Any) -> int:
        counts = hippo.awake.knowledge.counts()["relational"]
        return counts["facts"]

    odd = ["The lamp erases the carpet.", "Ana works for Ben."]
    whole, without = both(tmp_path, "memory/sgc_rss", "no_schema", odd, facts)
    assert (whole, without) == (1, 2)


def test_without_macros_no_procedure_is_known(tmp_path: Path) -> None:
    told_how = ["To open the safe: press the red key, turn the wheel left, pull the handle."]

    def steps(hippo: Hippo, _: Any) -> int:
        return hippo.awake.knowledge.counts()["spatial"]["trajectories"]

    whole, without = both(tmp_path, "memory/smpd", "no_macros", told_how, steps)
    assert (whole, without) == (1, 0)


@pytest.fixture(scope="module")
def nights(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, dict[str, Any]]:
    """A short night of the tiny model with every part, and one without each; "from the first" and "no_learned_start"
    are nights of a model with which the first of them ships as its start."""
    root = tmp_path_factory.mktemp("nights")
    (root / "models").mkdir()
    lm = LanguageModel.load(str(tiny_folder), dtype="float32", models_dir=root / "models")
    home = home_with_models(root / "home")
    with Hippo(home, model="none", embedder=HashingEmbedder()) as hippo:
        hippo.config = hippo_config(settings("memory/hei_nw", None))
        hippo.observe_many(FACTS)
        traces = list(hippo.awake.store)
    reports: dict[str | None, dict[str, Any]] = {}

    def night(name: str | None, ablation: str | None) -> None:
        words = ("sleep=true", "memory_off=true", "night.train.steps=6", "night.train.warmup_steps=1")
        recipe = load_recipe(settings("memory/hei_nw", ablation, *words))
        report = train_night(lm, traces, (), root / str(name), recipe)
        lm.detach()
        reports[name] = {**report.to_dict(), "files": {p.name for p in (root / str(name)).iterdir()}}

    for name in (None, "no_anchors", "no_paraphrases", "no_adapter_gate", "no_scheduler"):
        night(name, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starting, "_FOLDER", root / "start")
        patch.setattr(lm, "name", "tiny")  # one read from a folder of the user's own never has a start
        shutil.copytree(root / "None", root / "start" / lm.name)
        night("from the first", None)
        night("no_learned_start", "no_learned_start")
    return reports


def test_without_anchors_none_is_drawn(nights: dict[str | None, dict[str, Any]]) -> None:
    assert nights[None]["replay"]["drawn"]["anchors"] > 0
    assert nights["no_anchors"]["replay"]["drawn"]["anchors"] == 0


def test_without_paraphrases_fewer_questions_are_written(nights: dict[str | None, dict[str, Any]]) -> None:
    # four slots and a cloze a story
    assert nights["no_paraphrases"]["n_questions"] <= 5 * len(FACTS) < nights[None]["n_questions"] / 3


def test_without_the_adapters_gate_none_is_written(nights: dict[str | None, dict[str, Any]]) -> None:
    assert "opens_for_learned" in nights[None]["gate"]
    assert nights["no_adapter_gate"]["gate"] == {}
    assert nights[None]["files"] - nights["no_adapter_gate"]["files"] != set()


def test_without_the_scheduler_other_examples_are_drawn(nights: dict[str | None, dict[str, Any]]) -> None:
    assert nights[None]["replay"]["policy"] == "priority"
    assert nights["no_scheduler"]["replay"]["policy"] == "uniform"
    losses = [[row[2] for row in nights[name]["curve"]] for name in (None, "no_scheduler")]
    assert losses[0] != losses[1]


def test_without_the_learned_start_a_night_begins_from_nothing(nights: dict[str | None, dict[str, Any]]) -> None:
    assert [nights[n]["began_from"] for n in (None, "from the first", "no_learned_start")] == [
        "nothing", "learned start", "nothing",
    ]  # fmt: skip
    first, learned, without = (
        [row[2] for row in nights[n]["curve"]] for n in (None, "from the first", "no_learned_start")
    )
    assert without == first  # to the last digit
    assert learned[0] < first[0]


def test_every_ablation_is_tried_here_and_says_what_it_does() -> None:
    assert set(ablations()) == {
        "completion", "no_adapter_gate", "no_anchors", "no_gate", "no_learned_start", "no_macros", "no_paraphrases",
        "no_scheduler", "no_schema", "no_sparsity",
    }  # fmt: skip
    assert all(what.endswith(".") for what in ablations().values())
    assert not any("ablations" in preset for preset in presets())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ablation=no_schema"], "ablation no_schema needs a preset with relational memory, memory/hei_nw has none"),
        (
            ["preset=baselines/rag", "ablation=no_sparsity"],
            "needs a preset with episodic memory",
        ),
        (["ablation=no_anchors"], "no_anchors changes the night, and this run has none: add sleep=true"),
        (["ablation=no_gat"], "no ablation 'no_gat'; did you mean 'no_gate'?"),
        (["sleep=true", "night.anchors.evry=0"], "unknown setting 'night.anchors.evry'; did you mean 'every'?"),
        (["memory.spatial.macros=false"], "memory.spatial.macros needs a preset with spatial memory"),
    ],
)
def test_an_ablation_that_cannot_be_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        resolve(words)

"""The whole harness over the model without weights."""

import json
from pathlib import Path
from typing import Any

import pytest

from hippo_eval.answerers import Taught, in_order
from hippo_eval.baseline_answerer import BaselineAnswerer
from hippo_eval.baselines import run_baselines
from hippo_eval.cells import read_cell
from hippo_eval.composing import resolve
from hippo_eval.harness import run_files
from hippo_eval.runner import load_recipe, measure, run, silent
from hippo_eval.schema.validation import problems_of
from hippo_eval.settings import hash_of
from hippo_eval.stamps import suite_checksum
from hippo_eval.suites import episodic
from hippo_eval.suites.files import write_suite
from hippo_eval.suites.items import TeachItem
from hippo_eval.suites.items import TestItem as Question
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import ConfigError, GuardrailError, InputError
from hippo_mem.storage.experiment import load_session


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def answers(metrics: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [(i["prompt"], i["prediction"], i["recalled"]) for i in metrics["items"]]


def settings(*more: str) -> list[str]:
    return ["model=dummy", "n=5", "seed=7", *more]


def stored(*more: str) -> list[str]:
    return settings("store_dir=stores", "session_id=sid", *more)


def test_a_full_run_writes_every_specified_figure(tmp_path: Path) -> None:
    metrics = run(resolve(settings("outdir=out", "compute.pre_metrics=true")))
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written["em"] == metrics["em"]
    assert (written["n_taught"], written["n"]) == (5, 20)
    assert written["retrieval"] == {"requests": 40}  # asked before and after
    assert written["gates"] == {"attempts": 5, "accepts": 5, "merged": 0}
    assert written["store"] == {"size": 5}
    assert written["replay"] == {"samples": 0}
    assert written["hit_rate"] == 1.0
    for key in ("em_raw", "f1", "refusal_rate", "pre_em", "pre_em_norm", "config", "seeds", "versions", "decoding"):
        assert key in written, key
    assert problems_of(written) == []
    cell = read_cell(tmp_path / "out")
    assert [len(cell.items(phase)) for phase in ("pre", "on", "off")] == [20, 20, 0]
    assert cell.items("on")[0].hits[0].source == "eval-episodic"
    kinds = [event["event"] for event in cell.events()]
    assert (kinds.count("told"), kinds.count("asked")) == (5, 40)
    assert {"git_revision", "code_version", "versions", "seeds", "config_hash", "model"} <= set(cell.meta)
    assert cell.meta["suite"]["checksum"] == suite_checksum(episodic.generate(5, 7))


def test_teach_then_replay_then_test_in_three_runs(tmp_path: Path) -> None:
    taught = run(resolve(stored("mode=teach", "persist=true", "outdir=a")))
    assert "em" not in taught
    assert taught["gates"]["attempts"] == 5
    first = load_session(tmp_path / "stores", "sid")
    assert (first.meta.source, first.meta.model, first.meta.replay_samples) == ("teach", "dummy", 0)
    assert first.meta.config_hash == taught["config_hash"]

    replayed = run(resolve(stored("mode=replay", "replay_cycles=2", "outdir=b")))
    assert (replayed["replay"]["samples"], replayed["replay"]["cycles"]) == (10, 2)
    second = load_session(tmp_path / "stores", "sid")
    assert (second.meta.source, second.meta.replay_samples) == ("replay", 10)
    assert [t.access_count for t in second.traces] == [2] * 5
    assert second.meta.model == "dummy"

    tested = run(resolve(stored("mode=test", "outdir=c")))
    assert tested["store"]["size"] == 5
    assert tested["retrieval"]["requests"] == 20
    assert tested["gates"]["attempts"] == 0
    assert tested["em"] > 0


def test_one_run_may_do_it_all(tmp_path: Path) -> None:
    metrics = run(resolve(stored("persist=true", "replay.cycles=1", "run_id=mine")))
    assert (tmp_path / "runs/mine/memory/hei_nw/episodic/default_n5_s7_dummy/metrics.json").is_file()
    assert metrics["replay"]["samples"] == 5
    assert load_session(tmp_path / "stores", "sid").meta.source == "replay"


def test_testing_without_a_store_is_refused_by_the_session_that_is_missing() -> None:
    with pytest.raises(InputError, match="no session 'sid' of hei_nw under stores"):
        measure(resolve(stored("mode=test")))


def test_memory_off_after_sleep_asks_the_weights() -> None:
    base = measure(resolve(settings("memory_off=true")))
    slept = measure(resolve(settings("memory_off=true", "sleep=true")))
    assert (base["em"], base["refusal_rate"], base["retrieval"]["requests"]) == (0.0, 1.0, 0)
    assert slept["em"] > base["em"]
    assert slept["retrieval"]["requests"] == 0
    assert slept["hit_rate"] is None
    assert slept["night"]["traces"] == 5
    assert base["guardrails"]["failures"] == []


def test_a_memory_that_is_never_asked_fails_the_run(tmp_path: Path) -> None:
    with pytest.raises(GuardrailError, match=r"retrieval\.requests = 0 .*out/metrics\.json"):
        run(resolve(settings("retrieval.enabled=false", "outdir=out")))
    assert json.loads((tmp_path / "out/metrics.json").read_text())["guardrails"]["failures"]


def test_the_hash_follows_what_decides_the_figures() -> None:
    plain = hash_of(resolve(settings()))
    assert plain == hash_of(resolve(settings("outdir=elsewhere", "run_id=other", "batch_size=2")))
    assert plain != hash_of(resolve(["model=dummy", "n=5", "seed=8"]))
    assert plain != hash_of(resolve(settings("preset=baselines/rag")))


def test_figures_repeat_and_do_not_depend_on_the_batch_size() -> None:
    for preset in ("memory/hei_nw", "baselines/rag"):
        first, again = (measure(resolve(settings(f"preset={preset}", f"batch_size={size}"))) for size in (3, 20))
        assert answers(first) == answers(again)


def test_a_context_never_sees_another_ones_facts(tmp_path: Path) -> None:
    teach, test = tmp_path / "t.jsonl", tmp_path / "q.jsonl"
    teach.write_text(
        '{"fact": "Carol went to Rome.", "context_key": "a"}\n{"fact": "Carol went to Oslo.", "context_key": "b"}\n'
    )
    test.write_text(
        '{"prompt": "Where? Carol went to", "answer": "Rome", "context_key": "a"}\n'
        '{"prompt": "Where? Carol went to", "answer": "Oslo", "context_key": "b"}\n'
    )
    for preset in ("memory/hei_nw", "baselines/rag", "baselines/longctx"):
        apart = run_files(teach=teach, test=test, preset=preset, model="dummy")
        assert [i["prediction"] for i in apart["items"]] == ["Rome", "Oslo"]
        together = run_files(teach=teach, test=test, preset=preset, model="dummy", isolate="none")
        assert together["em"] == 0.5
        assert all(len(i["recalled"]) == 2 for i in together["items"])


def test_files_are_the_same_run_as_their_suite(tmp_path: Path) -> None:
    teach, test = write_suite(episodic.generate(5, 7), tmp_path)
    out = tmp_path / "sub" / "figures.json"
    figures = run_files(teach=teach, test=test, model="dummy", seed=7, out=out)
    assert answers(figures) == answers(measure(resolve(settings())))
    assert json.loads(out.read_text())["em"] == figures["em"]


def test_routes_are_judged_as_routes(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"fact": "gate to well: E N E", "context_key": "m"}\n')
    (tmp_path / "q.jsonl").write_text('{"prompt": "gate to well:", "answer": "N E E", "context_key": "m"}\n')
    figures = run_files(teach=tmp_path / "t.jsonl", test=tmp_path / "q.jsonl", model="dummy")
    assert (figures["em"], figures["success_rate"], figures["suboptimality"]) == (0.0, 1.0, 0.0)


def test_progress_is_told_by_stage() -> None:
    seen: list[tuple[str, int, int]] = []
    measure(resolve(settings()), lambda *args: seen.append(args))
    assert ("tell", 5, 5) in seen
    assert seen[-1] == ("ask", 20, 20)


def test_an_adapter_that_is_missing_or_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no adapter folder nowhere"):
        measure(resolve(settings("preset=baselines/core", "adapter=nowhere")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no adapter: adapter_config\.json is missing"):
        measure(resolve(settings("preset=baselines/core", "adapter=empty")))
    with pytest.raises(ConfigError, match="nobody knows what answered"):
        measure(resolve(settings("adapter=empty")))


def test_a_sleeps_recipe_takes_the_runs_replay_when_asked_for() -> None:
    assert load_recipe(resolve(["sleep=true"])).replay.cycles == 1
    config = resolve(["sleep=true", "replay.cycles=3", "replay.policy=spaced", "consolidation=lora_small"])
    recipe = load_recipe(config)
    assert (recipe.replay.cycles, recipe.replay.policy, recipe.peft.rank) == (3, "spaced", 8)


class Scribe:
    """A model that shows the prompts it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        self.seen.append((user, system))
        return user

    def encode(self, text: str) -> list[int]:
        return [0] * len(text.split())

    def generate(self, prompts: Any, *, max_new_tokens: int = 16, head: str = "") -> list[str]:
        assert all(p.startswith(head) for p in prompts)
        return [str(max_new_tokens)] * len(prompts)

    def attach(self, folder: Path) -> None:
        raise AssertionError("no adapter was given")


FACTS = [TeachItem(fact=f"Fact {i} is here.", context_key="k", time=i) for i in (3, 1, 2)]


def prompts_of(preset: str, *more: str) -> list[tuple[str, str | None]]:
    model = Scribe()
    answerer = BaselineAnswerer(model, resolve([f"preset={preset}", *more]), HashingEmbedder)
    assert answerer.teach(FACTS, silent) == Taught()
    answerer.ask([Question(prompt="Which is fact 2?", answer="x", context_key="k")])
    return model.seen


def test_baselines_see_what_their_names_say() -> None:
    span = "Answer with the exact shortest span from the prompt. No explanations."
    assert prompts_of("baselines/core") == [("Which is fact 2?", None)]
    assert prompts_of("baselines/span_short") == [("Which is fact 2?", span)]
    everything = "Fact 1 is here.\nFact 2 is here.\nFact 3 is here.\n\nWhich is fact 2?"
    assert prompts_of("baselines/longctx") == [(everything, span)]
    newest = prompts_of("baselines/longctx", "long_context.max_tokens=16")
    assert newest == [(everything, span)]
    assert prompts_of("baselines/rag", "retrieval.k=1") == [("Fact 2 is here.\n\nWhich is fact 2?", span)]
    assert prompts_of("baselines/rag", "use_chat_template=false") == []


def test_a_long_context_drops_the_oldest() -> None:
    model = Scribe()
    answerer = BaselineAnswerer(
        model, resolve(["preset=baselines/longctx", "long_context.max_tokens=16"]), HashingEmbedder
    )
    answerer.teach([TeachItem(fact=f"{i} " + "word " * 6, time=i) for i in range(4)], silent)
    (asked,) = answerer.ask([Question(prompt="?", answer="x")])
    assert [text[0] for text in asked.recalled] == ["2", "3"]  # 7 words each
    assert asked.requests == 0


def test_facts_without_a_time_keep_their_place() -> None:
    items = [TeachItem(fact="b", time=2), TeachItem(fact="x"), TeachItem(fact="a", time=1), TeachItem(fact="y")]
    assert [i.fact for i in in_order(items)] == ["x", "y", "a", "b"]


def test_baselines_of_a_run_are_asked_once_and_tabled(tmp_path: Path) -> None:
    rows = run_baselines("mine", n=3, model="dummy")
    assert [r["preset"] for r in rows] == [
        "baselines/core",
        "baselines/longctx",
        "baselines/rag",
        "baselines/span_short",
    ]
    folder = tmp_path / "runs/mine/baselines"
    assert json.loads((folder / "baselines.json").read_text()) == rows
    assert (folder / "baselines.csv").read_text().startswith("preset,suite,profile,seed,n_taught,n,model,em,")
    metrics = folder / "core/episodic/default_n3_s1337_dummy/metrics.json"
    assert json.loads(metrics.read_text())["store"]["size"] == 0
    stages: list[str] = []
    assert run_baselines("mine", n=3, model="dummy", progress=lambda s, d, t: stages.append(s)) == rows
    assert stages == []
    more = run_baselines("mine", n=4, model="dummy", suites=("episodic", "spatial"), seeds=(1, 2))
    assert [(r["suite"], r["seed"]) for r in more[:4]] == [
        ("episodic", 1), ("episodic", 2), ("spatial", 1), ("spatial", 2),
    ]  # fmt: skip
    with pytest.raises(InputError, match="run_id"):
        run_baselines("../mine", model="dummy")

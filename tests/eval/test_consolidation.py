import json
from pathlib import Path
from typing import Any

import pytest

from hippo_eval.composing import resolve
from hippo_eval.consolidation import ask_phase, train
from hippo_eval.runner import run
from hippo_mem.errors import ConfigError, GuardrailError, InputError, StoreFormatError

ROUND: dict[str, Any] = {"n": 10, "seed": 1337, "model": "dummy"}


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def teach(n: int = 10) -> None:
    run(
        resolve(
            ["model=dummy", f"n={n}", "mode=teach", "persist=true", "store_dir=stores", "session_id=sid", "outdir=t"]
        )
    )


def night(**more: Any) -> dict[str, Any]:
    return train(**{"store_dir": "stores", "session_id": "sid", "config": "lora_small", "outdir": "run/lora", **more})


def test_the_difference_between_the_two_phases_is_the_nights(tmp_path: Path) -> None:
    teach()
    before = ask_phase("pre", outdir="run/pre", **ROUND)
    learned = night()
    after = ask_phase("post", outdir="run/post", adapter="run/lora", **ROUND)
    assert (before["em"], before["phase"], after["phase"]) == (0.0, "pre", "post")
    assert after["uplift"] == after["post_em"] - after["pre_em"] > 0.2
    assert after["lora_config_hash"]
    assert after["retrieval"]["requests"] == 0
    written = json.loads((tmp_path / "run/post/metrics.json").read_text())
    assert written["uplift"] == after["uplift"]
    assert learned == json.loads((tmp_path / "run/lora/consolidation.json").read_text())
    assert learned["model"] == "dummy"  # from store_meta.json
    assert (learned["replay"]["samples"], learned["traces"]) == (10, 10)
    assert learned["config"]["peft"]["rank"] == 8
    elsewhere = ask_phase("post", outdir="far/away", adapter="run/lora", pre_dir="run/pre", **ROUND)
    assert elsewhere["uplift"] == after["uplift"]


def test_memory_on_before_the_night_asks_the_saved_store() -> None:
    teach()
    metrics = ask_phase("pre", outdir="on", memory_off=False, store_dir="stores", session_id="sid", **ROUND)
    assert metrics["em"] > 0.2
    assert metrics["retrieval"]["requests"] == 40
    with pytest.raises(InputError, match="--memory_off false needs the store"):
        ask_phase("pre", outdir="on", memory_off=False, **ROUND)


def test_the_promised_run_without_uplift_fails_after_writing(tmp_path: Path) -> None:
    teach(1)
    promised = {"n": 50, "seed": 1337, "model": "dummy"}
    ask_phase("pre", outdir="run/pre", **promised)
    night()
    with pytest.raises(GuardrailError, match=r"less than \+0\.20 \(episodic@50, seed 1337\)"):
        ask_phase("post", outdir="run/post", adapter="run/lora", **promised)
    assert json.loads((tmp_path / "run/post/metrics.json").read_text())["guardrails"]["failures"]


def test_what_is_missing_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs the adapter: --lora or --adapter"):
        ask_phase("post", outdir="run/post", **ROUND)
    with pytest.raises(InputError, match=r"no pre metrics at run/pre/metrics\.json; run --phase pre first"):
        ask_phase("post", outdir="run/post", adapter="run/lora", **ROUND)
    ask_phase("pre", outdir="run/pre", **ROUND)
    with pytest.raises(InputError, match="no adapter folder run/lora"):
        ask_phase("post", outdir="run/post", adapter="run/lora", **ROUND)
    with pytest.raises(InputError, match="no adapter"):
        ask_phase("pre", outdir="run/pre", adapter="run/lora", **ROUND)
    with pytest.raises(InputError, match="seed 1337 and now 7"):
        ask_phase("post", outdir="run/post", adapter="run/lora", **{**ROUND, "seed": 7})
    (tmp_path / "run/pre/metrics.json").write_text('{"em": "high"}')
    with pytest.raises(StoreFormatError, match="not the metrics of a pre phase"):
        ask_phase("post", outdir="run/post", adapter="run/lora", **ROUND)


def test_phases_over_other_numbers_of_facts_do_not_compare() -> None:
    teach()
    ask_phase("pre", outdir="run/pre", **{**ROUND, "n": 5})
    night()
    with pytest.raises(InputError, match="n_taught 5 and now 10"):
        ask_phase("post", outdir="run/post", adapter="run/lora", **ROUND)


def test_a_night_needs_a_store_with_episodes_and_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no session 'sid' of hei_nw under stores"):
        night()
    teach()
    with pytest.raises(ConfigError, match="no config 'lora_smal'; did you mean 'lora_small'"):
        night(config="lora_smal")
    bad = tmp_path / "bad.yaml"
    bad.write_text("train: {lerning_rate: 1}\nreplay: {cycle: 2}\n")
    with pytest.raises(ConfigError, match=r"'train\.lerning_rate'.*'replay\.cycle'; did you mean 'cycles'"):
        night(config=bad)
    bad.write_text("replay: {cycles: 0}\n")
    with pytest.raises(ConfigError, match="cycles must be 1 or more"):
        night(config=bad)
    with pytest.raises(InputError, match="no weights to merge"):
        night(merge=True)


def test_a_night_learns_the_most_important_when_there_is_room_for_some(tmp_path: Path) -> None:
    teach()
    recipe = tmp_path / "few.yaml"
    recipe.write_text("replay: {max_items: 3}\n")
    assert night(config=recipe)["traces"] == 3

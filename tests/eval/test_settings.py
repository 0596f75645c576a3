from pathlib import Path

import pytest
import yaml

from hippo_eval.composing import presets, resolve
from hippo_eval.settings import EvalConfig
from hippo_mem.config import ReplayConfig, SleepConfig, from_mapping, load_yaml, to_dict
from hippo_mem.configs_path import configs_dir, find_config
from hippo_mem.errors import ConfigError, InputError

TEACH = (
    "preset=memory/hei_nw task=episodic n=200 seed=1337 mode=teach persist=true store_dir=runs/20250825_1330/stores "
    "session_id=seed1337 model=Qwen/Qwen2.5-1.5B-Instruct outdir=runs/20250825_1330/memory/teach"
).split()


def test_the_runbooks_teach_line_resolves() -> None:
    config = resolve(TEACH)
    assert (config.preset, config.suite, config.n, config.seed) == ("memory/hei_nw", "episodic", 200, 1337)
    assert (config.mode, config.persist, config.session_id) == ("teach", True, "seed1337")
    assert (config.store_dir, config.model) == ("runs/20250825_1330/stores", "Qwen/Qwen2.5-1.5B-Instruct")
    assert config.is_memory


def test_both_spellings_mean_the_same() -> None:
    assert resolve(["task=episodic"]) == resolve(["suite=episodic"])
    kept = ["persist=true", "store_dir=x", "session_id=abc"]
    assert resolve(["replay_cycles=3", *kept]) == resolve(["replay.cycles=3", *kept])
    assert resolve(["replay_cycles=3", "replay.cycles=3", *kept]).replay.cycles == 3
    with pytest.raises(ConfigError, match=r"replay\.cycles is given twice, as 3 and 4"):
        resolve(["replay_cycles=3", "replay.cycles=4"])


def test_the_command_line_wins_over_the_preset_and_the_preset_over_the_default() -> None:
    assert EvalConfig().max_new_tokens == 16
    assert resolve(["preset=baselines/span_short"]).max_new_tokens == 8
    assert resolve(["preset=baselines/span_short", "max_new_tokens=5"]).max_new_tokens == 5
    assert resolve([]).replay == from_mapping(
        ReplayConfig, {**load_yaml(find_config("replay/scheduler.yaml")), "cycles": 0}
    )


@pytest.mark.parametrize("name", ["20250825_1330", "007", "1e5", "true"])
def test_a_name_that_looks_like_a_number_stays_a_name(name: str) -> None:
    assert resolve([f"run_id={name}"]).run_id == name


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("nn=3", "unknown setting 'nn'; did you mean 'n'"),
        ("replay.cyles=3", r"unknown setting 'replay\.cyles'; did you mean 'cycles'"),
        ("n.x=3", r"unknown setting 'n\.x'"),
        ("replay=3", r"replay is a group; set one of replay\.policy"),
        ("n=abc", "n must be int, got 'abc'"),
        ("n=0", "n must be 1 or more, got 0"),
        ("n=1,2", "one value a setting"),
        ("n", "give key=value"),
        ("+n=3", "key=value"),
        ("~n", "key=value"),
        ("mode=tech", "mode must be one of"),
        ("preset=memory/hei_mw", r"no preset 'memory/hei_mw'; did you mean 'memory/hei_nw'"),
        ("preset=memory/sgc_rs", r"no preset 'memory/sgc_rs'; did you mean 'memory/sgc_rss'"),
        ("memory=hei_nw", "chosen by its preset"),
        ("persist=true", "need store_dir"),
        ("mode=replay", "need store_dir"),
        ("replay.cycles=2", r"a replay works on a saved store"),
        ("system_prompt=hello", "belong to the baselines"),
    ],
)
def test_a_bad_setting_is_one_clear_error(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        resolve([override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("override", ["mode=teach", "persist=true", "sleep=true"])
def test_a_baseline_has_no_memory_to_keep(override: str) -> None:
    with pytest.raises(ConfigError, match="has no memory"):
        resolve(["preset=baselines/core", override, "store_dir=x", "session_id=abc"])


@pytest.mark.parametrize("override", ["run_id=../x", "session_id=a.b", "run_id=ab"])
def test_ids_cannot_leave_their_folder(override: str) -> None:
    with pytest.raises(InputError, match="3 to 64 letters"):
        resolve([override])


def test_every_preset_resolves() -> None:
    assert presets() == [
        "baselines/core", "baselines/longctx", "baselines/rag", "baselines/span_short",
        "memory/all", "memory/hei_nw", "memory/sgc_rss", "memory/smpd",
    ]  # fmt: skip
    for preset in presets():
        config = resolve([f"preset={preset}"])
        assert config.is_memory == preset.startswith("memory/")
        assert config.replay.cycles == 0


def test_span_short_has_the_specified_values() -> None:
    assert load_yaml(find_config("eval/baselines/span_short.yaml")) == {
        "memory": None,
        "replay": {"cycles": 0},
        "retrieval": {"enabled": False},
        "long_context": {"enabled": False},
        "gating_enabled": False,
        "use_chat_template": True,
        "system_prompt": "Answer with the exact shortest span from the prompt. No explanations.",
        "max_new_tokens": 8,
    }


def test_lora_small_has_the_specified_values_and_is_a_sleep_config() -> None:
    data = load_yaml(find_config("configs/consolidation/lora_small.yaml"))
    assert data["train"].pop("lora_plus") == 1.0  # ours, so that the recipe stays plain LoRA
    assert data == {
        "peft": {"method": "lora", "rank": 8, "alpha": 16, "dropout": 0.05},
        "targets": ["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
        "train": {"lr": 2.0e-4, "steps": 4000, "warmup_steps": 200, "grad_accum": 2, "batch_size": 16},
        "replay": {"policy": "priority", "cycles": 1, "mix": {"episodic": 0.6, "relational": 0.3, "spatial": 0.1}},
    }
    config = from_mapping(SleepConfig, data)
    assert (config.peft.rank, config.train.steps, config.targets[0]) == (8, 4000, "q_proj")


def test_the_default_recipe_is_the_librarys_own() -> None:
    written = from_mapping(SleepConfig, load_yaml(find_config("default", "consolidation")))
    expected = yaml.safe_dump(to_dict(SleepConfig()), sort_keys=False, default_flow_style=None, width=118)
    assert written == SleepConfig(), f"configs/consolidation/default.yaml should hold:\n{expected}"


def test_the_scheduler_has_the_specified_values() -> None:
    data = load_yaml(find_config("replay/scheduler"))
    assert data == {
        "policy": "priority",
        "priority": {"weights": {"salience": 0.5, "usage": 0.3, "novelty": 0.2}},
        "noise_level": 0.0,
        "max_items": 100_000,
    }
    assert from_mapping(ReplayConfig, data) == ReplayConfig()


def test_configs_are_found_by_path_by_name_and_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = configs_dir() / "consolidation" / "lora_small.yaml"
    for name in ("configs/consolidation/lora_small.yaml", "consolidation/lora_small", file):
        assert find_config(name) == file
    assert find_config("lora_small", "consolidation") == file
    own = tmp_path / "mine.yaml"
    own.write_text("gate: false")
    assert find_config("mine.yaml") == Path("mine.yaml")
    with pytest.raises(ConfigError, match="no config 'lora_smal'; did you mean 'lora_small'"):
        find_config("lora_smal", "consolidation")
    with pytest.raises(ConfigError, match="no config"):
        find_config("../pyproject.toml")

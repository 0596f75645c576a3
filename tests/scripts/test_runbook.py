"""The specification's commands, as written there, over the model without weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hippo_eval.overrides import from_flags
from hippo_mem.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def script(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    name, *arguments = line.split()
    command = [sys.executable, str(ROOT / "scripts" / name)] if name.endswith(".py") else [sys.executable, "-m", name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, env=environment, check=False
    )


def passes(folder: Path, line: str) -> str:
    done = script(folder, line)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_h2_to_h5(tmp_path: Path) -> None:
    passes(
        tmp_path,
        "eval_model.py preset=memory/hei_nw task=episodic n=200 seed=1337 mode=teach persist=true "
        "store_dir=runs/x1/stores session_id=seed1337 model=dummy outdir=runs/x1/memory/teach",
    )
    phase = "--suite episodic --n 50 --seed 1337 --memory_off true --model dummy"
    out = passes(tmp_path, f"test_consolidation.py --phase pre {phase} --outdir runs/x1/consolidation/pre")
    assert "em                   0" in out
    out = passes(
        tmp_path,
        "replay_consolidate.py --store_dir runs/x1/stores --session_id seed1337 "
        "--config configs/consolidation/lora_small.yaml --outdir runs/x1/consolidation/lora",
    )
    assert "replayed 200 samples of 200 traces" in out
    out = passes(
        tmp_path,
        f"test_consolidation.py --phase post {phase} --lora runs/x1/consolidation/lora "
        "--outdir runs/x1/consolidation/post",
    )
    assert "uplift" in out
    metrics = json.loads((tmp_path / "runs/x1/consolidation/post/metrics.json").read_text())
    assert metrics["uplift"] >= 0.20
    out = passes(
        tmp_path,
        "test_consolidation.py --phase post --suite episodic --n 50 --seed 1337 --model dummy "
        "--adapter runs/x1/consolidation/lora --pre_dir runs/x1/consolidation/pre --outdir runs/x1/elsewhere",
    )
    assert f"{metrics['uplift']:.4g}" in out


def test_the_quick_sanity_run(tmp_path: Path) -> None:
    passes(
        tmp_path,
        "eval_model.py suite=episodic preset=baselines/core run_id=x1x n=5 compute.pre_metrics=true model=dummy",
    )
    passes(tmp_path, "hippo_eval.baselines --run-id x1x --n 5 --model dummy")
    passes(
        tmp_path,
        "eval_cli.py --suite episodic --preset memory/hei_nw --run-id x1x --n 5 --replay-cycles 1 --persist "
        "--store-dir runs/x1x/stores/hei_nw --session-id test --pre-metrics --model dummy",
    )
    meta = json.loads((tmp_path / "runs/x1x/stores/hei_nw/test/store_meta.json").read_text())
    assert meta["source"] == "replay"
    metrics = json.loads((tmp_path / "runs/x1x/memory/hei_nw/episodic/default_n5_s1337_dummy/metrics.json").read_text())
    assert metrics["pre_em"] > 0
    rows = json.loads((tmp_path / "runs/x1x/baselines/baselines.json").read_text())
    assert {row["n_taught"] for row in rows} == {5}


def test_a_dry_run_shows_the_settings_and_writes_nothing(tmp_path: Path) -> None:
    shown = json.loads(passes(tmp_path, "eval_model.py preset=memory/hei_nw dry_run=true n=7 outdir=out"))
    assert shown["config"]["n"] == 7
    assert shown["config_hash"]
    assert list(tmp_path.iterdir()) == []
    assert "presets: baselines/core" in passes(tmp_path, "eval_model.py --help")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("eval_model.py nn=5", "eval_model: unknown setting 'nn'; did you mean 'n'?"),
        (
            "eval_model.py suite=procedurel model=dummy",
            "eval_model: no suite 'procedurel'; did you mean 'procedural'",
        ),
        ("eval_model.py preset=memory/al", "eval_model: no preset 'memory/al'; did you mean 'memory/all'?"),
        ("eval_model.py profile=harder model=dummy", "eval_model: no profile 'harder'; did you mean 'hard'?"),
        ("eval_model.py seeds=[1,2] outdir=out model=dummy", "eval_model: 2 runs cannot share one outdir"),
        ("eval_model.py n=100000 model=dummy", "eval_model: n must be 1.."),
        ("hippo_eval.matrix --suites episodc --model dummy", "eval: no suite 'episodc'; did you mean 'episodic'?"),
        ("hippo_eval.baselines --run-id ../x --model dummy", "baselines: run_id '../x' is not valid"),
        ("eval_model.py mode=learn", "eval_model: settings: mode must be one of"),
        ("eval_cli.py teach", "eval_cli: 'teach' is neither --flag nor key=value"),
        ("replay_consolidate.py --store_dir s --session_id abc --outdir o", "replay_consolidate: no session 'abc'"),
        ("test_consolidation.py --phase post --outdir x/post --lora y", "test_consolidation: no pre metrics at x/pre"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, line: str, message: str) -> None:
    done = script(tmp_path, line)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(message)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_run_that_its_figures_forbid_exits_with_1(tmp_path: Path) -> None:
    done = script(tmp_path, "eval_model.py preset=memory/hei_nw model=dummy n=3 retrieval.enabled=false outdir=out")
    assert done.returncode == 1
    assert "retrieval.requests = 0" in done.stderr


def test_several_seeds_are_one_command(tmp_path: Path) -> None:
    line = "eval_model.py preset=baselines/core,memory/hei_nw seeds=[1,2] n=3 model=dummy run_id=many"
    out = passes(tmp_path, line)
    assert "memory/hei_nw" in out.splitlines()[-1]
    assert "2 seeds" in out.splitlines()[-1]
    assert len(list((tmp_path / "runs/many").rglob("metrics.json"))) == 4


def test_broken_things_are_one_line(tmp_path: Path) -> None:
    store = tmp_path / "stores/hei_nw/abc"
    passes(
        tmp_path, "eval_model.py mode=teach persist=true n=1 store_dir=stores session_id=abc model=dummy outdir=taught"
    )
    (store / "episodic.jsonl").write_text('{"id": 1, "te')
    (tmp_path / "t.jsonl").write_text('{"fact": "Carol went to Rome.", "context_key": "a"}\n')
    told = "Carol went to Rome. Where did Carol go?"
    (tmp_path / "q.jsonl").write_text(f'{{"prompt": "{told}", "answer": "Rome", "context_key": "a"}}\n')
    for line, message, code in (
        ("eval_model.py mode=test store_dir=stores session_id=abc model=dummy", "episodic.jsonl, line 1", 2),
        ("eval_model.py model=nowhere n=1", "no model called 'nowhere'", 1),
        ("eval_model.py model=dummy teach_file=t.jsonl test_file=q.jsonl", "Carol went to Rome", 2),
    ):
        done = script(tmp_path, line)
        assert done.returncode == code, done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("eval_model: ")
        assert message in last
        assert "Traceback" not in done.stderr


def test_flags_become_settings() -> None:
    flags = "--mode teach --persist --no-sleep --replay-cycles=2 --k 4 n=5 --store-dir a/b --pre-metrics seed=3".split()
    assert from_flags(flags) == [
        "mode=teach", "persist=true", "sleep=false", "replay.cycles=2", "retrieval.k=4", "n=5", "store_dir=a/b",
        "compute.pre_metrics=true", "seed=3",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="'-n' is not a flag"):
        from_flags(["-n", "5"])

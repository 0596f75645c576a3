"""The quick engine says what torch says, base and night; exports are whole and made once; torch is the fallback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from hippo_mem.errors import InputError, StoreBusy, StoreFormatError
from hippo_mem.home import locked
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.adapter_gate import AdapterGate, gate_layers
from hippo_mem.lm.quick import EngineHome, EngineUnavailable, QuickEngine
from hippo_mem.lm.quick.build import build
from hippo_mem.lm.quick.exporting import export_onnx
from hippo_mem.lm.quick.home import night_file
from hippo_mem.lm.quick.keeper import EngineKeeper, check_precision
from hippo_mem.lm.sampling import Sampling
from hippo_mem.lm.torch_engine import TorchEngine
from tests.tiny_model import write_tiny_model

TEXTS = ["The kettle sings.", "Snow fell on the harbor all night long, and nobody minded. " * 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with heads as wide as the quick engine's attention takes them."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny-wide"), head_width=16)


@pytest.fixture(scope="module")
def exported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EngineHome:
    home = EngineHome(model=str(folder), source=folder, models=tmp_path_factory.mktemp("engine-models"))
    build(home, "int8")
    return home


@pytest.fixture
def lm(folder: Path, tmp_path: Path) -> LanguageModel:
    return LanguageModel.load(str(folder), models_dir=tmp_path / "models", dtype="float32")


@pytest.fixture
def engine(exported: EngineHome) -> QuickEngine:
    return QuickEngine(exported.folder("int8"))


@pytest.fixture(scope="module")
def night(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter over every linear map, and a gate that opens for some texts."""
    target = tmp_path_factory.mktemp("night")
    lm = LanguageModel.load(str(folder), models_dir=tmp_path_factory.mktemp("m"), dtype="float32")
    torch.manual_seed(1)
    everywhere = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    peft = get_peft_model(lm.base, LoraConfig(r=4, lora_alpha=12, target_modules=everywhere, task_type="CAUSAL_LM"))
    for name, parameter in peft.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    peft.save_pretrained(target)
    rng = np.random.default_rng(0)
    width = int(lm.base.config.hidden_size)
    AdapterGate(
        layers=gate_layers(lm.n_layers), mean=np.zeros(width), scale=np.ones(width), projection=np.eye(width),
        centers=rng.standard_normal((1, width)), memories=np.zeros(1), threshold=0.0,
        direction=np.zeros(width), least=-1.0,
    ).save(target)  # fmt: skip
    return target


def test_an_export_is_stamped_checked_and_made_once(exported):
    stamp = json.loads((exported.folder("int8") / "stamp.json").read_text())
    assert stamp["parity"]["passed"]
    assert stamp["parity"]["n_prompts"] == 50
    assert exported.ready("int8")
    before = (exported.folder("int8") / "engine.onnx").stat().st_mtime_ns
    assert build(exported, "int8") == exported.folder("int8")
    assert (exported.folder("int8") / "engine.onnx").stat().st_mtime_ns == before


def test_texts_and_templates_are_torchs_own(engine, lm):
    for text in (*TEXTS, "naïve 日本 <s>"):
        assert engine.encode(text) == lm.encode(text)
        assert engine.decode(engine.encode(text)) == lm.decode(lm.encode(text))
    assert engine.chat_prompt("Hi") == lm.chat_prompt("Hi")
    assert engine.chat_prompt("Hi", system="Short.") == lm.chat_prompt("Hi", system="Short.")


def test_numbers_are_near_torchs(engine, lm):
    np.testing.assert_allclose(engine.surprise(TEXTS), lm.surprise(TEXTS), atol=0.02)
    pairs = [(TEXTS[0], " Softly."), (TEXTS[0], " No"), (TEXTS[1], " And then."), (TEXTS[1], "")]
    for ours, theirs in zip(engine.logprobs_many(pairs), lm.logprobs_many(pairs), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.05)
    np.testing.assert_allclose(engine.hidden_states(TEXTS, (1,)), lm.hidden_states(TEXTS, (1,)), atol=0.05)


def test_streams_run_side_by_side_as_alone(engine):
    alone = [engine.stream(t, max_new_tokens=12) for t in TEXTS]
    expected = ["".join(s) for s in alone]
    streams = [engine.stream(t, max_new_tokens=12) for t in TEXTS]
    got = ["", ""]
    for _ in range(40):
        for i, stream in enumerate(streams):
            got[i] += next(stream, "")
    assert got == expected


def test_a_seed_says_the_same_twice(engine):
    hot = Sampling(temperature=1.5, seed=7)
    once, twice = ("".join(engine.stream(TEXTS[0], max_new_tokens=10, sampling=hot)) for _ in range(2))
    assert once == twice


def test_a_prompt_that_leaves_no_room_is_refused(engine):
    with pytest.raises(InputError, match="shorten the conversation"):
        engine.stream("x" * 5000)
    with pytest.raises(InputError, match="shorten it"):
        engine.logprobs_many([("x" * 5000, " yes")])


def test_a_night_speaks_as_on_torch_and_is_silent_as_the_base(engine, lm, night):
    silent = engine.logits(TEXTS[1])
    engine.adopt(night)
    lm.attach(night)
    ids = torch.tensor([lm.encode(TEXTS[1])])
    with torch.inference_mode():
        spoken = lm.base(input_ids=ids).logits[0].numpy()
    np.testing.assert_allclose(engine.logits(TEXTS[1], speaks=True), spoken, atol=0.15)
    assert np.abs(spoken - silent).max() > 0.5
    np.testing.assert_array_equal(engine.logits(TEXTS[1]), silent)
    texts = [f"{word} {i}" for i, word in enumerate("a kettle sings snow falls harbor night boats".split())]
    assert engine.speaks(texts) == lm.speaks(texts)
    engine.adopt(None)
    assert engine.speaks(texts) == [False] * len(texts)


def test_a_night_over_some_matrices_speaks_as_on_torch(engine, lm, tmp_path):
    torch.manual_seed(2)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["gate_proj", "up_proj", "v_proj"], task_type="CAUSAL_LM")
    peft = get_peft_model(lm.base, config)
    for name, parameter in peft.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    peft.save_pretrained(tmp_path)
    with torch.inference_mode():
        spoken = peft(input_ids=torch.tensor([lm.encode(TEXTS[1])])).logits[0].numpy()
    silent = engine.logits(TEXTS[1])
    engine.adopt(tmp_path)
    np.testing.assert_allclose(engine.logits(TEXTS[1], speaks=True), spoken, atol=0.15)
    assert np.abs(spoken - silent).max() > 0.3
    assert engine.speaks(TEXTS) == [True, True]  # a night without a gate always speaks


def test_an_adapter_that_does_not_fit_is_refused_and_the_old_one_stays(engine, night, tmp_path):
    engine.adopt(night)
    (tmp_path / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 8, "use_dora": true}')
    (tmp_path / "adapter_model.safetensors").write_bytes((night / "adapter_model.safetensors").read_bytes())
    with pytest.raises(StoreFormatError, match="use_dora"):
        engine.adopt(tmp_path)
    assert engine.night == night


def test_one_process_exports_at_a_time(folder, tmp_path):
    home = EngineHome(model=str(folder), source=folder, models=tmp_path)
    home.root.mkdir()
    with locked(home.lock("int8"), "exporting a model"), pytest.raises(StoreBusy, match="exporting"):
        build(home, "int8")


def test_a_damaged_export_is_no_export(exported, tmp_path, caplog):
    copy = EngineHome(model=exported.model, source=exported.source, models=tmp_path)
    copy.folder("int8").mkdir(parents=True)
    for file in exported.folder("int8").iterdir():
        (copy.folder("int8") / file.name).write_bytes(file.read_bytes())
    assert copy.ready("int8")
    data = copy.folder("int8") / "model.onnx.data"
    raw = bytearray(data.read_bytes())
    raw[len(raw) // 2] ^= 1
    data.write_bytes(raw)
    assert not copy.ready("int8")
    assert "damaged" in caplog.text


def keeper(exported: EngineHome, lm: LanguageModel, night: Path | None = None) -> EngineKeeper:
    return EngineKeeper(
        exported.model, exported.models, "int8", lambda: TorchEngine(lm), lambda: night, torch_loaded=lambda: False
    )


def test_the_keeper_takes_the_export_where_there_is_one(exported, lm):
    chosen = keeper(exported, lm)
    assert chosen.wait() == "int8"
    assert chosen.current().name == "int8"
    assert chosen.reason == ""


def test_a_night_answers_only_after_its_check_and_the_one_before_meanwhile(exported, lm, night, tmp_path, monkeypatch):
    nights: list[Path | None] = [None]
    loaded = [False]
    chosen = EngineKeeper(
        exported.model, exported.models, "int8", lambda: TorchEngine(lm), lambda: nights[-1],
        torch_loaded=lambda: loaded[0],
    )  # fmt: skip
    started: list[Path | None] = []
    monkeypatch.setattr(chosen, "_start", started.append)
    assert chosen.current().name == "int8"
    first = tmp_path / "0001"
    first.mkdir()
    for file in night.iterdir():
        (first / file.name).write_bytes(file.read_bytes())
    nights.append(first)
    assert (chosen.current().name, chosen.current().night) == ("int8", None)  # the base, as before
    assert "being checked" in chosen.reason
    assert set(started) == {first}
    assert chosen.prepare() is False
    loaded[0] = True
    assert chosen.current().name == "torch"  # where torch is loaded it has the new one at once
    loaded[0] = False
    night_file(first, "int8").write_text(json.dumps({"passed": True, "origin": exported.origin()}))
    assert chosen.prepare() is True
    assert (chosen.current().night, chosen.reason) == (first, "")
    second = tmp_path / "0002"
    second.mkdir()
    nights.append(second)
    assert chosen.current().night == first
    (first / "adapter_model.safetensors").unlink()  # forgotten: nobody speaks through it any more
    assert (chosen.current().name, chosen.current().night) == ("int8", None)
    nights.append(None)
    assert chosen.current().night is None
    assert chosen.current().name == "int8"


def test_a_night_that_failed_its_check_is_answered_by_torch_with_the_reason(exported, lm, night, tmp_path):
    failed = tmp_path / "0001"
    failed.mkdir()
    night_file(failed, "int8").write_text(json.dumps({"passed": False, "top1": 0.4, "origin": exported.origin()}))
    chosen = keeper(exported, lm, failed)
    assert chosen.wait() == "torch"
    assert "does not answer as it does on torch" in chosen.reason


def test_an_export_that_failed_is_not_tried_again(folder, lm, tmp_path):
    home = EngineHome(model=str(folder), source=folder, models=tmp_path)
    home.failed("int8").parent.mkdir(parents=True)
    home.failed("int8").write_text(json.dumps({"reason": "no such attention", "origin": home.origin()}))
    chosen = keeper(home, lm)
    assert (chosen.wait(), chosen.reason) == ("torch", "no such attention")
    assert chosen.current().name == "torch"


def test_engines_have_names():
    assert [check_precision(n) for n in ("torch", "auto", "int8", "int4")] == [None, "int8", "int8", "int4"]
    with pytest.raises(InputError, match="torch, auto, int8 or int4"):
        check_precision("gguf")


def test_an_exported_folder_runs_in_plain_onnxruntime_and_says_what_torch_says(folder, lm, tmp_path):
    import onnxruntime as ort

    done = export_onnx(str(folder), tmp_path / "models", tmp_path / "out")
    assert done.top1 == 1.0
    assert done.kl < 1e-5
    session = ort.InferenceSession(str(tmp_path / "out" / "model.onnx"), providers=["CPUExecutionProvider"])
    ids = np.array([lm.encode(TEXTS[0])])
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    feed |= {i.name: np.zeros((1, 2, 0, 16), np.float32) for i in session.get_inputs() if "past" in i.name}
    with torch.inference_mode():
        expected = lm.base(input_ids=torch.tensor(ids)).logits[0].numpy()
    np.testing.assert_allclose(session.run(["logits"], feed)[0][0], expected, atol=2e-4)
    with pytest.raises(InputError, match="not empty"):
        export_onnx(str(folder), tmp_path / "models", tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == ["out"]


def test_an_export_that_cannot_be_made_leaves_nothing_behind(tiny_folder, tmp_path):
    with pytest.raises(EngineUnavailable, match="head_size"):  # heads of 8 are narrower than its attention takes
        export_onnx(str(tiny_folder), tmp_path / "models", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_a_process_that_only_serves_loads_no_torch():
    code = "import sys, hippo_mem.memory, hippo_mem.lm.quick; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_reading_adapter_reads_as_on_torch_and_leaves_the_night_alone(engine, lm, night, monkeypatch, exported):
    for module in ("hippo_mem.lm.loaded", "hippo_mem.lm.quick.runtime"):
        monkeypatch.setattr(f"{module}.reading_folder", lambda _: night)
    reader = QuickEngine(exported.folder("int8"))
    assert reader.reads
    assert lm.reads
    silent = lm.logprobs(TEXTS[0], [" Softly."], adapter=False)
    pairs = [(TEXTS[0], " Softly."), (TEXTS[1], " And then.")]
    spoken = lm.logprobs_many(pairs, adapter="reading")
    for ours, theirs in zip(reader.logprobs_many(pairs, adapter="reading"), spoken, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.15)
    # PEFT's own forward over the same folder says the same, and the base is as it was.
    assert lm.logprobs(TEXTS[0], [" Softly."], adapter=False) == silent
    lm.attach(night)
    np.testing.assert_allclose(lm.logprobs_many(pairs, adapter="ungated")[0], spoken[0], atol=1e-4)
    np.testing.assert_allclose(lm.logprobs_many(pairs, adapter="reading")[0], spoken[0], atol=1e-4)
    assert np.abs(np.subtract(spoken[0], silent[0])).max() > 0.05
    for ours, theirs in zip(reader.read(TEXTS, unless="x", max_new_tokens=5),
                            lm.read(TEXTS, unless="x", max_new_tokens=5), strict=True):  # fmt: skip
        assert ours.unless == pytest.approx(theirs.unless, abs=0.2)
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1.0)


def test_what_is_not_to_be_said_is_not_begun(lm, night, monkeypatch):
    monkeypatch.setattr("hippo_mem.lm.loaded.reading_folder", lambda _: night)
    (free,) = lm.read([TEXTS[0]], unless="\x00", max_new_tokens=4)
    first = free.text[:1] or free.text
    (other,) = lm.read([TEXTS[0]], unless=first, max_new_tokens=4)
    assert not other.text.startswith(first)
    assert other.unless > other.logprob


def test_without_a_reading_adapter_one_line_says_so(engine, lm):
    for model in (engine, lm):
        assert not model.reads
        with pytest.raises(InputError, match="no reading adapter"):
            model.read(["Notes:"], unless=" unknown")

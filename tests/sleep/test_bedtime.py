"""A user's sleeps from end to end on a tiny model: what is learned, kept, undone, deleted, and who may sleep."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hippo_mem.config import AnchorConfig, PeftConfig, SleepConfig, TeacherConfig, TrainConfig, VerifyConfig
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError, SleepError, StoreBusy, StoreFormatError
from hippo_mem.home import locked
from hippo_mem.memory import Hippo

LOOSE = VerifyConfig(min_recall=0.0, max_recall_drop=1.0, max_flips=1.0, max_ce_delta=100.0)
QUICK = SleepConfig(
    peft=PeftConfig(rank=4, alpha=8), train=TrainConfig(steps=4, warmup_steps=1, batch_size=8),
    anchors=AnchorConfig(every=2, batch_size=4), verify=LOOSE,
)  # fmt: skip
FACTS = (
    "Marta repaired the brass compass in the boathouse on Friday morning.",
    "Otis sold the velvet puppet at the market in May.",
    "My favorite color is blue.",
)


@pytest.fixture
def hippo(tiny_folder: Path, home_with_models: Path) -> Iterator[Hippo]:
    with Hippo.open(model=str(tiny_folder), embedder=HashingEmbedder()) as opened:
        yield opened


def tell(hippo: Hippo, *facts: str, source: str = "user") -> list[int]:
    told = [o for f in facts for o in hippo.observe(f, source=source)]
    return [o.trace_id for o in told if o.kind != "routed" and o.trace_id is not None]


def test_a_first_night_is_kept_in_force_and_reported(hippo: Hippo) -> None:
    ids = tell(hippo, *FACTS)
    stages: list[str] = []
    report = hippo.sleep(QUICK, progress=lambda stage, done, total: stages.append(stage))
    assert (report.verdict, report.number, report.n_new, report.n_earlier) == ("kept", 1, 3, 0)
    assert sorted(report.trace_ids) == ids
    assert report.steps == 4
    assert report.replay["samples"] > 0
    assert report.recall is not None
    assert report.recall.n >= 9
    assert stages[0] == "writing questions"
    assert stages[-1] == "verifying"
    folder = Path(report.folder)
    assert {p.name for p in folder.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "checksums.json", "hippo_gate.safetensors",
        "night.json", "report.html", "report.json",
    }  # fmt: skip
    assert [n.number for n in hippo.nights()] == [1]
    assert hippo.status()["night_in_force"]["number"] == 1


def test_a_night_on_disk_holds_no_memorys_text(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    folder = Path(hippo.sleep(QUICK).folder)
    for file in folder.iterdir():
        data = file.read_bytes().lower()
        assert b"compass" not in data, file
        assert b"marta" not in data, file


def test_the_adapter_is_peft_and_the_base_stays_bit_identical(hippo: Hippo) -> None:
    before = {k: v.clone() for k, v in hippo.base.base.state_dict().items()}
    tell(hippo, *FACTS)
    report = hippo.sleep(QUICK)
    after = hippo.base.base.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(v, after[k]) for k, v in before.items())
    config = json.loads((Path(report.folder) / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], sorted(config["target_modules"])) == (
        "LORA", 4, ["down_proj", "gate_proj", "up_proj"],
    )  # fmt: skip


def test_the_night_speaks_and_memory_off_reads_no_store(hippo: Hippo, tiny_folder: Path) -> None:
    tell(hippo, *FACTS)
    hippo.sleep(replace(QUICK, gate=False, train=replace(QUICK.train, steps=30, lr=2e-2)))
    plain = hippo.base.generate([hippo.base.chat_prompt("Who repaired the compass?")], adapter=False)[0]
    hippo.close()
    for file in hippo.home.folder.glob("memory.sqlite*"):
        file.unlink()
    with Hippo.open(model=str(tiny_folder), embedder=HashingEmbedder()) as alone:
        answer = alone.answer("Who repaired the compass?", memory=False)
        assert answer.adapter_spoke is True
        assert (answer.source, answer.recall) == ("weights", None)
        assert answer.text != plain
        assert not alone.home.database.exists()
        assert alone.status()["memory"] is None


def test_nothing_new_is_no_night(hippo: Hippo) -> None:
    assert hippo.sleep(QUICK).reason == "nothing was told yet"
    tell(hippo, *FACTS)
    hippo.sleep(QUICK)
    again = hippo.sleep(QUICK)
    assert (again.verdict, again.reason) == ("nothing", "nothing new was told since night 1")
    assert len(hippo.nights()) == 1


def test_a_second_night_goes_on_from_the_first_and_rehearses_it(hippo: Hippo) -> None:
    tell(hippo, FACTS[0])
    hippo.sleep(QUICK)
    tell(hippo, FACTS[1])
    report = hippo.sleep(QUICK)
    assert (report.n_new, report.n_earlier) == (1, 1)
    assert report.earlier_before is not None
    assert report.earlier_after is not None
    assert hippo.nights()[1].parent == 1


def test_a_night_that_misses_its_bars_is_undone_and_says_so(hippo: Hippo) -> None:
    tell(hippo, FACTS[0])
    hippo.sleep(QUICK)
    tell(hippo, FACTS[1])
    report = hippo.sleep(replace(QUICK, verify=replace(LOOSE, min_recall=1.0)))
    assert report.verdict == "undone"
    assert "below 1.00" in report.reason
    assert [(n.status, n.in_force) for n in hippo.nights()] == [("kept", True), ("undone", False)]
    assert not (hippo.home.nights / "0002" / "adapter_model.safetensors").exists()
    assert hippo.sleep(QUICK).n_new == 1  # it is still to be learned


def test_undo_goes_back_and_the_next_sleep_learns_again(hippo: Hippo) -> None:
    tell(hippo, FACTS[0])
    hippo.sleep(QUICK)
    tell(hippo, FACTS[1])
    hippo.sleep(QUICK)
    now = hippo.undo_night()
    assert now is not None
    assert now.number == 1
    report = hippo.sleep(QUICK)
    assert (report.number, report.n_new, report.n_earlier) == (3, 1, 1)


def test_what_is_forgotten_leaves_the_weights_and_every_file(hippo: Hippo) -> None:
    tell(hippo, FACTS[0], source="diary")
    tell(hippo, *FACTS[1:])
    hippo.sleep(QUICK)
    assert hippo.forget(source="diary") == 1
    report = hippo.sleep(QUICK)
    assert report.verdict == "kept"
    assert len(report.unlearned) == 1
    assert report.n_facts == 2
    assert report.n_earlier == 0  # from the base, not from the night that knew
    first, second = hippo.nights()
    assert (first.status, second.in_force, second.parent) == ("purged", True, None)
    assert not (hippo.home.nights / "0001" / "adapter_model.safetensors").exists()
    hippo.close()
    for file in hippo.home.folder.rglob("*"):
        if file.is_file():
            assert b"compass" not in file.read_bytes(), file


def test_deleted_memories_are_silent_even_when_the_night_to_replace_them_fails(hippo: Hippo) -> None:
    tell(hippo, FACTS[0], source="diary")
    tell(hippo, FACTS[1])
    hippo.sleep(QUICK)
    hippo.forget(source="diary")
    report = hippo.sleep(replace(QUICK, verify=replace(LOOSE, min_recall=1.0)))
    assert report.verdict == "undone"
    assert hippo.status()["night_in_force"] is None
    assert hippo.nights()[0].status == "purged"
    assert hippo.sleep(QUICK).n_new == 1


def test_forgetting_everything_takes_the_nights_along_at_once(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    hippo.sleep(QUICK)
    assert hippo.lm.adapter_dir is not None
    assert hippo.forget(everything=True) == len(FACTS)
    assert (hippo.nights(), hippo.n_waiting()) == ([], 0)
    assert hippo.lm.adapter_dir is None
    assert hippo.sleep(QUICK).verdict == "nothing"


def test_forgetting_everything_leaves_no_byte_of_it_on_disk(tiny_folder: Path, home_with_models: Path) -> None:
    """Rows, indexes, nights, reports, adapters, policies, and what killed processes left behind."""
    words = ("Quillfeather", "lighthouse", "8841", "Grimsby", "pagoda", "orangery", "marzipan", "Zeppelin")
    with Hippo.open(model=str(tiny_folder), embedder=HashingEmbedder(), user="ana") as hippo:
        tell(hippo, "Ana Quillfeather works at the lighthouse.", "The safe's number is 8841.", "I adore marzipan.")
        tell(hippo, "The pagoda is north of the orangery.", "Otis walked from the pagoda to the orangery.")
        hippo.observe("My doctor is Doctor Grimsby.", doc_id="letter", tags=("Zeppelin",), context="Zeppelin")
        hippo.browse.edit(2, "The safe's number is 88412.")
        hippo.browse.retire_fact(hippo.browse.facts()[0].id)
        hippo.recall("Where is the lighthouse?")
        hippo.sleep(QUICK)
        tell(hippo, "Ana Quillfeather owns a Zeppelin.")
        hippo.sleep(QUICK)
        hippo.undo_night()
        hippo.forget(source="nobody")
        folder = hippo.home.folder
    before = [f for f in home_with_models.rglob("*") if f.is_file() and "ana" in f.parts]
    assert any(b"Quillfeather" in f.read_bytes() for f in before)
    assert {stat.S_IMODE(f.stat().st_mode) for f in before} == {0o600}
    for left in ("memory.sqlite.damaged-1", ".index.faiss.7.tmp", "policy.safetensors"):
        (folder / left).write_text("Quillfeather")
    for left in (folder / ".restoring-7", folder / "nights" / ".writing-7"):
        left.mkdir()
        (left / "memory.sqlite").write_text("Quillfeather")
    with Hippo.open(model=str(tiny_folder), embedder=HashingEmbedder(), user="ana") as hippo:
        hippo.forget(everything=True)
        assert _holding(home_with_models, words) == []
        hippo.observe("The kettle is blue.")
    assert _holding(home_with_models, words) == []
    with Hippo.open(model=str(tiny_folder), embedder=HashingEmbedder(), user="ana") as hippo:
        assert [h.trace.text for h in hippo.recall("kettle").hits] == ["The kettle is blue."]


def _holding(home: Path, words: tuple[str, ...]) -> list[tuple[Path, str]]:
    """The files with any of the words in them, in any case."""
    files = [(f, f.read_bytes().lower()) for f in home.rglob("*") if f.is_file() and "ana" in f.parts]
    return [(f, word) for f, held in files for word in words if word.lower().encode() in held]


def test_everything_is_not_forgotten_in_the_middle_of_a_sleep(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    with locked(hippo.home.sleep_lock, "sleeping"), pytest.raises(StoreBusy, match="has been sleeping for"):
        hippo.forget(everything=True)
    assert hippo.status()["n_traces"] == len(FACTS)


def test_an_undone_night_that_knew_a_deleted_memory_is_purged_too(hippo: Hippo) -> None:
    tell(hippo, FACTS[0])
    hippo.sleep(QUICK)
    tell(hippo, FACTS[1], source="diary")
    hippo.sleep(QUICK)
    hippo.undo_night()
    hippo.forget(source="diary")
    assert hippo.sleep(QUICK).unlearned
    assert not (hippo.home.nights / "0002" / "adapter_model.safetensors").exists()
    assert hippo.status()["night_in_force"]["number"] == 1


def test_two_sleeps_at_once_are_refused_by_name(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    with locked(hippo.home.sleep_lock, "sleeping"), pytest.raises(StoreBusy, match="has been sleeping for"):
        hippo.sleep(QUICK)
    assert hippo.nights() == []


def test_ctrl_c_in_training_leaves_model_and_nights_as_they_were(hippo: Hippo) -> None:
    tell(hippo, FACTS[0])
    hippo.sleep(QUICK)
    tell(hippo, FACTS[1])
    question = [hippo.base.chat_prompt("Who sold the puppet?")]
    before = hippo.lm.generate(question, adapter="ungated")

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "training" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hippo.sleep(QUICK, progress=interrupt)
    assert [n.number for n in hippo.nights()] == [1]
    assert hippo.lm.generate(question, adapter="ungated") == before
    assert not list(hippo.home.nights.glob(".writing-*"))
    assert hippo.sleep(QUICK).verdict == "kept"


def test_training_that_diverges_is_an_error_and_the_last_night_stays(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    with pytest.raises(SleepError, match=r"the (loss|gradient) became .* at step \d+; lower train\.lr"):
        hippo.sleep(replace(QUICK, train=replace(QUICK.train, steps=60, lr=1e30, warmup_steps=0)))
    assert hippo.nights() == []


def test_targets_that_do_not_exist_are_named(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    with pytest.raises(SleepError, match=r"targets \['wq'\] do not exist"):
        hippo.sleep(replace(QUICK, targets=("wq",)))


def test_the_specifications_recipe_runs_with_dropout_attention_and_accumulation(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    recipe = replace(
        QUICK, targets=("q_proj", "v_proj", "o_proj", "up_proj", "down_proj"),
        peft=PeftConfig(rank=8, alpha=16, dropout=0.05), train=replace(QUICK.train, grad_accum=2),
    )  # fmt: skip
    assert hippo.sleep(recipe).verdict == "kept"


def test_a_teacher_with_memory_on_can_be_followed(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    assert hippo.sleep(replace(QUICK, teacher=TeacherConfig(enabled=True))).verdict == "kept"


def test_the_same_seed_trains_the_same_night(hippo: Hippo, tiny_folder: Path, tmp_path: Path) -> None:
    tell(hippo, *FACTS)
    first = hippo.sleep(QUICK)
    with Hippo.open(tmp_path / "other", model=str(tiny_folder), embedder=HashingEmbedder()) as other:
        tell(other, *FACTS)
        second = other.sleep(QUICK)
    assert [c[2] for c in first.curve] == [c[2] for c in second.curve]


def test_merging_writes_a_model_that_loads_and_speaks_alike(hippo: Hippo, tiny_folder: Path) -> None:
    tell(hippo, *FACTS)
    report = hippo.sleep(replace(QUICK, train=replace(QUICK.train, steps=20, lr=2e-2)), merge=True)
    assert report.merged is not None
    with Hippo.open(user="merged", model=report.merged, embedder=HashingEmbedder()) as merged:
        prompt = [hippo.lm.chat_prompt("Who sold the puppet?")]
        assert merged.lm.generate(prompt) == hippo.lm.generate(prompt, adapter="ungated")


def test_a_night_of_another_model_is_not_put_on(hippo: Hippo, tiny_folder: Path, tmp_path: Path) -> None:
    tell(hippo, *FACTS)
    hippo.sleep(QUICK)
    copy = shutil.copytree(tiny_folder, tmp_path / "another")
    with (
        Hippo.open(model=str(copy), embedder=HashingEmbedder()) as other,
        pytest.raises(StoreFormatError, match=r"was learned by .*hippo nights undo"),
    ):
        other.answer("Who?", memory=False)


def test_a_missing_adapter_file_names_it(hippo: Hippo) -> None:
    tell(hippo, *FACTS)
    report = hippo.sleep(QUICK)
    (Path(report.folder) / "adapter_model.safetensors").unlink()
    with pytest.raises(StoreFormatError, match=r"adapter_model\.safetensors is missing"):
        hippo.answer("Who?", memory=False)


@pytest.mark.parametrize("question", ["", "   ", "a\x00b"])
def test_a_question_that_cannot_be_asked_is_refused(hippo: Hippo, question: str) -> None:
    with pytest.raises(InputError, match="question"):
        hippo.answer(question, memory=False)


def test_contexts_must_match_questions(hippo: Hippo) -> None:
    with pytest.raises(InputError, match="2 questions but 1 contexts"):
        hippo.answer_many(["a?", "b?"], contexts=["x"], memory=False)


def test_two_contexts_with_two_truths_are_learned_apart(hippo: Hippo) -> None:
    hippo.observe("Carol went to the market on Monday.", context="ses-one")
    hippo.observe("Carol went to the harbor on Monday.", context="ses-two")
    report = hippo.sleep(QUICK)
    assert report.conditioned
    assert hippo.nights()[0].conditioned


def test_saved_and_loaded_sessions_hold_the_same_texts(hippo: Hippo, tiny_folder: Path, tmp_path: Path) -> None:
    tell(hippo, *FACTS)
    assert hippo.save(tmp_path / "stores", "session-1").counts["episodic"] == 3
    with Hippo.open(user="other", model=str(tiny_folder), embedder=HashingEmbedder()) as other:
        assert other.load(tmp_path / "stores", "session-1") == 3
        assert {t.text for t in other.awake.store} == set(FACTS)

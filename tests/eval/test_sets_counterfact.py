"""CounterFact: both published spellings, figures by hand, and a night over a tiny model from telling to asking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hippo_eval.fresh import fresh_hippo
from hippo_eval.sets.counterfact import Neighbor, read_folder
from hippo_eval.sets.edits import Replies, Reply, figures, measure_edits
from hippo_eval.sets.tables import rows
from hippo_mem.config import AnchorConfig, SleepConfig, TrainConfig, VerifyConfig
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError, StoreFormatError

ROME = {
    "case_id": 7,
    "requested_rewrite": {
        "prompt": "{} plays", "subject": "Ana Pike", "target_new": {"str": "fantasy"}, "target_true": {"str": "jazz"},
    },
    "paraphrase_prompts": ["Ana Pike is good at", "The genre of Ana Pike is"],
    "neighborhood_prompts": ["Otis Lark plays", "Max Roach performs"],
}  # fmt: skip
EASY = {
    "case_id": 8, "prompt": "Fonz is made by", "subject": "Fonz", "target_new": "Google", "ground_truth": "Nintendo",
    "rephrase_prompt": "Fonz comes from", "locality_prompt": "Mario is made by", "locality_ground_truth": "Nintendo",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "edits"
    place.mkdir()
    (place / "a.json").write_text(json.dumps([EASY]))
    (place / "b.json").write_text(json.dumps([ROME]))
    (place / "else.json").write_text('[{"question": "x"}]')
    return place


def quiet(stage: str, done: int, total: int) -> None:
    """Nobody looks."""


def test_both_spellings_are_read(folder: Path) -> None:
    (easy, rome), files = read_folder(folder)
    assert files == ["a.json", "b.json"]
    assert (easy.statement, easy.rephrased) == ("Fonz is made by Google.", ("Fonz comes from",))
    assert easy.neighbors == (Neighbor(prompt="Mario is made by", true="Nintendo"),)
    assert (rome.key, rome.prompt, rome.new, rome.true) == ("7", "Ana Pike plays", "fantasy", "jazz")
    assert [n.true for n in rome.neighbors] == ["jazz", "jazz"]


def test_what_is_not_the_set_or_is_damaged_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no file of counterfact"):
        read_folder(tmp_path)
    (folder / "c.json").write_text(json.dumps([{**EASY, "target_new": " "}]))
    with pytest.raises(StoreFormatError, match=r"c\.json, row 1: a prompt and both its targets must have words"):
        read_folder(folder)
    (folder / "c.json").write_text(json.dumps([{**ROME, "requested_rewrite": {"prompt": "x"}}]))
    with pytest.raises(StoreFormatError, match=r"c\.json, row 1: KeyError"):
        read_folder(folder)


def test_figures_by_hand(folder: Path) -> None:
    edits, _ = read_folder(folder)

    def reply(text: str, wins: bool, spoke: bool = False) -> Reply:
        return Reply(text=text, new_wins=wins, spoke=spoke)

    before = Replies(
        prompts=(reply("Nintendo, a", False), reply("the piano", True)),
        rephrased=((reply("Japan", False),), (reply("x", False), reply("y", False))),
        neighbors=((reply("Nintendo and", False),), (reply("jazz music", False), reply("in a band", True))),
    )
    after = Replies(
        prompts=(reply("Google in 1990", True, True), reply("fantastic music", True, True)),
        rephrased=((reply("Google", True, True),), (reply("fantasy", False, True), reply("y", False))),
        neighbors=((reply("Nintendo. It", False),), (reply("fantasy", True, True), reply("in a band", True))),
    )
    found = figures(edits, before, after)
    assert (found["efficacy_before"], found["efficacy"]) == (0, 0.5)  # "fantastic" is not "fantasy"
    assert (found["efficacy_score_before"], found["efficacy_score"]) == (0.5, 1.0)
    assert (found["rephrasing"], found["rephrasing_score"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found["locality"] == pytest.approx(2 / 3)
    assert (found["locality_score_before"], found["locality_score"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found["neighbors_spoken_to"] == 1
    assert [w["kind"] for w in found["worst"]] == ["efficacy", "locality"]


@pytest.mark.parametrize(("bar", "verdict"), [(0.0, "kept"), (1.0, "undone")])
def test_from_telling_to_asking_the_weights(
    folder: Path, tiny_folder: Path, home_with_models: Path, bar: float, verdict: str
) -> None:
    recipe = SleepConfig(
        train=TrainConfig(steps=2, batch_size=4, warmup_steps=1), anchors=AnchorConfig(every=0),
        verify=VerifyConfig(min_recall=bar, max_flips=1.0, max_ce_delta=9.0),
    )  # fmt: skip
    found = measure_edits(
        folder, lambda: fresh_hippo(str(tiny_folder), surprise=False, embedder=HashingEmbedder()), quiet, recipe=recipe
    )
    assert (found["n"], found["n_told"], found["n_gated"], found["n_available"]) == (2, 2, 0, 2)
    assert found["night"]["verdict"] == verdict
    if verdict == "undone":
        assert found["spoke_share"] == 0
        assert (found["efficacy"], found["locality"]) == (found["efficacy_before"], 1.0)
    table = rows({"set": "counterfact", **found})
    assert [row[0] for row in table[1:4]] == ["efficacy", "rephrasing", "locality"]

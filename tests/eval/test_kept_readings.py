"""A prompt is read once a run: the same results, the same tokens counted, and nothing taken from other foundations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hippo_eval.cells import cells_of
from hippo_eval.kept_readings import FILE, KeptReadings, LentModel
from hippo_eval.matrix import measure_matrix
from hippo_eval.matrix_plan import Matrix
from hippo_eval.token_meter import Spent, TokenMeter
from hippo_mem.reader.notes import answer_text, notes_prompt

UNKNOWN = answer_text(None)
PROMPTS = [
    notes_prompt(["Ana keeps the spare key under the blue pot."], "Where is the spare key?"),
    notes_prompt(["The ferry to Korpo leaves at ten past six."], "When does the ferry leave?"),
    notes_prompt(["Bruno has lent the drill to Petra."], "Who has the drill?"),
]


@pytest.fixture(scope="module")
def lent(real_models_dir: Path) -> LentModel:
    return LentModel.load(models_dir=real_models_dir)


@pytest.fixture(scope="module")
def meter(lent: LentModel) -> TokenMeter:
    return TokenMeter(lent.base, int(lent.tokenizer.pad_token_id))


@pytest.fixture
def passes(lent: LentModel) -> Iterator[list[int]]:
    """How many rows each pass through the model had."""
    rows: list[int] = []
    hook = lent.decoder.register_forward_hook(lambda module, args, kwargs, out: rows.append(out[0].shape[0]),
                                              with_kwargs=True)  # fmt: skip
    yield rows
    hook.remove()


def results(kept: KeptReadings, key: str) -> Any:
    found = kept.get(key)
    return found and found[0]


def test_results_are_there_for_the_next_process_and_for_no_other_foundation(tmp_path: Path) -> None:
    file = tmp_path / "run" / FILE
    kept = KeptReadings(file, "weights 1")
    keys = [kept.key("read", f"prompt {i}") for i in range(3)]
    kept.add([(keys[0], {"text": "æ"}), (keys[1], -0.1)], Spent(n_read=12.5, n_generated=3, longest=20, seconds=0.5))
    again = KeptReadings(file, "weights 1")
    for of in (kept, again):
        assert [results(of, key) for key in keys] == [{"text": "æ"}, -0.1, None]
    found = again.get(keys[0])
    assert found is not None
    assert dataclasses.asdict(found[1]) == {"n_read": 12.5, "n_generated": 3, "longest": 20, "seconds": 0.5}
    other = KeptReadings(file, "weights 2")
    assert other.get(other.key("read", "prompt 0")) is None
    assert again.key("read", "prompt 0", "more") != keys[0]


def test_a_line_that_was_cut_off_goes_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / FILE
    kept = KeptReadings(file, "weights")
    keys = [kept.key(i) for i in range(3)]
    kept.add([(keys[0], 0.5), (keys[1], 1.5)], Spent())
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    again = KeptReadings(file, "weights")
    assert [results(again, key) for key in keys] == [0.5, None, None]
    again.add([(keys[1], 1.5), (keys[2], 2.5)], Spent())
    assert [results(KeptReadings(file, "weights"), key) for key in keys] == [0.5, 1.5, 2.5]


def test_what_was_read_is_not_read_again_and_counts_as_if_it_were(
    lent: LentModel, meter: TokenMeter, passes: list[int], tmp_path: Path
) -> None:
    plain = lent.read(PROMPTS, unless=UNKNOWN), lent.doubts(PROMPTS, unless=UNKNOWN)
    passes.clear()
    with lent.sharing(KeptReadings(tmp_path / FILE, "x"), meter):
        with meter.watch() as first:
            assert (lent.read(PROMPTS, unless=UNKNOWN), lent.doubts(PROMPTS, unless=UNKNOWN)) == plain
        assert passes
        passes.clear()
        with meter.watch() as second:
            assert (lent.read(PROMPTS, unless=UNKNOWN), lent.doubts(PROMPTS, unless=UNKNOWN)) == plain
        assert not passes
        assert (second.n_read, second.n_generated) == pytest.approx((first.n_read, first.n_generated))
        assert second.longest == first.longest
        # others beside them are read alone, and what stands twice in a call is read once
        more = notes_prompt(["The hens are in the garden of Ida."], "Where are the hens?")
        said = lent.doubts([more, PROMPTS[1], more], unless=UNKNOWN)
        assert (said[0], said[1]) == (said[2], plain[1][1])
        assert passes == [1]
    passes.clear()
    assert lent.doubts(PROMPTS, unless=UNKNOWN) == plain[1]
    assert passes  # after the block as before it


def test_a_prompt_read_alone_and_one_read_among_others_take_two_times(
    lent: LentModel, meter: TokenMeter, passes: list[int], tmp_path: Path
) -> None:
    with lent.sharing(KeptReadings(tmp_path / FILE, "x"), meter):
        lent.read(PROMPTS, unless=UNKNOWN)
        passes.clear()
        with meter.watch() as alone:
            lent.read(PROMPTS[:1], unless=UNKNOWN)
        assert passes
        assert alone.seconds == 0.0  # it was run: the clock of whoever asked has it
        passes.clear()
        with meter.watch() as again:
            lent.read(PROMPTS[:1], unless=UNKNOWN)
        assert not passes
        assert again.seconds > 0.0
        assert (again.n_read, again.longest) == (alone.n_read, alone.longest)


def test_everything_the_base_says_is_kept_and_nothing_else(
    lent: LentModel, meter: TokenMeter, passes: list[int], tmp_path: Path
) -> None:
    texts = ["The ferry leaves at six.", "Ida keeps hens."]
    pairs = [(PROMPTS[0], answer_text("under the blue pot")), (PROMPTS[1], answer_text("ten past six"))]

    def ask() -> list[Any]:
        return [
            lent.surprise(texts), lent.generate(texts, max_new_tokens=3), lent.logprobs_many(pairs),
            lent.logprobs_many(pairs, adapter="reading"), lent.generate(texts, max_new_tokens=2, adapter=False),
        ]  # fmt: skip

    plain = ask()
    with lent.sharing(KeptReadings(tmp_path / FILE, "x"), meter):
        assert ask() == plain
        passes.clear()
        assert ask() == plain
        assert not passes
        with lent.by_itself():
            lent.surprise(texts)
        assert passes
        passes.clear()
        lent.surprise(texts, adapter=[False, False])
        assert not passes


def test_what_a_nights_adapter_says_is_never_kept(
    lent: LentModel, meter: TokenMeter, passes: list[int], tmp_path: Path
) -> None:
    from hippo_mem.config import SleepConfig
    from hippo_mem.sleep.training import AdapterTraining

    AdapterTraining(lent, SleepConfig())  # its adapter is on the model until it is taken off
    try:
        with lent.sharing(KeptReadings(tmp_path / FILE, "x"), meter):
            for _ in range(2):
                passes.clear()
                lent.generate(["Hens are"], max_new_tokens=2)
                assert passes
            lent.generate(["Hens are"], max_new_tokens=2, adapter=False)
            passes.clear()
            lent.generate(["Hens are"], max_new_tokens=2, adapter=False)
            assert not passes
    finally:
        lent.detach()


def test_presets_of_a_matrix_share_what_the_reader_said(
    home_with_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines: list[int] = []

    def say(line: str) -> None:
        if "/2 memory/" in line:
            lines.append(len((tmp_path / "runs/abc" / FILE).read_bytes().splitlines()))

    small = Matrix(suites=("episodic",), presets=("memory/hei_nw", "memory/smpd"), sizes=(4,), nights=False,
                   ablations=False)  # fmt: skip
    measure_matrix(small, "abc", reports=None, say=say)
    assert lines[0] > 0
    assert lines[1] < 2 * lines[0]
    first, second = cells_of("abc")
    told: list[dict[int, Any]] = [{r.id: (r.prompt, r.answer) for r in cell.items()} for cell in (first, second)]
    assert told[0] == told[1]
    # the second was hardly run, and yet says what it takes
    seconds = [[row.latency_ms for row in cell.items() if row.alone] for cell in (first, second)]
    assert sum(seconds[1]) > sum(seconds[0]) / 3
    assert second.metrics["tell"]["seconds"] > first.metrics["tell"]["seconds"] / 3
    assert all(cell.metrics["em"] >= 0.75 for cell in (first, second))

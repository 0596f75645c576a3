"""Guessing what the prompt goes on with changes what decoding costs, and no word of what is said."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.lm import LanguageModel
from hippo_mem.lm.copying import copy_greedily
from hippo_mem.reader.notes import notes_prompt
from tests.tiny_model import write_tiny_model

AVOIDED, MOST = 40, 12


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[LanguageModel]:
    """Models whose weights differ: each falls into repetitions of its own."""
    folders = [write_tiny_model(tmp_path_factory.mktemp(f"tiny-{seed}"), seed=seed) for seed in range(3)]
    return [LanguageModel.load(str(folder), models_dir=folder, dtype="float32") for folder in folders]


def plainly(lm: LanguageModel, prompt: list[int], most: int) -> tuple[list[int], float, float]:
    """The same by reading the whole text again for every token."""
    said: list[int] = []
    total = avoided = 0.0
    while len(said) < most:
        likely = lm.base(input_ids=torch.tensor([prompt + said])).logits[0, -1].log_softmax(-1)
        if not said:
            avoided = float(likely[AVOIDED])
            likely[AVOIDED] = -torch.inf
        said.append(int(likely.argmax()))
        total += float(likely.max())
        if said[-1] in lm.end_tokens:
            break
    return said, total, avoided


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2), st.lists(st.lists(st.integers(3, 30), min_size=1, max_size=40), min_size=1, max_size=5))
@torch.inference_mode()
def test_what_is_said_is_what_plain_decoding_says(
    several: list[LanguageModel], which: int, prompts: list[list[int]]
) -> None:
    lm = several[which]
    # What a model has said once it says again where it comes by: such prompts hold its own words.
    prompts = [[*p, *plainly(lm, p, MOST)[0], *p] if i % 2 else p for i, p in enumerate(prompts)]
    ids, mask = lm.pad(prompts, left=True)
    copied = copy_greedily(
        lm.base, ids, mask, ends=lm.end_tokens, avoid=AVOIDED, fill=lm.tokenizer.pad_token_id, max_new_tokens=MOST
    )
    for prompt, one in zip(prompts, copied, strict=True):
        said, total, avoided = plainly(lm, prompt, MOST)
        assert one.ids == said
        assert one.logprob == pytest.approx(total, abs=1e-3)
        assert one.avoided == pytest.approx(avoided, abs=1e-4)


@torch.inference_mode()
def test_an_answer_that_stands_in_a_note_takes_few_passes(real: LanguageModel, monkeypatch: Any) -> None:
    notes = ["Ines left the brass compass from her grandfather in the old boathouse."]
    passes = []
    forward = real.base.forward
    monkeypatch.setattr(real.base, "forward", lambda *a, **k: passes.append(1) or forward(*a, **k))
    prompt = notes_prompt(notes, "What did Ines leave in the old boathouse?")
    (said,) = real.read([prompt], unless=" unknown")
    n_tokens = len(real.encode(said.text)) + 1
    assert "brass compass" in said.text
    assert len(passes) <= n_tokens / 2


def test_nothing_to_read_is_nothing_said(real: LanguageModel) -> None:
    assert real.read([], unless=" unknown") == []

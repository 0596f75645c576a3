"""The model's own attention is the library's up to rounding, whatever is masked or cached."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from hippo_mem.lm import LanguageModel
from hippo_mem.lm.grouped_attention import NAME, attend_grouped

TEXTS = ["Ana hid the brass lamp.", "Where?", "On Monday Ben sold the striped kite in the attic of the old library."]


@pytest.fixture
def plain(tiny: LanguageModel, tiny_folder: Any) -> LanguageModel:
    """The same weights with the library's attention."""
    other = LanguageModel.load(str(tiny_folder), dtype="float32")
    other.base.config._attn_implementation = "eager"
    return other


def test_a_loaded_model_attends_by_it(tiny: LanguageModel) -> None:
    assert tiny.base.config._attn_implementation == NAME


@torch.inference_mode()
@pytest.mark.parametrize("left", [False, True])
def test_padded_rows_read_as_with_the_librarys(tiny: LanguageModel, plain: LanguageModel, left: bool) -> None:
    ids, mask = tiny.pad([tiny.encode(t) for t in TEXTS], left=left)
    ours, theirs = (lm.decoder(input_ids=ids, attention_mask=mask).last_hidden_state for lm in (tiny, plain))
    real = mask.bool()
    torch.testing.assert_close(ours[real], theirs[real], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_what_goes_on_from_a_cache_is_the_same(tiny: LanguageModel, plain: LanguageModel) -> None:
    head, rest = torch.tensor([tiny.encode(TEXTS[2])]), torch.tensor([tiny.encode(TEXTS[0])])
    states = []
    for lm in (tiny, plain):
        cache = lm.decoder(input_ids=head, use_cache=True).past_key_values
        states.append(lm.decoder(input_ids=rest, past_key_values=cache, use_cache=True).last_hidden_state)
    torch.testing.assert_close(states[0], states[1], atol=1e-5, rtol=1e-4)


def test_generated_texts_are_the_same(tiny: LanguageModel, plain: LanguageModel) -> None:
    assert tiny.generate(TEXTS, max_new_tokens=8) == plain.generate(TEXTS, max_new_tokens=8)


class _Capped(nn.Module):
    config = SimpleNamespace(_attn_implementation="eager", attn_logit_softcapping=50.0)


class _WithSinks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.Module()
        self.attention.sinks = nn.Parameter(torch.zeros(2))
        self.config = SimpleNamespace(_attn_implementation="eager")


@pytest.mark.parametrize("model", [_Capped(), _WithSinks()], ids=["soft cap", "sinks"])
def test_a_model_that_does_more_to_its_scores_keeps_its_own(model: Any) -> None:
    assert not attend_grouped(model)
    assert model.config._attn_implementation == "eager"

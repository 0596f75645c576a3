"""What a language model promises, on a tiny model and, where the words matter, on the default one."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from hippo_mem.errors import InputError, ModelUnavailable, StoreFormatError
from hippo_mem.lm import LanguageModel, precision, resolve

TEXTS = ["The kettle sings.", "A", "Snow fell on the harbor all night long, and nobody minded."]


def test_a_prompt_has_one_user_turn_and_no_system_block(tiny: LanguageModel) -> None:
    assert tiny.chat_prompt("Hi") == "<s>user\nHi</s>\n<s>assistant\n"
    assert tiny.chat_prompt("Hi", system="Short.") == "<s>system\nShort.</s>\n<s>user\nHi</s>\n<s>assistant\n"


def test_a_prompt_keeps_text_that_looks_like_a_template(tiny: LanguageModel) -> None:
    assert "{{ x }} @@user@@ {0}" in tiny.chat_prompt("{{ x }} @@user@@ {0}")


def test_a_batch_says_what_single_prompts_say(tiny: LanguageModel) -> None:
    prompts = [tiny.chat_prompt(t) for t in TEXTS]
    assert tiny.generate(prompts, max_new_tokens=6) == [tiny.generate([p], max_new_tokens=6)[0] for p in prompts]


def test_surprise_is_the_mean_cross_entropy_of_the_library_itself(tiny: LanguageModel) -> None:
    for text, nats in zip(TEXTS, tiny.surprise(TEXTS), strict=True):
        ids = torch.tensor([[1, *tiny.encode(text)]])
        assert nats == pytest.approx(tiny.base(input_ids=ids, labels=ids).loss.item(), rel=1e-4)


def test_a_text_longer_than_the_model_takes_is_refused_before_it_fills_the_memory(tiny: LanguageModel) -> None:
    long = "0" * (4 * tiny.context)
    for work in (
        lambda: tiny.generate([long], max_new_tokens=6),
        lambda: tiny.logprobs(long, [" yes"]),
        lambda: tiny.next_tokens([long]),
    ):
        with pytest.raises(InputError, match=f"tokens, {tiny.name} takes"):
            work()


def test_surprise_of_nothing_is_zero(tiny: LanguageModel) -> None:
    assert tiny.surprise([""]) == [0.0]


def test_logprobs_of_a_whole_text_add_up_to_its_surprise(tiny: LanguageModel) -> None:
    text = TEXTS[2]
    (scores,) = tiny.logprobs("<s>", [text])
    assert -sum(scores) / len(scores) == pytest.approx(tiny.surprise([text])[0], rel=1e-4)


def test_hidden_states_are_those_the_library_reports(tiny: LanguageModel) -> None:
    ids = torch.tensor([tiny.encode(TEXTS[2])])
    reported = tiny.base(input_ids=ids, output_hidden_states=True).hidden_states
    both = tiny.hidden_states(TEXTS, (2, 1))
    width = tiny.base.config.hidden_size
    for slot, layer in enumerate((2, 1)):
        expected = reported[layer][0].mean(0).detach().numpy()
        np.testing.assert_allclose(both[2, slot * width : (slot + 1) * width], expected, atol=1e-5)


@pytest.mark.parametrize("layer", [4, -5, 99])
def test_a_layer_that_does_not_exist_is_named(tiny: LanguageModel, layer: int) -> None:
    with pytest.raises(InputError, match=rf"layers \[{layer}\] do not exist.*0\.\.3"):
        tiny.hidden_states(["x"], layer)


def test_next_tokens_agree_with_generation(tiny: LanguageModel) -> None:
    prompts = [tiny.chat_prompt(t) for t in TEXTS]
    first = [tiny.tokenizer.decode([t]).strip() for t in tiny.next_tokens(prompts)]
    assert first == tiny.generate(prompts, max_new_tokens=1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("smolm2-135m", "no model called 'smolm2-135m'.*smollm2-135m"),
        ("no/such-model-here", "neither in the local hub cache nor reachable.*smollm2-135m"),
        ("Qwen/Qwen2.5-1.5B-Instruct", "smollm2-135m"),
    ],
)
def test_an_unreachable_model_is_one_error_within_seconds(
    name: str, words: str, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://127.0.0.1:9")
    start = time.perf_counter()
    with pytest.raises(ModelUnavailable, match=words):
        LanguageModel.load(name)
    assert time.perf_counter() - start < 15


def test_a_folder_without_a_model_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"holds no config\.json"):
        resolve(str(tmp_path), tmp_path / "models")


def test_a_folder_with_a_broken_model_does_not_load(tmp_path: Path, data_home: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelUnavailable, match="does not load as a causal language model"):
        LanguageModel.load(str(tmp_path))


def test_an_unknown_format_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(InputError, match="float32 or bfloat16, got 'int3'"):
        LanguageModel.load(str(tiny_folder), dtype="int3")


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_folder_without_an_adapter_says_which_file_is_missing(
    tiny: LanguageModel, tmp_path: Path, missing: str
) -> None:
    for name in {"adapter_config.json", "adapter_model.safetensors"} - {missing}:
        (tmp_path / name).write_text("{}")
    with pytest.raises(StoreFormatError, match=missing):
        tiny.attach(tmp_path)


def test_the_measurement_decides_the_format_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "precision.json"
    monkeypatch.setattr(precision, "measure", lambda: {"float32": 3.0, "bfloat16": 1.0})
    assert precision.choose(cache) is torch.bfloat16
    monkeypatch.setattr(precision, "measure", lambda: {"float32": 1.0, "bfloat16": 1.0})
    assert precision.choose(cache) is torch.bfloat16  # from the cache
    cache.write_text("{broken")
    assert precision.choose(cache) is torch.float32  # a near tie loses no digits


def test_the_measurement_is_of_real_products() -> None:
    seconds = precision.measure()
    assert set(seconds) == {"float32", "bfloat16"}
    assert all(0 < s < 10 for s in seconds.values())


@pytest.mark.real_model
def test_the_default_model_knows_common_things(real: LanguageModel) -> None:
    assert real.generate(["The capital of France is"], max_new_tokens=3, adapter=False)[0].startswith("Paris")
    assert real.chat_prompt("Hi") == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    plain, odd = real.surprise(["The cat sat on the mat.", "Mat the on sat cat the."])
    assert plain < odd

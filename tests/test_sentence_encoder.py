"""Sentence vectors without torch are those of torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hippo_mem.embed import MiniLMEmbedder, _wheel_folder
from hippo_mem.errors import ModelUnavailable
from hippo_mem.sentence_encoder import SentenceEncoder

TEXTS = ["Marta repaired the brass compass.", "ok", "Ça va? 日本", "A long story about the sea. " * 90]


def test_vectors_are_those_of_torch_to_the_last_digits():
    ours = SentenceEncoder(_wheel_folder()).embed(TEXTS)
    theirs = MiniLMEmbedder(dtype="float32")
    theirs._load()
    import torch  # noqa: F401  (with torch loaded, the embedder uses it)

    np.testing.assert_allclose(ours, theirs.embed(TEXTS), atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1.0, atol=1e-6)


def test_a_batch_is_what_its_texts_are_one_by_one():
    encoder = SentenceEncoder(_wheel_folder())
    np.testing.assert_allclose(encoder.embed(TEXTS), np.concatenate([encoder.embed([t]) for t in TEXTS]), atol=2e-6)


def test_embedding_one_text_loads_no_torch():
    code = (
        "import sys; from hippo_mem.embed import MiniLMEmbedder; v = MiniLMEmbedder().embed(['a cat']);"
        "print(v.shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(1, 384) False"


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match="cannot read the model"):
        SentenceEncoder(tmp_path)

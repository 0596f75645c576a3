"""Sentence vectors are those of the reference implementation, whatever they are computed with."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hippo_mem.embed import MiniLMEmbedder, _wheel_folder
from hippo_mem.errors import ModelUnavailable
from hippo_mem.sentence_encoder import SentenceEncoder

TEXTS = ["Marta repaired the brass compass.", "ok", "Ça va? 日本", "", "A long story about the sea. " * 90, "OK.", "no"]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(_wheel_folder())


def reference(texts: list[str]) -> NDArray[np.float32]:
    """By transformers' own BERT, a text at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(_wheel_folder(), local_files_only=True)
    model = AutoModel.from_pretrained(_wheel_folder(), local_files_only=True, dtype=torch.float32).eval()
    rows = []
    with torch.inference_mode():
        for text in texts:
            encoded = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            mean = model(**encoded).last_hidden_state[0].mean(0)
            rows.append((mean / mean.norm()).numpy())
    return np.stack(rows)


@pytest.mark.real_model
def test_vectors_are_those_of_the_reference_to_the_last_digits(encoder: SentenceEncoder) -> None:
    ours = encoder.embed(TEXTS)
    np.testing.assert_allclose(ours, reference(TEXTS), atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1.0, atol=1e-6)


def test_a_batch_is_what_its_texts_are_one_by_one(encoder: SentenceEncoder) -> None:
    texts = [*TEXTS, *(f"Crate {i} holds {i * 7919 % 1000} nails{' and a rope' * (i % 5)}." for i in range(90))]
    alone = np.concatenate([encoder.embed([text]) for text in texts])
    np.testing.assert_allclose(encoder.embed(texts), alone, atol=1e-6)
    np.testing.assert_allclose(encoder.embed(texts, n_cores=1), alone, atol=1e-6)
    np.testing.assert_allclose(encoder.embed(texts[::-1])[::-1], alone, atol=1e-6)


def test_threads_share_an_encoder(encoder: SentenceEncoder) -> None:
    texts = [f"Jar {i} is on shelf {i % 7}{', far back' * (i % 3)}." for i in range(60)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda text: encoder.embed([text])[0], texts))
    np.testing.assert_allclose(np.stack(found), encoder.embed(texts), atol=1e-6)


def test_embedding_loads_no_torch() -> None:
    code = (
        "import sys; from hippo_mem.embed import MiniLMEmbedder; v = MiniLMEmbedder().embed(['a cat', 'a dog'] * 50);"
        "print(v.shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(100, 384) False"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="cannot read the model"):
        SentenceEncoder(tmp_path)


def _cut_short(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def _no_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"version https://example.org/pointer\n" * 4)


def _another_kind(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))


def _more_layers(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 7}))


def _of_another_width(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 768}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut_short, "cannot read the model"),
        (_no_safetensors, "is no safetensors file"),
        (_another_kind, r"is no plain BERT \(relu\)"),
        (_more_layers, r"encoder\.layer\.6"),
        (_of_another_width, "is 768 wide, not 384|cannot read the model"),
    ],
)
def test_damaged_or_other_files_are_refused(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copyfile(_wheel_folder() / name, folder / name)
    damage(folder)
    with pytest.raises(ModelUnavailable, match=message):
        MiniLMEmbedder(folder).embed(["a cat"])

"""What is rewritten in an exported graph computes the same, and is stored once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from hippo_mem.lm.quick.build import _drop_unused
from hippo_mem.lm.quick.graph import _share_vocabulary

V, K = 96, 64  # words and width; one scale a row


def tied_model(folder: Path) -> np.ndarray:
    """A graph as the builder leaves tied models: the vocabulary as floats to read, and in 8 bits to speak."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (V, 1, K)).astype(np.uint8)
    scales = rng.uniform(0.01, 0.02, (V, 1)).astype(np.float32)
    words = (codes[:, 0].astype(np.float32) - 128.0) * scales
    tensors = {"embedding": words, "unread": rng.random((V, K), dtype=np.float32), "codes": codes, "scales": scales}
    nodes = [
        helper.make_node("Gather", ["embedding", "ids"], ["seen"], name="/model/embed_tokens/Gather"),
        helper.make_node(
            "MatMulNBits", ["seen", "codes", "scales"], ["logits"], name="/lm_head/MatMul_Q8", domain="com.microsoft",
            K=K, N=V, bits=8, block_size=K,
        ),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "tied", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["b", "t"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", "t", V])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.save(model, folder / "engine.onnx", save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    return words


def test_reading_and_speaking_share_the_bytes_of_one_matrix(tmp_path: Path) -> None:
    words = tied_model(tmp_path)
    file, data = tmp_path / "engine.onnx", tmp_path / "model.onnx.data"
    model = onnx.load(file, load_external_data=False)
    _share_vocabulary(model.graph)
    model.graph.initializer.remove(next(w for w in model.graph.initializer if w.name == "unread"))
    onnx.save(model, file)
    _drop_unused(tmp_path)

    saved = onnx.load(file, load_external_data=False).graph
    held = {w.name: {e.key: e.value for e in w.external_data} for w in saved.initializer}
    assert sorted(held) == ["codes", "scales", "vocabulary"]
    assert held["vocabulary"] == held["codes"]
    assert data.stat().st_size < 3 * 4096  # two tensors, each at the beginning of a page
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    ids = np.array([[3, 95, 0, 3]])
    (logits,) = session.run(None, {"ids": ids})
    np.testing.assert_allclose(logits[0], words[ids[0]] @ words.T, rtol=1e-4, atol=1e-3)

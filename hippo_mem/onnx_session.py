"""A graph open in onnxruntime on the processor, as this library runs all of its graphs. Knows nothing of what they
compute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_session(model: bytes | Path, *, n_threads: int = 0, weights: Path | None = None) -> Any:
    """An `onnxruntime.InferenceSession` that gives back what a run took.

    Args:
        model: a file, or what stands in one.
        n_threads: that share one product; 0 is one for each core.
        weights: the folder of the weights, for a model that is no file.
    Raises: ValueError with the library's words where it does not take the model.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep what the longest input once needed
    if weights is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(weights))
    try:
        source = model if isinstance(model, bytes) else str(model)
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises classes of its own for each kind of failure
        raise ValueError(f"onnxruntime does not take it: {error}") from error

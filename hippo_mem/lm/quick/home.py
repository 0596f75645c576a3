"""Where exports lie, and whether one can be used: stamped, checksummed, made by one process at a time.

    models/engines/
    ├── smollm2-135m-1f0c9a2b/
    │   ├── int8/                engine.onnx, model.onnx.data, tokenizer, stamp.json
    │   └── int8.failed.json     why the last export was not fit to use
    ├── smollm2-135m-1f0c9a2b-int8.lock
    └── .building-4711/          an export that is not finished; removed by the next one

Knows nothing of graphs or decoding.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from hippo_mem.errors import ModelUnavailable

log = logging.getLogger(__name__)

Precision = Literal["int8", "int4"]
FORMAT = 5  # of the stamp and the graph; another one is exported anew
STAMP = "stamp.json"
_KEPT = ("engine.onnx", "model.onnx.data", "tokenizer.json", "genai_config.json")


class EngineUnavailable(ModelUnavailable):
    """There is no export to decode with; the message says why, and torch answers instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHome:
    """The exports of one model.

    Args: source: the model's folder, as `resolve` gives it. models: the data home's folder of models.
    """

    model: str
    source: Path
    models: Path

    @property
    def root(self) -> Path:
        """All exports of the data home."""
        return self.models / "engines"

    @property
    def key(self) -> str:
        """A folder name for the model: its last name, and a hash of where it lies."""
        name = "".join(c if c.isalnum() or c in "-_." else "-" for c in self.source.name)[:40]
        return f"{name}-{hashlib.sha256(self.model.encode()).hexdigest()[:8]}"

    def folder(self, precision: Precision) -> Path:
        """Where an export of that precision is, or will be."""
        return self.root / self.key / precision

    def lock(self, precision: Precision) -> Path:
        """Held by the one process that exports."""
        return self.root / f"{self.key}-{precision}.lock"

    def failed(self, precision: Precision) -> Path:
        """Says why an export could not be used."""
        return self.root / self.key / f"{precision}.failed.json"

    def ready(self, precision: Precision) -> bool:
        """Whether there is an export of the model as it is now, made by this format and library, and undamaged."""
        stamp = self._read(self.folder(precision) / STAMP)
        if stamp is None or stamp.get("origin") != self.origin():
            return False
        damaged = [
            name for name, sum_ in stamp.get("sha256", {}).items() if _sum(self.folder(precision) / name) != sum_
        ]
        if damaged:
            log.warning("the export in %s is damaged (%s) and is made anew", self.folder(precision), ", ".join(damaged))
        return not damaged

    def reason(self, precision: Precision) -> str:
        """Why the last export of the model as it is now failed, "" when none did."""
        found = self._read(self.failed(precision))
        return str(found["reason"]) if found and found.get("origin") == self.origin() else ""

    def origin(self) -> dict[str, Any]:
        """What an export depends on: format, library, and the model's files (by size and time: they are large)."""
        try:
            files = {
                f.name: [f.stat().st_size, f.stat().st_mtime_ns]
                for f in sorted(self.source.iterdir())
                if f.suffix in (".safetensors", ".json", ".jinja")
            }
            library = version("onnxruntime-genai")
        except OSError as error:
            raise EngineUnavailable(f"{self.source} cannot be read: {error}") from error
        except PackageNotFoundError as error:
            raise EngineUnavailable("onnxruntime-genai is not installed; run: pip install onnxruntime-genai") from error
        return {"format": FORMAT, "onnxruntime-genai": library, "files": files}

    @staticmethod
    def sums(folder: Path) -> dict[str, str]:
        """SHA-256 of an export's files."""
        return {name: _sum(folder / name) for name in _KEPT}

    @staticmethod
    def _read(file: Path) -> dict[str, Any] | None:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None


def night_file(night: Path, precision: Precision) -> Path:
    """Where it is kept how the quick engine agrees with torch on a night."""
    return night / f"engine-{precision}.json"


def _sum(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""

"""What figures rest on: items, settings, model, code. Equal stamps mean equal figures, so a cell is measured once.

Knows nothing of how figures come about.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import hippo_eval
import hippo_mem
from hippo_eval.machine import machine, versions
from hippo_eval.settings import EvalConfig, hash_of
from hippo_eval.suites.items import Suite
from hippo_mem.config import to_dict

# Modules that say, plan or draw what was measured; changing them changes no figure.
_NO_FIGURES = ("report", "matrix.py", "matrix_plan.py", "estimate.py", "summary.py", "demo.py", "demo_exam.py",
               "night_picture.py", "border.py", "schema", "sets", "cards.py", "build.py")  # fmt: skip


def stamp(config: EvalConfig, suite: Suite, *, shares: bool = False) -> str:
    """Sixteen hex digits of everything that decides the figures of a cell.

    Args: shares: whether readings of the run's other cells count in it.
    """
    parts = {
        "config": hash_of(config),
        "batch": [config.batch_size, shares],  # read in other company, prompts round otherwise
        "suite": suite_checksum(suite),
        **foundation(config.model),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def foundation(model: str) -> dict[str, Any]:
    """What every figure of a model rests on."""
    return {"model": model_identity(model), "code": code_version(), "versions": versions()}


def suite_checksum(suite: Suite) -> str:
    """Sixteen hex digits of the items, whatever generated or held them."""
    items = {"teach": [dataclasses.asdict(i) for i in suite.teach], "test": [dataclasses.asdict(i) for i in suite.test]}
    text = json.dumps({**items, "flush": suite.flush}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def model_identity(name: str) -> str:
    """The name; for a folder with the sizes of its weights and its configuration's hash as well."""
    folder = Path(name).expanduser()
    config = folder / "config.json"
    if not config.is_file():
        return name
    weights = sorted((p.name, p.stat().st_size) for p in folder.glob("*.safetensors"))
    return f"{folder.name}:{hashlib.sha256(config.read_bytes()).hexdigest()[:12]}:{weights}"


@cache
def code_version() -> str:
    """Twelve hex digits of the sources by which figures come about: the library, and what asks and scores here."""
    digest = hashlib.sha256()
    for package in (hippo_mem, hippo_eval):
        root = Path(str(package.__file__)).parent
        for file in sorted(root.rglob("*.py")):
            inside = file.relative_to(root)
            if package is hippo_eval and any(part in _NO_FIGURES for part in inside.parts):
                continue
            if package is hippo_mem and inside.parts[0] == "serve":
                continue
            digest.update(f"{package.__name__}/{inside.as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@cache
def git_revision() -> str | None:
    """The commit of the checkout the code runs from, with "+changes" where files differ from it; None without one."""
    root = Path(str(hippo_eval.__file__)).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        revision = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return revision + ("+changes" if changed else "")


def meta(config: EvalConfig, suite: Suite, cell_stamp: str) -> dict[str, Any]:
    """What `meta.json` says of a cell before it is measured."""
    return {
        "stamp": cell_stamp,
        "config": to_dict(config),
        "config_hash": hash_of(config),
        "suite": {
            "name": suite.name, "version": suite.version, "profile": suite.profile, "seed": suite.seed,
            "checksum": suite_checksum(suite), "n_taught": len(suite.teach), "n_questions": len(suite.test),
        },
        "model": config.model,
        "model_identity": model_identity(config.model),
        "git_revision": git_revision(),
        "code_version": code_version(),
        "versions": versions(),
        "machine": machine(),
        "seeds": {"suite": suite.seed, "replay": config.seed, "bootstrap": config.seed},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }  # fmt: skip


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()

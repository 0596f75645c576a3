"""Exports a base for the quick engine, or checks a night on it, in a process of its own.

    python -m hippo_mem.lm.quick.build --model smollm2-135m --models DIR --precision int8 [--night FOLDER]

It takes torch, the builder and seconds of work, so it never runs in the process that answers. An export becomes visible
by one rename, after it agreed with torch; a night's check is one small file in the night's own folder. Exit code 0:
done, 1: it could not be done, or does not agree (the reason on stderr); 3: another process is at it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from hippo_mem.errors import StoreBusy
from hippo_mem.home import locked, make_folder, sync_folder, write_private
from hippo_mem.lm.adapter_gate import gate_layers
from hippo_mem.lm.model import LanguageModel
from hippo_mem.lm.quick import parity
from hippo_mem.lm.quick.graph import prepare
from hippo_mem.lm.quick.home import STAMP, EngineHome, EngineUnavailable, Precision, night_file
from hippo_mem.lm.quick.runtime import GRAPH, QuickEngine
from hippo_mem.lm.source import resolve

log = logging.getLogger(__name__)

BUSY = 3
_WEIGHTS = "model.onnx.data"
_PAGE = 4096  # bytes: a tensor that begins with a page is mapped as it lies
_TEXT_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
# Every matrix in 8 bits, one scale for 64 weights (for 32 it takes an eighth more memory and agrees no better); or 4
# bits, with those layers in 8 that suffer most from 4 (the builder's own choice).
_BUILDER = {"int8": ("int8", ("block_size=64",)), "int4": ("int4", ("algo_config=k_quant_mixed",))}


def build(home: EngineHome, precision: Precision) -> Path:
    """Export, check and publish; returns the folder. Where it is there already, nothing is done.

    Raises: StoreBusy while another process exports; EngineUnavailable when the export fails or disagrees with torch;
        StorageFull.
    """
    make_folder(home.root)
    make_folder(home.folder(precision).parent)
    with locked(home.lock(precision), "exporting a model"):
        if home.ready(precision):
            return home.folder(precision)
        for left in home.root.glob(".building-*"):
            if not _alive(left):
                shutil.rmtree(left, ignore_errors=True)
        scratch = home.root / f".building-{os.getpid()}"
        try:
            make_folder(scratch)
            _export(home, precision, scratch)
            found = _check(home, scratch)
            if not found.passed:
                raise EngineUnavailable(f"the export does not agree with torch: {found}")
            _stamp(home, precision, scratch, found.to_dict())
            _publish(scratch, home.folder(precision))
        except Exception as error:  # the libraries raise classes of their own; none is lost
            _note_failure(home, precision, f"{error}".strip().splitlines()[-1][:300] if f"{error}" else repr(error))
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        home.failed(precision).unlink(missing_ok=True)
    return home.folder(precision)


def check_night(home: EngineHome, precision: Precision, night: Path) -> parity.Parity:
    """Compare torch and the export with a night's adapter on both; the figures are kept in the night's folder."""
    engine = QuickEngine(home.folder(precision), night)
    lm = LanguageModel.load(home.model, models_dir=home.models)
    lm.attach(night)
    found = parity.compare(lm, engine, adapter=True)
    data = {**found.to_dict(), "origin": home.origin()}
    write_private(night_file(night, precision), (json.dumps(data, indent=2) + "\n").encode())
    return found


def export_plain(source: Path, target: Path, precision: str, cache: Path, options: tuple[str, ...] = ()) -> None:
    """Run onnxruntime-genai's model builder: `target` holds model.onnx, its weights, tokenizer and configuration.

    Raises: EngineUnavailable with the builder's last words.
    """
    command = [
        sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", str(source), "-o", str(target), "-p", precision,
        "-e", "cpu", "-c", str(cache), *(("--extra_options", *options) if options else ()),
    ]  # fmt: skip
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet, check=False)
    if done.returncode != 0 or not (target / "model.onnx").is_file():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise EngineUnavailable(f"the model builder of onnxruntime-genai failed on {source}: {last[0][:300]}")


def _export(home: EngineHome, precision: Precision, scratch: Path) -> None:
    name, options = _BUILDER[precision]
    export_plain(home.source, scratch, name, scratch / "cache", options)
    shutil.rmtree(scratch / "cache", ignore_errors=True)
    for file in _TEXT_FILES:  # as the model has them: the builder saves its own reading of them
        if (home.source / file).is_file():
            shutil.copyfile(home.source / file, scratch / file)
    about = json.loads((scratch / "genai_config.json").read_text(encoding="utf-8"))["model"]
    layers = gate_layers(int(about["decoder"]["num_hidden_layers"]))
    prepare(scratch / "model.onnx", scratch / GRAPH, [i for i in layers if i > 0])
    (scratch / "model.onnx").unlink()
    _drop_unused(scratch)
    _stamp(home, precision, scratch, None)


def _drop_unused(scratch: Path) -> None:
    """Write the weights anew without those that the rewritten graph reads no more; what two read is written once."""
    model = onnx.load(scratch / GRAPH, load_external_data=False)
    old, new = scratch / _WEIGHTS, scratch / f"{_WEIGHTS}.new"
    written: dict[tuple[int, int], int] = {}
    with old.open("rb") as source, new.open("wb") as target:
        for tensor in model.graph.initializer:
            place = {entry.key: entry.value for entry in tensor.external_data}
            if not place:
                continue
            source.seek(start := int(place.get("offset", 0)))
            data = source.read(int(place["length"]))
            if (start, len(data)) not in written:
                target.write(bytes(-target.tell() % _PAGE))
                written[start, len(data)] = target.tell()
                target.write(data)
            del tensor.external_data[:]
            for key, value in (
                ("location", _WEIGHTS), ("offset", str(written[start, len(data)])), ("length", str(len(data)))
            ):  # fmt: skip
                tensor.external_data.add(key=key, value=value)
    new.replace(old)
    onnx.save(model, scratch / GRAPH)


def _stamp(home: EngineHome, precision: Precision, scratch: Path, found: dict[str, Any] | None) -> None:
    graph = onnx.load(scratch / GRAPH, load_external_data=False).graph
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in graph.input}
    widths = {name: max(shape) for name, shape in shapes.items() if name.startswith("lora.")}
    stamp = {
        "precision": precision, "model": home.model, "origin": home.origin(), "adapter_inputs": widths,
        "layers": sorted(int(o.name.split(".")[1]) for o in graph.output if o.name.startswith("states.")),
        "parity": found, "sha256": home.sums(scratch) if found else {},
    }  # fmt: skip
    write_private(scratch / STAMP, (json.dumps(stamp, indent=1) + "\n").encode())


def _check(home: EngineHome, scratch: Path) -> parity.Parity:
    lm = LanguageModel.load(home.model, models_dir=home.models)
    return parity.compare(lm, QuickEngine(scratch))


def _publish(scratch: Path, target: Path) -> None:
    for file in scratch.iterdir():
        file.chmod(0o600)
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    old = target.with_name(f".old-{target.name}-{os.getpid()}")
    if target.exists():
        target.rename(old)
    scratch.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _note_failure(home: EngineHome, precision: Precision, reason: str) -> None:
    data = {"reason": reason, "origin": home.origin()}
    write_private(home.failed(precision), (json.dumps(data) + "\n").encode())


def _alive(scratch: Path) -> bool:
    try:
        os.kill(int(scratch.name.rsplit("-", 1)[1]), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def main(argv: list[str] | None = None) -> int:
    """Parse, do, and say by the exit code how it went."""
    parser = argparse.ArgumentParser(prog="hippo_mem.lm.quick.build")
    parser.add_argument("--model", required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--precision", choices=sorted(_BUILDER), required=True)
    parser.add_argument("--night", type=Path)
    args = parser.parse_args(argv)
    np.seterr(over="ignore")
    try:
        home = EngineHome(model=args.model, source=resolve(args.model, args.models), models=args.models)
        build(home, args.precision)
        if args.night is not None:
            found = check_night(home, args.precision, args.night)
            if not found.passed:
                raise EngineUnavailable(f"the night does not answer as it does on torch: {found}")
    except StoreBusy as error:
        sys.stderr.write(f"{error}\n")
        return BUSY
    except Exception as error:  # the border of a process: its parent reads the reason
        log.debug("where it came from", exc_info=True)
        sys.stderr.write(" ".join(f"{error}".split()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

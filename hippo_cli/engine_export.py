"""`hippo export onnx --out DIR`: the model as a folder that plain onnxruntime loads. Knows nothing of graphs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import typer

from hippo_cli.plain import print_json
from hippo_cli.session import Session
from hippo_mem.errors import InputError


class Precision(StrEnum):
    """How weights are stored."""

    FP32 = "fp32"
    INT8 = "int8"
    INT4 = "int4"


def export_model(session: Session, out: Path, precision: Precision, with_night: bool) -> None:
    """Write the folder and print how it agrees with torch.

    Raises: InputError when `out` holds something already, or there is no night to bake in.
    """
    from hippo_mem.lm.quick.exporting import export_onnx

    with session.open() as hippo:
        night = hippo.night_folder
        if with_night and night is None:
            raise InputError("there is no night to bake in; leave --with-night out, or run: hippo sleep")
        done = export_onnx(
            hippo.model_name, hippo.home.models, out, precision.value, night=night if with_night else None
        )
    if session.as_json:
        print_json(done)
        return
    typer.echo(
        f"{out}: {done.precision}, {done.n_bytes / 1e6:.0f} MB; on {done.n_prompts} prompts the same likeliest "
        f"token as torch at {done.top1:.3f} of {done.n_tokens} positions, KL {done.kl:.5f} nats"
    )

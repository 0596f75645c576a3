"""The commands that measure: demo and eval. Knows nothing of how a figure comes about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hippo_cli.plain import one_line, print_json
from hippo_cli.progress import StageBars
from hippo_cli.session import Session, with_session
from hippo_mem.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(name="demo")(with_session(demo))
    app.command(name="eval")(with_session(evaluate, without=("as_json",)))


def demo(
    session: Session,
    n: Annotated[int, typer.Option("--n", min=1, max=1000, help="How many stories are told.")] = 50,
    seed: Annotated[int, typer.Option(help="Which stories.")] = 1337,
    out: Annotated[Path, typer.Option(help="Where metrics.json, night.png and the demo's own home go.")] = Path(
        "runs/demo"
    ),
) -> None:
    """Watch it happen: told once, recalled at once, asleep, asked again in a new process without its memory.

    About five minutes on two cores. Your own memories are not touched.

    Example: hippo demo --n 50 --seed 1337
    """
    from hippo_eval.demo import run_demo

    with StageBars() as bars:
        metrics = run_demo(
            n=n,
            seed=seed,
            out_dir=out,
            model=session.model_name,
            models_home=session.home,
            progress=bars,
        )
    if session.as_json:
        print_json(metrics)
    else:
        _tell_story(metrics, out)


def _tell_story(metrics: dict[str, Any], out: Path) -> None:
    console = Console(highlight=False)
    console.print()
    for example in metrics["examples"]:
        console.print(Text.assemble(("told once      ", "dim"), (one_line(example["fact"]), "bold")))
        console.print(Text.assemble(("asked          ", "dim"), one_line(example["question"])))
        for label, key in (
            ("before", "before_off"),
            ("at once", "memory_on"),
            ("after sleep", "after_off_sealed"),
        ):
            reply = example[key]
            mark = ("✓ ", "green") if reply["right"] else ("✗ ", "red")
            console.print(Text.assemble((f"  {label:<13}", "dim"), mark, one_line(reply["said"], 70)))
        console.print()
    console.print(
        f"After the night {metrics['n_questions']} questions were asked in a new process, "
        "with the store taken away, in words it was never trained on."
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("figure", "reached", "bar", ""):
        table.add_column(name, justify="left" if name in ("figure", "") else "right")
    for bar in metrics["bars"]:
        value = "none" if bar["value"] is None else f"{bar['value']:.4g}"
        limit = f"{'≤' if bar['sign'] == '<=' else '≥'} {bar['bar']:g}"
        table.add_row(bar["metric"], value, limit, Text("✓", "green") if bar["reached"] else Text("✗", "red"))
    console.print(Padding(table, (1, 0)))
    console.print(f"{out / 'metrics.json'}, {out / 'night.png'}; {metrics['seconds']:.0f} s in all", style="dim")


def evaluate(
    session: Session,
    teach: Annotated[Path | None, typer.Option(help='What is told: JSONL of {"fact", "context_key"}.')] = None,
    test: Annotated[
        Path | None, typer.Option(help='What is asked: JSONL of {"prompt", "answer", "context_key"}.')
    ] = None,
    set_name: Annotated[
        str | None,
        typer.Option(
            "--set", metavar="NAME", help="A third-party set instead: babi, locomo, counterfact, mmlu or known_facts."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the set lies (default: $HIPPO_DATA/NAME).")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many questions or edits of a set, evenly spread.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="How: a name under configs/eval (default: memory/hei_nw, for sets memory/all).")
    ] = None,
    sleep: Annotated[bool, typer.Option("--sleep", help="Let one night pass between telling and asking.")] = False,
    memory_off: Annotated[bool, typer.Option("--memory-off", help="Ask the weights alone.")] = False,
    isolate: Annotated[
        Literal["key", "none"], typer.Option(help="key: an item sees only facts of its own context_key.")
    ] = "key",
    config: Annotated[str, typer.Option(help="The night's recipe, as for `hippo sleep`.")] = "default",
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Measure on your own questions: tell, perhaps sleep, ask, score. Or on a set that others made.

    Example: hippo eval --teach T.jsonl --test Q.jsonl --preset memory/hei_nw --sleep --memory-off --json out.json
    Example: hippo eval --set babi --data DIR --json out.json
    Example: hippo eval --set counterfact --data DIR --limit 20 --json out.json
    """
    if set_name is not None:
        if teach or test or sleep or memory_off or isolate != "key":
            raise InputError(
                "--set goes with --data, --limit, --preset, --model, --config and --json alone: a set brings its own "
                "questions"
            )
        _evaluate_set(session, set_name, data, limit, preset, config, json_file)
        return
    if teach is None or test is None or data is not None or limit is not None:
        raise InputError("give --teach FILE and --test FILE, or --set NAME with --data DIR (and --limit N)")
    from hippo_eval.harness import run_files

    with StageBars() as bars:
        result = run_files(
            teach=teach,
            test=test,
            preset=preset or "memory/hei_nw",
            sleep=sleep,
            memory_off=memory_off,
            isolate=isolate,
            model=session.model_name,
            consolidation=config,
            out=json_file,
            progress=bars,
        )
    _print_figures(result, json_file)


def _evaluate_set(
    session: Session, name: str, data: Path | None, limit: int | None, preset: str | None, recipe: str,
    json_file: Path | None,
) -> None:  # fmt: skip
    from hippo_eval.sets.choose import DEFAULT_PRESET, run_set
    from hippo_eval.sets.tables import rows

    with StageBars() as bars:
        result = run_set(
            name, data=data, preset=preset or DEFAULT_PRESET, model=session.model_name, limit=limit, home=session.home,
            user=session.user or "default", consolidation=recipe, out=json_file, progress=bars,
        )  # fmt: skip
    header, *figures = rows(result)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in header:
        table.add_column(column, justify="left" if column == header[0] else "right")
    for row in figures:
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{result['seconds']:.0f} s in all{f'; {json_file}' if json_file else ''}", style="dim")


def _print_figures(result: dict[str, Any], json_file: Path | None) -> None:
    console = Console(highlight=False)
    for name in ("em", "em_raw", "f1", "n", "hit_rate", "success_rate", "suboptimality"):
        if result.get(name) is not None:
            console.print(f"{name:<14} {result[name]:.4g}")
    if json_file is not None:
        console.print(f"{json_file}", style="dim")

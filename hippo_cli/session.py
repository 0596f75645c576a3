"""The options that every command takes, and the memory they open.

`hippo --home X status` and `hippo status --home X` mean the same. Precedence: after the command, before the command,
environment, default. Knows nothing of any single command.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hippo_mem.memory import Hippo

DEFAULT_USER = "default"
DEFAULT_MODEL = "smollm2-135m"

_PANEL = "Options of every command"
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Data home; $HIPPO_HOME says it too.", rich_help_panel=_PANEL),
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", metavar="ID", help="Whose memory (default: default).", rich_help_panel=_PANEL),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Bundled name, folder or hub id (default: $HIPPO_MODEL, else smollm2-135m).",
        rich_help_panel=_PANEL,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout.", rich_help_panel=_PANEL)]
VerboseOption = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Say more on stderr; show where an error came from.", rich_help_panel=_PANEL),
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who asks, where the data is, and how to answer. `None` leaves the choice to the library."""

    home: Path | None = None
    user: str | None = None
    model: str | None = None
    as_json: bool = False
    verbose: bool = False

    def over(self, other: Session) -> Session:
        """This session where it says something, else `other`."""
        return Session(
            home=self.home or other.home,
            user=self.user or other.user,
            model=self.model or other.model,
            as_json=self.as_json or other.as_json,
            verbose=self.verbose or other.verbose,
        )

    @property
    def model_name(self) -> str:
        """The model asked for: command line, environment, default."""
        return self.model or os.environ.get("HIPPO_MODEL") or DEFAULT_MODEL

    def open(self, *, engine: str = "torch") -> Hippo:
        """The user's memory. Loads the library, so it is called inside a command, never at import.

        Args: engine: what answers, as in `HippoConfig`.
        """
        from hippo_mem.memory import Hippo, HippoConfig

        config = HippoConfig(engine=engine)  # type: ignore[arg-type]  # checked when it is opened
        return Hippo.open(self.home, self.user or DEFAULT_USER, model=self.model_name, config=config)


_SHARED: tuple[tuple[str, Any, Any], ...] = (
    ("home", HomeOption, None),
    ("user", UserOption, None),
    ("model", ModelOption, None),
    ("as_json", JsonOption, False),
    ("verbose", VerboseOption, False),
)


def with_session(command: Callable[..., None], *, without: Sequence[str] = ()) -> Callable[..., None]:
    """Let a function of (session, its own options...) be a typer command that also takes the shared options.

    Args:
        command: a function whose first parameter is `session`; it may ask for `typer_context`.
        without: fields of `Session` whose option the command has another use for (`eval` has a `--json FILE`).
    """
    only_by_name = inspect.Parameter.KEYWORD_ONLY
    named = inspect.signature(command, eval_str=True).parameters
    own = [p.replace(kind=only_by_name) for name, p in named.items() if name not in ("session", "typer_context")]
    shared = [
        inspect.Parameter(name, only_by_name, default=default, annotation=hint)
        for name, hint, default in _SHARED
        if name not in without
    ]
    context = inspect.Parameter("typer_context", only_by_name, annotation=typer.Context)

    @functools.wraps(command)
    def run(**given: Any) -> None:
        before = given["typer_context"].obj or Session()
        session = Session(**{p.name: given.pop(p.name) for p in shared}).over(before)
        if "typer_context" not in named:
            del given["typer_context"]
        command(session=session, **given)

    parameters = [context, *own, *shared]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run

"""Where the YAML configurations are: inside the installed package, or in the checkout's `configs/`.

Knows nothing of what they mean.
"""

from __future__ import annotations

from pathlib import Path

from hippo_mem.errors import ConfigError, nearest

_PACKAGE = Path(__file__).resolve().parent


def configs_dir() -> Path:
    """The folder of configurations.

    Raises: ConfigError when neither place has it: the installation is incomplete.
    """
    for folder in (_PACKAGE / "_configs", _PACKAGE.parent / "configs"):
        if folder.is_dir():
            return folder
    raise ConfigError(f"no configurations beside {_PACKAGE} nor in a checkout's configs/; install hippo again")


def find_config(name: str | Path, kind: str | None = None) -> Path:
    """The file of a configuration.

    Args:
        name: an existing path, taken as it is, or a path below `configs/` ("consolidation/lora_small.yaml",
            "configs/consolidation/lora_small.yaml"; ".yaml" may be left out).
        kind: a folder below `configs/` to look in as well, so that "lora_small" is enough.
    Raises: ConfigError naming the nearest one that exists.
    """
    given = Path(name).expanduser()
    if given.is_file():
        return given
    folder = configs_dir()
    if not given.is_absolute():
        below = Path(*given.parts[1:]) if given.parts[:1] == ("configs",) else given
        if ".." not in below.parts and below.parts:
            places = [folder / below, *([folder / kind / below] if kind else [])]
            for place in places:
                for file in (place, place.with_name(place.name + ".yaml")):
                    if file.is_file():
                        return file
    root = folder / kind if kind else folder
    known = sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.yaml"))
    raise ConfigError(f"no config {str(name)!r}{nearest(str(name).removesuffix('.yaml'), known)}")

"""What an installation gets: the packages, their configurations, their data; and the pins agree with the ranges."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)")


def _pins(name: str) -> dict[str, str]:
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith(("#", " ")):
            match = PIN.match(line)
            assert match, f"{name}: not an exact pin: {line!r}"
            found[match[1].lower().replace("_", "-")] = match[2]
    return found


def test_every_range_holds_its_pin():
    pins = _pins("requirements.txt")
    extras = PROJECT["project"]["optional-dependencies"]["dev"]
    for text in [*PROJECT["project"]["dependencies"], *extras]:
        wanted = Requirement(text)
        assert pins[wanted.name.lower().replace("_", "-")] in wanted.specifier, text


def test_no_requirement_names_an_index_or_a_path():
    for name in ("requirements.txt", "requirements-models.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "index-url" not in text
        assert "file:" not in text


def test_every_model_file_is_hashed():
    text = (ROOT / "requirements-models.txt").read_text()
    assert len(_pins("requirements-models.txt")) == len(re.findall(r"--hash=sha256:[0-9a-f]{64}$", text, re.M)) == 3


def test_every_configuration_is_yaml():
    files = sorted((ROOT / "configs").rglob("*.yaml"))
    assert files
    for file in files:
        assert isinstance(yaml.safe_load(file.read_text()), dict | None), file


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_packages_configurations_and_data(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("hippo_mem", "hippo_eval", "hippo_cli"):
        assert f"{package}/py.typed" in names
        assert f"{package}/__init__.py" in names
    for file in (ROOT / "configs").rglob("*.yaml"):
        assert f"hippo_mem/_configs/{file.relative_to(ROOT / 'configs').as_posix()}" in names
    for package in ("hippo_mem", "hippo_eval"):
        for file in (f for kind in ("*.jsonl", "*.safetensors") for f in (ROOT / package).rglob(kind)):
            assert file.relative_to(ROOT).as_posix() in names
    assert not [n for n in names if n.startswith(("tests/", "configs/", "runs/")) or "__pycache__" in n]


def test_an_installation_finds_its_configurations_and_its_command(wheel: Path, tmp_path: Path):
    """In an environment of its own that borrows this one's libraries: nothing is fetched."""
    place = tmp_path / "env"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    import typer

    (Path(site) / "borrowed.pth").write_text(str(Path(typer.__file__).parent.parent) + "\n")
    code = (
        "import hippo_mem.configs_path as c, pathlib; f = c.find_config('lora_small', 'consolidation'); "
        f"assert f.is_relative_to({site!r}), f"
    )
    subprocess.run([python, "-c", code], check=True, cwd=tmp_path)
    done = subprocess.run([place / "bin" / "hippo", "--help"], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert "remember" in done.stdout

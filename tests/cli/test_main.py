"""The command as a whole: what it starts, what it imports, how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import deployer
from deployer.cli import COMMANDS, SYSTEM_CONFIG, default_config, main
from deployer.cli.lazy import Command, LazyGroup
from tests.cli.world import World


@click.command()
def fall() -> None:
    """A command with a fault."""
    raise ZeroDivisionError("division by zero")


HEAVY = ("rich", "pydantic", "sqlalchemy", "docker", "flask", "structlog", "jinja2")


def test_the_overview_imports_no_heavy_library_and_no_command() -> None:
    code = (
        "import sys\n"
        "from deployer.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "loaded += [m for m in sys.modules if m.startswith('deployer.cli.status')]\n"
        "sys.exit(str(loaded) if loaded else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for part in COMMANDS.values() for name in part)


@pytest.mark.parametrize("name", [name for part in COMMANDS.values() for name in part])
def test_every_command_of_the_overview_is_there_and_has_help(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"{name} [OPTIONS]" in result.stdout


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"deployer {deployer.__version__}\n"


def test_the_configuration_is_the_named_one_else_the_one_here_else_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_config({}) == SYSTEM_CONFIG
    (tmp_path / "config.yml").touch()
    assert default_config({}) == Path("config.yml")
    assert default_config({"DEPLOYER_CONFIG": "/x/other.yml"}) == Path("/x/other.yml")


def test_a_configuration_that_is_not_there_ends_with_2_and_its_name(tmp_path: Path) -> None:
    missing = tmp_path / "none.yml"
    result = CliRunner().invoke(main, ["--config", str(missing), "status"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(missing) in result.stderr


def test_an_unknown_command_ends_with_2() -> None:
    result = CliRunner().invoke(main, ["stats"])
    assert result.exit_code == 2
    assert "stats" in result.stderr


def test_any_other_error_is_one_line_and_its_evidence_on_stderr_and_ends_with_1(
    world: World,
) -> None:
    world.store.close()
    for file in (world.folder / "state").iterdir():
        file.unlink()
    result = world.run("status")
    assert (result.exit_code, result.stdout) == (1, "")
    first, *evidence = result.stderr.splitlines()
    assert first.startswith("error: the store ")
    assert all(line.startswith("  the store ") for line in evidence)


def test_a_fault_of_ours_is_one_line_and_its_traceback_is_in_a_file(tmp_path: Path) -> None:
    broken = LazyGroup(
        "broken", sections={"Run": {"fall": Command("tests.cli.test_main:fall", "falls")}}
    )
    result = CliRunner().invoke(broken, ["fall"], env={"TMPDIR": str(tmp_path)})
    assert result.exit_code == 1
    assert result.stdout == ""
    match = re.fullmatch(
        r"error: a fault in deployer itself \(ZeroDivisionError\)\. "
        r"The details are in (\S+); please report it\n",
        result.stderr,
    )
    assert match
    details = Path(match[1])
    assert "ZeroDivisionError: division by zero" in details.read_text()
    assert details.stat().st_mode & 0o077 == 0
    details.unlink()

"""Runs examples/ci as CI does: the script by itself, and the steps of the workflow."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.lab.shell import LAB, open_folder

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = EXAMPLES / "ci" / "pipeline.sh"
README = EXAMPLES / "ci" / "README.md"
WORKFLOW = EXAMPLES / "ci" / "github-actions.yml"
VENV = LAB / "pipeline-venv"
"""Kept from one run of the tests to the next, which saves a minute of downloads."""

Done = subprocess.CompletedProcess[str]

_EXPRESSION = re.compile(r"\$\{\{ *(\S+) *\}\}")
# Those of a developer who has set some must not decide a test.
_SETTINGS = ("REGISTRY", "IMAGE", "TAG", "REPORTS", "MIN_COVERAGE", "VENV", "WAIT_LIMIT")


def run(argv: list[str], folder: Path, settings: Mapping[str, str], limit: float = 600) -> Done:
    """Run it in a folder with these environment variables and none of the developer's own."""
    open_folder(LAB)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _SETTINGS and not name.startswith("DEPLOYER_")
    }
    given = {"PYTHON": sys.executable, "DOCKER_BUILDKIT": "0", **settings}
    return subprocess.run(
        argv,
        env={**kept, **given},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


def pipeline(folder: Path, *arguments: str, **settings: str) -> Done:
    """Run the script as `sh pipeline.sh ...` does."""
    return run(["sh", str(SCRIPT), *arguments], folder, settings)


def readme(number: int, folder: Path, app: str, **settings: str) -> Done:
    """Run the lines that README.md shows, for this app."""
    lines = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    typed = lines[number].replace("path/to/app", shlex.quote(app))
    return run(["bash", "-e", "-c", typed.replace("pipeline.sh", str(SCRIPT))], folder, settings)


def workflow() -> dict[str, Any]:
    """The workflow as GitHub reads it."""
    found = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def steps(job: str) -> list[dict[str, Any]]:
    """The steps of a job that run lines of shell."""
    return [one for one in workflow()["jobs"][job]["steps"] if "run" in one]


def step(job: str, name: str, folder: Path, values: Mapping[str, str], **instead: str) -> Done:
    """Run a step of the workflow as GitHub does, with values for its ${{ expressions }}.

    `instead` are variables of the workflow that are others on this machine.
    """
    (found,) = (one for one in steps(job) if one["name"] == name)
    given = {**workflow()["env"], **found.get("env", {})}
    filled = {
        key: _EXPRESSION.sub(lambda match: values[match[1]], value) for key, value in given.items()
    }
    return run(["bash", "-e", "-c", found["run"]], folder, {**filled, **instead})

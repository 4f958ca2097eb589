"""How the pipeline is used: what it asks for, what it leaves behind, and its workflow."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples.pipeline import SCRIPT, VENV, Done, pipeline, readme, step, steps, workflow
from tests.lab.packages import ensure
from tests.lab.ports import free_port
from tests.lab.shell import run

CHECKOUT = SCRIPT.parents[2]
TOKEN = "canary-use-2a6f08c4d71b935e-Kd"
APP = """
def answer(loud: bool) -> str:
    if loud:
        return "HELLO"
    return "hello"
"""
TESTS = f"""
import os

from app import answer


def test_answer() -> None:
    assert answer(False) == "hello"


def test_the_token_is_not_for_tests() -> None:
    assert {TOKEN!r} not in os.environ.values()
"""
DOCKER = """#!/bin/sh
# Writes down how it was called, and says what Docker says after a push.
printf '%s\\n' "---" "$@" >> "$CALLS"
[ "$1" != push ] || echo "latest: digest: sha256:$(printf %064d 7) size: 7"
"""


def small_app(where: Path) -> Path:
    """An app in a folder whose name has a blank."""
    folder = where / "my app"
    (folder / "tests").mkdir(parents=True)
    (folder / "app.py").write_text(APP)
    (folder / "tests" / "test_app.py").write_text(TESTS)
    (folder / "requirements.txt").write_text("")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


def with_docker(where: Path) -> dict[str, str]:
    """Where to push, with a `docker` that only writes down how it was called."""
    program = where / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    return {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "CALLS": str(where / "calls"),
        "REGISTRY": "registry.test",
        "IMAGE": "acme/shop",
        "VENV": str(VENV),
    }


def tag_it(app: Path, version: str) -> None:
    """Make it a Git repository with one commit that has this tag."""
    if shutil.which("git") is None:
        ensure("git")
    git = ["git", "-C", str(app), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"], ["tag", version]):
        run([*git, *command])


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The small app."""
    return small_app(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The variables of the script."""
    return with_docker(tmp_path)


def calls(tmp_path: Path) -> list[list[str]]:
    """How docker was called."""
    said = (tmp_path / "calls").read_text()
    return [call.splitlines() for call in said.split("---\n")[1:]]


def files(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@dataclass(frozen=True)
class Ran:
    """A run of the whole for the small app, and what was in its folder before."""

    folder: Path
    before: list[str]
    done: Done


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """README's line with arguments for Docker, without an environment to keep."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "tmp").mkdir()
    app, settings = small_app(folder), with_docker(folder)
    tag_it(app, "v1.4")
    before = files(app)
    settings |= {"VENV": "", "TMPDIR": str(folder / "tmp"), "TAG": "live", "DEPLOYER_TOKEN": TOKEN}
    return Ran(folder, before, readme(1, folder, str(app), **settings))


def test_it_leaves_nothing_but_the_reports(ran: Ran) -> None:
    """Not in the app's folder, and no environment of its own unless one was named."""
    assert ran.done.returncode == 0, ran.done.stdout + ran.done.stderr
    assert files(ran.folder / "my app") == ran.before
    assert files(ran.folder / "tmp") == []
    reports = {path.name for path in (ran.folder / "reports").iterdir()}
    assert reports == {"coverage.md", "coverage.xml", "html", "junit.xml"}


def test_docker_is_given_the_version_of_git_the_tags_and_what_follows_the_dashes(ran: Ran) -> None:
    """The version is pushed before the tag that deploys."""
    build, *pushes = calls(ran.folder)
    assert build[:3] == ["build", "--build-arg", "VERSION=v1.4"]
    indexes = "https://pypi.example.com/simple https://wheels.example.com"
    extra = ["--pull", "--build-arg", f"PIP_EXTRA_INDEX_URL={indexes}"]
    assert build[-4:] == [*extra, str(ran.folder / "my app")]
    image = "registry.test/acme/shop"
    assert pushes == [["push", f"{image}:v1.4"], ["push", f"{image}:live"]]
    assert f"{image}:live is v1.4, sha256:{7:064d}" in ran.done.stdout


def test_each_stage_is_announced_and_waiting_is_none_without_a_hook(ran: Ran) -> None:
    stages = [line for line in ran.done.stdout.splitlines() if line.startswith("== ")]
    assert stages == ["== install", "== test", "== build", "== push"]


def test_too_little_coverage_stops_it_before_the_build(
    tmp_path: Path, app: Path, settings: dict[str, str]
) -> None:
    """README's first line. The report is there all the same: it says what is missing."""
    tag_it(app, "v1")
    done = readme(0, tmp_path, str(app), MIN_COVERAGE="90", **settings)
    assert done.returncode == 1
    assert "2 passed" in done.stdout
    assert "the stage test failed, nothing after it was done" in done.stderr
    assert (tmp_path / "reports" / "html" / "index.html").is_file()
    assert not (tmp_path / "calls").exists()


def test_it_does_not_wait_for_ever(tmp_path: Path, app: Path, settings: dict[str, str]) -> None:
    """Here with an environment that is named by a relative path."""
    settings["VENV"] = os.path.relpath(VENV, tmp_path)
    hook = f"http://127.0.0.1:{free_port()}/hooks/ci"
    given = {"DEPLOYER_HOOK": hook, "DEPLOYER_TOKEN": TOKEN, "WAIT_LIMIT": "0"}
    done = pipeline(tmp_path, "--version", "v1", str(app), **settings, **given)
    assert done.returncode == 1
    assert "no outcome after 0 s. The last answer was none" in done.stderr
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--faster"], {}, "there is no option --faster. --help lists them"),
        (["--version"], {}, "--version needs a value"),
        (["--until", "lunch"], {}, "there is no stage 'lunch'. --help lists them"),
        (["other"], {}, "my app is the app already, other would be a second one"),
        ([], {"REGISTRY": ""}, "REGISTRY is not set. It is a host, such as docker.io"),
        ([], {"IMAGE": ""}, "IMAGE is not set. It is a repository, such as acme/shop"),
        (["--version", "1"], {"TAG": "a b"}, "TAG cannot be the tag of an image: 'a b'"),
        (["--version", "v1+2"], {}, "the version cannot be the tag of an image: 'v1+2'"),
        ([], {}, "my app is in no Git repository with a commit. Name the version with --version"),
        ([], {"PYTHON": "python4"}, "python4 is not installed. Install Python 3, or set PYTHON"),
        (["--until", "wait", "--version", "1"], {}, "DEPLOYER_HOOK is not set"),
        (["--version", "1"], {"DEPLOYER_HOOK": "http://x"}, "DEPLOYER_TOKEN is not set"),
        ([], {"MIN_COVERAGE": "all"}, "MIN_COVERAGE is not a whole number: 'all'"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line_before_anything_is_done(
    tmp_path: Path,
    app: Path,
    settings: dict[str, str],
    arguments: list[str],
    environment: dict[str, str],
    words: str,
) -> None:
    given = {**settings, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent), **environment}
    done = pipeline(tmp_path, "my app", *arguments, **given)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("pipeline.sh: ")
    assert words in line


@pytest.mark.parametrize("program", ["docker", "git", "curl"])
def test_a_program_that_is_not_installed_is_named(
    tmp_path: Path, app: Path, settings: dict[str, str], program: str
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in {"sh", "dirname", "docker", "git", "curl"} - {program}:
        # It is only looked for, except for the first two.
        (bare / name).symlink_to(shutil.which(name) or shutil.which("sh") or "")
    given = {"DEPLOYER_HOOK": "http://x", "DEPLOYER_TOKEN": TOKEN}
    version = [] if program == "git" else ["--version", "1"]
    done = pipeline(tmp_path, "my app", *version, **{**settings, **given, "PATH": str(bare)})
    assert done.returncode == 2
    assert f"pipeline.sh: {program} is not installed. " in done.stderr


@pytest.mark.parametrize("missing", ["my app", "my app/requirements.txt", "my app/Dockerfile"])
def test_a_folder_that_is_no_app_is_said_to_be_none(
    tmp_path: Path, app: Path, settings: dict[str, str], missing: str
) -> None:
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    done = pipeline(tmp_path, "my app", **settings)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert Path(missing).name in line


def test_help_names_every_variable_that_the_script_reads() -> None:
    said = pipeline(CHECKOUT, "--help").stdout
    read = {"REGISTRY", "IMAGE", "TAG", "REPORTS", "MIN_COVERAGE", "PYTHON", "VENV", "WAIT_LIMIT"}
    for name in read | {"DEPLOYER_HOOK", "DEPLOYER_TOKEN"}:
        assert f"  {name} " in said
        assert f"${{{name}:-" in SCRIPT.read_text()


def test_a_pull_request_is_tested_by_the_script_and_summed_up(tmp_path: Path) -> None:
    """The steps of the workflow's job `test`, one after the other, on the example app."""
    own = {"REPORTS": str(tmp_path / "reports"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    for one in steps("test"):
        done = step("test", one["name"], CHECKOUT, {}, VENV=str(VENV), **own)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "TOTAL" in (tmp_path / "summary").read_text()


def test_a_pull_request_gets_neither_secrets_nor_the_right_to_write() -> None:
    """Whoever opens one chooses what the tests do."""
    found = workflow()
    assert found["permissions"] == {"contents": "read"}
    assert found["jobs"]["test"]["if"] == "github.event_name == 'pull_request'"
    assert found["jobs"]["deploy"]["if"] == "github.event_name == 'push'"
    assert "secrets." not in str(found["jobs"]["test"])


def test_both_jobs_leave_the_work_to_the_script() -> None:
    """So that what runs in CI can be run anywhere."""
    lines = {job: [one["run"] for one in steps(job)] for job in ("test", "deploy")}
    summary = 'cat "$REPORTS/coverage.md" >> "$GITHUB_STEP_SUMMARY"'
    assert lines == {
        "test": ['sh "$PIPELINE" --until test "$APP"', summary],
        "deploy": ['sh "$PIPELINE" "$APP"', summary],
    }

"""The pipeline end to end: a commit's tests, image and push, and the new version live."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.engine.notifications import notifications
from tests.engine.world import World, world
from tests.examples.pipeline import EXAMPLES, SCRIPT, VENV, Done, pipeline, step
from tests.lab.engine import ensure_engine
from tests.lab.images import ensure_base_images, present
from tests.lab.pip_in_builds import build_arguments, context
from tests.lab.ports import free_port
from tests.lab.registry import Registry
from tests.lab.shell import run
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root]

HELLO = EXAMPLES / "hello"
TOKEN = "canary-pipeline-5e8c0d72b1a94f36-Xw"


@dataclass(frozen=True)
class Project:
    """A checkout of the app, the registry it is pushed to, and the deployer that is told."""

    folder: Path
    app: Path
    registry: Registry
    made: World

    @property
    def settings(self) -> dict[str, str]:
        """What a CI job is given."""
        return {
            "REGISTRY": self.registry.address,
            "IMAGE": self.made.web.repository,
            "REPORTS": str(self.folder / "reports"),
            "VENV": str(VENV),
        }

    @property
    def waiting(self) -> dict[str, str]:
        """What it is given besides where it is to wait for the outcome."""
        url = f"http://127.0.0.1:{self.made.deployer.receiver_port}/hooks/ci"
        return {"DEPLOYER_HOOK": url, "DEPLOYER_TOKEN": TOKEN}

    def push(self, version: str, app: Path | None = None, **more: str) -> Done:
        """Run the pipeline for this version of the app, with what this machine's builds need."""
        given = {**self.settings, **more}
        arguments = ("--version", version, str(app or self.app), "--", *build_arguments())
        return pipeline(self.folder, *arguments, **given)


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """A deployer that has never seen the app, and an empty registry that tells it of pushes."""
    ensure_engine()
    ensure_base_images()
    with ExitStack() as stack:
        path = stack.enter_context(folder("pipeline"))
        app = stack.enter_context(context(HELLO))
        registry = stack.enter_context(Registry(free_port(), path / "registry"))
        config = {"registry": registry}
        made = stack.enter_context(world("pipeline", web=config))
        own = {"source": "distribution", "token_file": "secrets/dockerhub.token"}
        ci = {"source": "generic", "token_file": made.secret("ci.token", TOKEN)}
        made.configure(hooks={"registry": own, "ci": ci})
        registry.notify(notifications(made.deployer, "registry"))
        made.deployer.start()
        made.deployer.wait_ended(1)
        yield Project(path, app, registry, made)
        forget(made.web.image)


def forget(image: str) -> None:
    """Remove the names that the pipeline gave images of this machine."""
    names = run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", image]).split()
    if tagged := [name for name in names if not name.endswith(":<none>")]:
        run(["docker", "rmi", *tagged])


@pytest.fixture(scope="module")
def first(project: Project) -> Done:
    """The pipeline's run for v1."""
    return project.push("v1")


def test_the_push_alone_puts_the_new_version_live(project: Project, first: Done) -> None:
    """The registry tells deployer; nobody types anything, and the script does not call it."""
    assert first.returncode == 0, first.stdout + first.stderr
    project.made.web.wait_serves("v1", limit=60)
    newest = project.made.deployer.deployment(project.made.newest())
    assert newest["trigger"] == "webhook"
    assert newest["digest"] in first.stdout


def test_the_reports_are_there_for_people_and_for_services(project: Project, first: Done) -> None:
    assert "== push" in first.stdout
    reports = project.folder / "reports"
    coverage = ElementTree.parse(reports / "coverage.xml").getroot()  # noqa: S314 - just written
    assert float(coverage.attrib["branch-rate"]) > 0.5
    assert int(coverage.attrib["branches-valid"]) > 0
    (suite,) = ElementTree.parse(reports / "junit.xml").getroot()  # noqa: S314
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")
    assert int(suite.attrib["tests"]) > 0
    assert "<html" in (reports / "html" / "index.html").read_text()
    assert "| **TOTAL** |" in (reports / "coverage.md").read_text().replace("  ", "")


def test_the_workflow_ends_once_the_new_version_is_live(project: Project, first: Done) -> None:
    """The step as GitHub runs it. Around the script is only what this machine's builds need."""
    assert first.returncode == 0
    around = project.folder / "around.sh"
    around.write_text(f'exec sh {SCRIPT} --version v2 "$@" -- {shlex.join(build_arguments())}\n')
    values = {
        "vars.IMAGE": project.made.web.repository,
        "vars.DEPLOYER_HOOK": project.waiting["DEPLOYER_HOOK"],
        "secrets.DEPLOYER_TOKEN": TOKEN,
    }
    own = {name: project.settings[name] for name in ("REGISTRY", "REPORTS", "VENV")}
    instead = {**own, "PIPELINE": str(around), "APP": str(project.app)}
    done = step("deploy", "Test, build, push, wait", project.folder, values, **instead)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.made.web.ask() == (200, "v2")
    assert '"succeeded"' in done.stdout or '"unchanged"' in done.stdout
    assert TOKEN not in done.stdout + done.stderr


def test_a_failing_test_stops_it_before_build_and_push(project: Project, first: Done) -> None:
    """The registry has nothing new, and this machine no image."""
    assert first.returncode == 0
    with context(project.app) as broken:
        (broken / "tests" / "test_tomorrow.py").write_text("def test_it() -> None:\n    assert 0\n")
        done = project.push("v4", broken)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "== build" not in done.stdout
    assert "the stage test failed, nothing after it was done" in done.stderr
    assert "v4" not in project.registry.tags(project.made.web.repository)
    assert not present(f"{project.made.web.image}:v4")


def test_a_failed_deployment_fails_the_pipeline_and_says_why(project: Project, first: Done) -> None:
    """The image is fine for the tests, but does not stay up."""
    assert first.returncode == 0
    serving = project.made.web.ask()
    with context(project.app) as broken:
        with (broken / "Dockerfile").open("a") as dockerfile:
            dockerfile.write('\nENTRYPOINT []\nCMD ["false"]\n')
        done = project.push("v3", broken, **project.waiting)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "does not stay up" in done.stdout
    assert "the new version is not live. The reason is above" in done.stderr
    assert project.made.web.ask() == serving

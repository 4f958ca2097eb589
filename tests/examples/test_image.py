"""deployer's own image: who runs in it, how it ends, what is inside and what is not."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.docs import block
from tests.lab import image, pip_in_builds
from tests.lab.compose import EXAMPLE, IMAGE
from tests.lab.engine import BUILD_ENV
from tests.lab.images import PYTHON
from tests.lab.shell import run

pytestmark = pytest.mark.lab

README = EXAMPLE / "README.md"
LATEST = f"{IMAGE}:latest"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """What Docker knows of the image."""
    names = image.build(IMAGE)
    assert names == [f"{IMAGE}:{image.version()}", LATEST]
    (found,) = json.loads(run(["docker", "image", "inspect", names[0]]))
    return dict(found["Config"])


def inside(*command: str, user: str = "10001:10001") -> str:
    """What a program of the image prints."""
    options = ["--rm", "--read-only", "--network", "none", "--user", user]
    options += ["--entrypoint", command[0]]
    return run(["docker", "run", *options, LATEST, *command[1:]])


def test_it_is_deployer_for_a_user_without_rights_and_ends_on_sigint(
    config: dict[str, Any],
) -> None:
    assert config["Entrypoint"] == ["deployer"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGINT"
    assert config["Labels"]["org.opencontainers.image.version"] == image.version()
    said = run(["docker", "run", "--rm", "--read-only", LATEST, "--version"])
    assert said.split() == ["deployer", image.version()]


def test_nothing_that_builds_is_inside_nor_what_the_build_was_given(
    config: dict[str, Any],
) -> None:
    script = "for one in gcc cc make ld git; do command -v $one; done; true"
    assert inside("sh", "-c", script) == ""
    modules = "import importlib.util as u; print(*map(u.find_spec, ('pip', 'hatchling', 'tests')))"
    assert inside("python", "-c", modules).split() == ["None"] * 3
    names = ("-name", pip_in_builds.COMPANY_CA, "-o", "-name", "trusted.pem")
    assert inside("find", "/", "-xdev", "(", *names, ")", user="root") == ""
    base = json.loads(run(["docker", "image", "inspect", PYTHON]))[0]["Config"]["Env"]
    assert not [one for one in config["Env"] if one.startswith("PIP_") and one not in base]


def test_every_user_can_run_it(config: dict[str, Any]) -> None:
    said = run(["docker", "run", "--rm", "--user", "4711:4711", LATEST, "check", "--schema"])
    assert json.loads(said)["title"]


def test_a_worker_is_not_asked_for_what_only_the_receiver_answers(config: dict[str, Any]) -> None:
    check = config["Healthcheck"]["Test"][1:]
    for command, expected in (("work", "0"), ("receive", "1")):
        started = f"{' '.join(check)}; echo $?"
        # Under this name the first process looks like the one or the other, and does not listen.
        script = ["-c", f'{started}; : "$0"', command]
        options = ["--rm", "--network", "none", "--entrypoint", "bash"]
        assert run(["docker", "run", *options, LATEST, *script]).strip() == expected


@contextmanager
def context_with_secrets() -> Iterator[Path]:
    """A checkout in which everything lies that may lie there."""
    with tempfile.TemporaryDirectory(prefix="deployer-context-") as name:
        folder = Path(name)
        shutil.copy(image.CHECKOUT / ".dockerignore", folder)
        for file in (
            *("secrets/dockerhub.token", ".git/config", ".env", "config.yml", "tests/a.py"),
            *("examples/compose/secrets/operator.token", "deployer/__pycache__/a.pyc"),
            *("deployer/a.py", "pyproject.toml", "nginx_templates/site.conf.j2"),
        ):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text("x")
        yield folder


def test_no_secret_of_the_checkout_is_sent_to_the_builder() -> None:
    with context_with_secrets() as folder:
        lines = f"FROM {LATEST}\nCOPY . /context\n"
        command = ["docker", "build", "--quiet", "--file", "-", str(folder)]
        built = run(command, env=BUILD_ENV, text_in=lines).strip()
    try:
        listed = run(
            ["docker", "run", "--rm", "--entrypoint", "find", built, "/context", "-type", "f"]
        )
    finally:
        run(["docker", "rmi", "--force", built])
    assert {line.removeprefix("/context/") for line in listed.split()} == {
        *("deployer/a.py", "pyproject.toml", "nginx_templates/site.conf.j2")
    }


def test_make_image_is_what_the_tests_build() -> None:
    makefile = (image.CHECKOUT / "Makefile").read_text()
    _, _, target = makefile.partition("\nimage: ")
    assert "-m tests.lab.image" in target.split("\n\n")[0]


def test_it_is_built_by_hand_as_the_readme_has_it(config: dict[str, Any]) -> None:
    name = f"{IMAGE}-by-hand"
    how = " ".join(["docker build --quiet", *pip_in_builds.build_arguments()])
    lines = block("build", README).replace("docker build", how)
    lines = lines.replace("--tag deployer", f"--tag {name}")
    with pip_in_builds.context(image.CHECKOUT, *image.BESIDE) as folder:
        given = folder / pip_in_builds.COMPANY_CA
        bundle = given.rename(folder.parent / "bundle.crt") if given.exists() else Path("/dev/null")
        lines = lines.replace("/path/to/company-ca.crt .", f"{bundle} {given}")
        run(["sh", "-euc", lines], env=BUILD_ENV, cwd=folder)
    assert run(["docker", "run", "--rm", name, "--version"]).startswith("deployer ")
    run(["docker", "rmi", name])

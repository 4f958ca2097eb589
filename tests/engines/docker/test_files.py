"""Secrets and configs: readable for the container's user alone, and each release has its own."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.engines.docker.files import ReleaseFiles
from deployer.errors import StartFailed
from deployer.model import Release, Running
from deployer.spec import FileMount, Spec
from tests.engines.docker.world import DockerWorld
from tests.fakes.registry import Behaviour
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

LOOK = "stat -c '%a %u:%g' /run/secrets/token; cat /run/secrets/token; echo; sleep 60"


def token(text: str, **more: int) -> FileMount:
    content = base64.b64encode(text.encode()).decode()
    return FileMount("secret", "token", "/run/secrets/token", content, **more)


def said(world: DockerWorld, release: Release, deployment: int) -> list[str]:
    """What the release's container prints of its secret."""
    [replica] = world.engine.start(release, deployment)
    wait_until(
        lambda: (
            len(world.engine.logs(replica, 5).splitlines()) >= 2
            or world.engine.look(replica).state is not Running.RUNNING
        ),
        "two lines of its log",
    )
    lines = world.engine.logs(replica, 5).splitlines()
    world.engine.discard(release.app, deployment)
    return lines


@pytest.fixture
def release(world: DockerWorld) -> Release:
    """A release whose secret belongs to a user that is not root."""
    image = world.push(Behaviour.ANSWERS)
    world.engine.pull(image, stall=20, timeout=60, stopping=lambda: None)
    spec = Spec(command=("sh", "-c", LOOK), user="1000:50", files=(token("canary-1"),))
    return Release(world.app, 1, image, spec)


def test_a_secret_is_readable_for_the_containers_user_and_for_nobody_else(
    world: DockerWorld, release: Release
) -> None:
    assert said(world, release, 1) == ["400 1000:50", "canary-1"]
    stated = replace(release.spec, files=(token("canary-1", uid=7, gid=8, mode=0o444),))
    assert said(world, replace(release, number=2, spec=stated), 2) == ["444 7:8", "canary-1"]


def test_a_user_who_may_not_read_it_does_not(world: DockerWorld, release: Release) -> None:
    others = replace(release.spec, files=(token("canary-1", uid=7),))
    lines = said(world, replace(release, spec=others), 1)
    assert any("Permission denied" in line for line in lines)
    assert "canary-1" not in lines


def test_each_release_has_its_own_content_and_a_rollback_mounts_the_old_one(
    world: DockerWorld, release: Release
) -> None:
    later = replace(release, number=2, spec=replace(release.spec, files=(token("canary-2"),)))
    assert said(world, release, 1)[1] == "canary-1"
    assert said(world, later, 2)[1] == "canary-2"
    assert said(world, release, 3)[1] == "canary-1"


def test_files_go_with_the_releases_that_are_forgotten(
    world: DockerWorld, release: Release, tmp_path: Path
) -> None:
    files = ReleaseFiles(tmp_path)
    for number in (1, 2, 3):
        [path] = files.write(replace(release, number=number)).values()
        assert path.read_text() == "canary-1"
        assert path.stat().st_mode & 0o777 == 0o400
    other = files.write(replace(release, app="other"))
    files.forget(release.app, [2])
    assert [folder.name for folder in (tmp_path / release.app).iterdir()] == ["2"]
    assert all(path.is_file() for path in other.values())


def test_a_user_that_the_image_does_not_have_is_named(world: DockerWorld, release: Release) -> None:
    spec = replace(release.spec, user="nobodyhere")
    with pytest.raises(StartFailed, match=r"nobodyhere"):
        world.engine.start(replace(release, spec=spec), 1)
    world.engine.discard(release.app, 1)


def test_an_odd_line_of_the_images_passwd_means_what_the_runtime_makes_of_it(
    world: DockerWorld, release: Release
) -> None:
    """A number that is none counts as 0, for the process as for its files."""
    lines = ("RUN mkdir -p /etc && echo 'app:x:abc:50::/:/bin/sh' > /etc/passwd",)
    image = world.push(Behaviour.ANSWERS, tag="odd", lines=lines)
    world.engine.pull(image, stall=20, timeout=60, stopping=lambda: None)
    spec = replace(release.spec, user="app", command=("sh", "-c", f"id -u; {LOOK}"))
    lines_said = said(world, replace(release, image=image, spec=spec), 1)
    assert lines_said[:2] == ["0", "400 0:50"]


def test_files_that_cannot_be_written_are_a_refusal_that_names_the_folder(
    release: Release,
) -> None:
    with pytest.raises(StartFailed, match=r"cannot be written at /dev/null"):
        ReleaseFiles(Path("/dev/null")).write(release)

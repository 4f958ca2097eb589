"""Files of `outputs:` and the container that reads them, with a real deployer and Docker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.trouble import troubles
from tests.engine.world import World, world
from tests.lab.base_images import PYTHON
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

TEMPLATE = "{% for app in apps %}{{ app.replicas[0].address }} {{ app.release }}{% endfor %}"
READER = """
import pathlib, signal, sys
there = pathlib.Path("/out/apps")
def read(*_):
    pathlib.Path("/marks/read").write_text(there.read_text() if there.exists() else "nothing")
signal.signal(signal.SIGHUP, read)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
read()
while True:
    signal.pause()
"""


@pytest.fixture
def one() -> Iterator[World]:
    with world("outputs") as made:
        for folder in ("out", "marks"):
            (made.path / folder).mkdir()
        (made.path / "apps.j2").write_text(TEMPLATE)
        output = {"template": "apps.j2", "file": str(made.path / "out" / "apps")}
        output |= {"container": f"{made.name}-reader", "signal": "HUP"}
        made.configure(outputs={"apps": output})
        try:
            yield made
        finally:
            run(["docker", "rm", "--force", f"{made.name}-reader"])


def start_reader(one: World) -> None:
    """Start the container that reads the file at its start and at each HUP, and says what."""
    volumes = [f"{one.path / name}:/{name}" for name in ("out", "marks")]
    run(
        ["docker", "run", "--detach", "--name", f"{one.name}-reader", "--network", "none"]
        + [word for volume in volumes for word in ("--volume", volume)]
        + [PYTHON, "python", "-c", READER]
    )


def wanted(one: World, release: int) -> str:
    """What the file says while this release serves."""
    return f"{one.web.only_container().address} {release}"


def read(one: World) -> str:
    """What the container has read last."""
    mark = one.path / "marks" / "read"
    return mark.read_text() if mark.exists() else ""


def test_a_container_reads_each_change_and_what_fails_is_told_while_routes_go_on(
    one: World,
) -> None:
    """It starts late and is told then; a broken template keeps the file, and no app waits."""
    one.start()
    file, template = one.path / "out" / "apps", one.path / "apps.j2"
    wait_until(lambda: file.exists() and file.read_text() == wanted(one, 1), "the file")

    wait_until(lambda: "no container of this name" in troubles(one), "that nobody could be told")
    start_reader(one)
    wait_until(lambda: troubles(one) == "", "that the container was told")
    wait_until(lambda: read(one) == wanted(one, 1), "that the container has read the file")

    template.write_text("{{ nobody }}")
    wait_until(lambda: f"{template}:1" in troubles(one), "the template's mistake")
    ended = one.web.deploy("v2")
    assert ended["status"] == "succeeded", ended["reason"]
    assert one.web.ask() == (200, "v2")
    assert (file.read_text() == read(one), read(one).endswith(" 1")) == (True, True)

    template.write_text(TEMPLATE)
    wait_until(lambda: read(one) == wanted(one, 2), "that the container reads the new file")
    wait_until(lambda: troubles(one) == "", "the end of the trouble")

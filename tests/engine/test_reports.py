"""A commit shows what became of it: a real deployer, engine and image, and a server for code."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.engine.trouble import troubles
from tests.engine.world import World, world
from tests.lab.shell import wait_until
from tests.notifiers.forge import REPOSITORIES, TOKEN, Forge, say, served

pytestmark = [pytest.mark.lab, pytest.mark.root]

REVISIONS = {name: f"{number:040x}" for number, name in enumerate(("v2", "v3", "v4", "v5"), 0xABC)}


class Reported:
    """A deployer with one app, and the servers that it may be told to report to."""

    def __init__(self, one: World, forges: dict[str, Forge]) -> None:
        self.one, self.forges = one, forges
        self.secret = one.secret("report.token", TOKEN)

    def report_to(self, kind: str) -> None:
        """Let its deployments be reported to the server of this kind."""
        report = {"to": kind, "repository": REPOSITORIES[kind], "token_file": self.secret}
        report |= {"url": self.forges[kind].url}
        name = self.one.web.name
        self.one.configure(apps={name: {**self.one.web.config, "report": report}})

    def deploy(self, version: str, mode: str = "ok") -> Any:
        """Push an image of its commit, tell of it, and wait; the deployment at its end."""
        label = f"LABEL org.opencontainers.image.revision={REVISIONS[version]}"
        self.one.web.push(version, mode, "latest", label)
        return self.one.deployer.wait_ended(self.one.web.queue())

    def wait_shown(self, kind: str, version: str, *states: str) -> None:
        """Wait until the commit of this version came to just these states."""
        forge, revision = self.forges[kind], REVISIONS[version]
        what = f"{states} of {version} at {kind}"
        wait_until(lambda: forge.states(revision) == list(states), what)


@pytest.fixture
def reported() -> Iterator[Reported]:
    with ExitStack() as ends:
        known = set(REVISIONS.values())
        forges = {
            kind: ends.enter_context(served(Forge(kind, commits=set(known))))
            for kind in REPOSITORIES
        }
        one = ends.enter_context(world("reports"))
        yield Reported(one, forges)


def test_a_commit_shows_its_deployments_in_order_through_failure_outage_and_kill(
    reported: Reported,
) -> None:
    """Good, bad, told to another server, and told by the next process; the token is nowhere."""
    one, github, gitlab = reported.one, reported.forges["github"], reported.forges["gitlab"]
    reported.report_to("github")
    one.start()
    name = one.web.name

    good = reported.deploy("v2")
    assert (good["status"], good["revision"]) == ("succeeded", REVISIONS["v2"])
    reported.wait_shown("github", "v2", "pending", "success")
    last = github.statuses[-1]
    assert (last.context, last.description) == (f"deployer/{name}", "release 2 serves")
    assert last.page == f"https://{one.name}.test/deployments/{good['id']}"

    bad = reported.deploy("v3", "exit")
    assert bad["status"] == "failed"
    reported.wait_shown("github", "v3", "pending", "failure")
    assert one.web.ask() == (200, "v2")

    def told() -> list[list[str]]:
        return [[each["state"] for each in made["statuses"]] for made in github.deployments]

    # Each is told after the status of its commit.
    wait_until(lambda: len(told()) == 2 and len(told()[1]) == 2, "the deployments")
    assert told() == [["in_progress", "success"], ["in_progress", "failure"]]

    # The configuration is followed; what does not answer is told, and outlives a kill.
    reported.report_to("gitlab")
    gitlab.trouble = lambda handler: say(handler, 503, b'{"message": "busy"}')
    wait_until(lambda: "configuration read" in one.deployer.log.read_text(), "the new server")
    assert reported.deploy("v4")["status"] == "succeeded"
    wait_until(lambda: "503: busy" in troubles(one), "that it is told why")
    assert one.web.ask() == (200, "v4")
    one.deployer.stop(signal.SIGKILL)
    gitlab.trouble = lambda _: False
    one.deployer.start()
    wait_until(lambda: gitlab.states(REVISIONS["v4"])[-1:] == ["success"], "v4's success")
    assert "success" not in gitlab.states(REVISIONS["v4"])[:-1]
    wait_until(lambda: troubles(one) == "", "the end of the trouble")
    assert [gitlab.states(REVISIONS[older]) for older in ("v2", "v3")] == [[], []]

    facts = json.loads(one.deployer.run("doctor", "--json"))["facts"]
    assert facts[f"report {name}"] == f"gitlab {REPOSITORIES['gitlab']} is there"
    written = [one.deployer.log, *(one.path / "state").rglob("*")]
    assert not [path for path in written if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_gitea_is_told_too(reported: Reported) -> None:
    reported.report_to("gitea")
    reported.one.start()
    assert reported.deploy("v5")["status"] == "succeeded"
    reported.wait_shown("gitea", "v5", "pending", "success")

"""Reports to GitHub, GitLab and Gitea: what they are told, and what goes wrong there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from deployer.config.values import Destination
from deployer.deployment import Status
from deployer.errors import ConfigError, DeployerError, ReportRefused, ReportUnavailable
from deployer.notifiers.github import GitHub
from deployer.notifiers.gitlab import GitLab
from deployer.notifiers.servers import Servers
from deployer.ports import Report
from tests.contracts.notifier import PAGE, NotifierContract
from tests.lab.answering import Answering
from tests.notifiers.forge import KNOWN, REPOSITORIES, TOKEN, Forge, say, served

WORDS = {
    "github": ("pending", "success", "failure", "error", "error"),
    "gitlab": ("running", "success", "failed", "canceled", "failed"),
    "gitea": ("pending", "success", "failure", "error", "error"),
}
TOLD = (Status.RUNNING, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.REFUSED)
RUNNING = Report("web", 7, KNOWN, Status.RUNNING, "release 3 is being started", PAGE)


class ForgeWorld:
    """A server of one kind, and the notifier that tells it."""

    revision = KNOWN

    def __init__(self, kind: str, folder: Path) -> None:
        self.words = dict(zip(TOLD, WORDS[kind], strict=True))
        self._ends = ExitStack()
        self.forge = self._ends.enter_context(served(Forge(kind)))
        self.token = folder / "token"
        self.token.write_text(f"{TOKEN}\n")
        self.to = Destination(
            kind=kind,
            repository=REPOSITORIES[kind],
            url=self.forge.url,
            token_file=self.token,
            environment="production/web",
        )
        self.notifier = Servers("ab12cd34", limit=0.5)

    def shown(self) -> list[tuple[str, str, str]]:
        return [(one.state, one.description, one.page) for one in self.forge.statuses]

    def stop(self) -> None:
        self._ends.close()


@pytest.fixture(params=sorted(REPOSITORIES))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ForgeWorld]:
    made = ForgeWorld(request.param, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[ForgeWorld]:
    made = ForgeWorld("github", tmp_path)
    yield made
    made.stop()


class TestServers(NotifierContract):
    @pytest.fixture
    def world(self, world: ForgeWorld) -> ForgeWorld:
        return world


def test_the_status_is_named_after_the_app(world: ForgeWorld) -> None:
    world.notifier.tell(world.to, RUNNING)
    assert [one.context for one in world.forge.statuses] == ["deployer/web"]


class TestGitHub:
    """A deployment in its environment, beside the status of the commit."""

    def test_a_deployment_is_made_once_and_goes_on_over_a_restart(self, github: ForgeWorld) -> None:
        github.notifier.tell(github.to, RUNNING)
        github.notifier = Servers("ab12cd34")
        github.notifier.tell(github.to, replace(RUNNING, status=Status.SUCCEEDED))
        (made,) = github.forge.deployments
        assert (made["sha"], made["environment"]) == (KNOWN, "production/web")
        assert [one["state"] for one in made["statuses"]] == ["in_progress", "success"]
        assert [one["auto_inactive"] for one in made["statuses"]] == [False, True]
        assert {one["log_url"] for one in made["statuses"]} == {PAGE}

    @pytest.mark.parametrize(
        ("end", "state"),
        [
            (Status.FAILED, "failure"),
            (Status.CANCELLED, "inactive"),
            (Status.REFUSED, "error"),
        ],
    )
    def test_an_end_without_success_is_told_of_the_deployment_too(
        self, github: ForgeWorld, end: Status, state: str
    ) -> None:
        github.notifier.tell(github.to, replace(RUNNING, status=end))
        (made,) = github.forge.deployments
        assert [one["state"] for one in made["statuses"]] == [state]

    def test_each_deployment_has_its_own_also_those_of_another_deployer(
        self, github: ForgeWorld
    ) -> None:
        github.notifier.tell(github.to, RUNNING)
        github.notifier.tell(github.to, replace(RUNNING, deployment=8))
        Servers("ffffffff").tell(github.to, RUNNING)
        assert len(github.forge.deployments) == 3

    def test_a_payload_that_comes_back_as_text_is_known(self, github: ForgeWorld) -> None:
        github.notifier.tell(github.to, RUNNING)
        github.forge.deployments[0]["payload"] = (
            '{"deployment": 7, "app": "web", "deployer": "ab12cd34"}'
        )
        github.notifier.tell(github.to, RUNNING)
        assert len(github.forge.deployments) == 1

    def test_a_token_for_one_of_both_tells_that_one_and_says_what_is_missing(
        self, github: ForgeWorld
    ) -> None:
        for forbidden, told in (("/statuses/", "deployments"), ("/deployments", "statuses")):
            github.forge.trouble = partial(_forbids, forbidden)
            with pytest.raises(ReportRefused, match=r"may not do this.*403: Resource not ok"):
                github.notifier.tell(github.to, RUNNING)
            assert getattr(github.forge, told)

    def test_an_enterprise_server_has_its_api_below_its_name(self) -> None:
        assert GitHub("a").base("https://github.com") == "https://api.github.com"
        assert GitHub("a").base("https://ghe.example.com") == "https://ghe.example.com/api/v3"


def _forbids(path: str, handler: Answering) -> bool:
    return path in handler.path and say(handler, 403, b'{"message": "Resource not ok"}')


def test_gitlab_is_asked_for_nothing_but_running_twice(tmp_path: Path) -> None:
    """Any other 400 is told."""
    world = ForgeWorld("gitlab", tmp_path)
    world.forge.trouble = lambda handler: say(handler, 400, b'{"message": "no name"}')
    with pytest.raises(ReportRefused, match="no name"):
        world.notifier.tell(world.to, RUNNING)
    world.stop()
    assert GitLab().base("https://git.example.com/code") == "https://git.example.com/code/api/v4"


Trouble = Callable[[Answering], bool]
BECAUSE = b'{"message": "because"}'


def answers(status: int, body: bytes = BECAUSE, name: str = "", value: str = "") -> Trouble:
    """A server that answers every request like this, with a header and its value."""
    headers = {name: value} if name else {}
    return lambda handler: say(handler, status, body, headers)


class TestTrouble:
    """Every failure is one of ours, and none shows the token."""

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
    def test_what_asking_again_does_not_help_is_refused(
        self, world: ForgeWorld, status: int
    ) -> None:
        world.forge.trouble = answers(status)
        with pytest.raises(ReportRefused, match=f"{status}: because"):
            world.notifier.tell(world.to, RUNNING)

    @pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
    def test_what_may_pass_is_said_to_be_so(self, world: ForgeWorld, status: int) -> None:
        world.forge.trouble = answers(status, BECAUSE, "Retry-After", "7")
        with pytest.raises(ReportUnavailable, match=f"{status}: because") as caught:
            world.notifier.tell(world.to, RUNNING)
        assert caught.value.after == 7

    @pytest.mark.parametrize("after", ["", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9", "9" * 30])
    def test_a_time_that_cannot_be_read_is_none(self, world: ForgeWorld, after: str) -> None:
        world.forge.trouble = answers(429, BECAUSE, "Retry-After", after)
        with pytest.raises(ReportUnavailable) as caught:
            world.notifier.tell(world.to, RUNNING)
        assert caught.value.after == 0

    @pytest.mark.parametrize("header", [("X-RateLimit-Remaining", "0"), ("Retry-After", "60")])
    def test_githubs_403_for_too_many_requests_may_pass(
        self, github: ForgeWorld, header: tuple[str, str]
    ) -> None:
        github.forge.trouble = answers(403, BECAUSE, *header)
        with pytest.raises(ReportUnavailable):
            github.notifier.tell(github.to, RUNNING)

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_nobody_is_followed_elsewhere(self, world: ForgeWorld, status: int) -> None:
        with served(Forge(world.to.kind)) as other:
            world.forge.trouble = answers(status, BECAUSE, "Location", f"{other.url}/api")
            with pytest.raises(ReportRefused, match="it is elsewhere"):
                world.notifier.tell(world.to, RUNNING)
            assert other.asked == []

    def test_a_server_that_hangs_is_left_after_the_limit(self, world: ForgeWorld) -> None:
        gate = threading.Event()
        world.forge.trouble = lambda _: gate.wait(20)
        try:
            with pytest.raises(ReportUnavailable, match=r"did not answer within 0\.5 s"):
                world.notifier.tell(world.to, RUNNING)
        finally:
            gate.set()

    @pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000, b"\xff", b""])
    def test_an_answer_that_is_no_json_is_not_a_success(
        self, world: ForgeWorld, body: bytes
    ) -> None:
        world.forge.trouble = answers(200, body)
        with pytest.raises(ReportRefused, match="without JSON"):
            world.notifier.tell(world.to, RUNNING)

    def test_an_answer_that_breaks_off_or_has_no_end_may_pass_or_is_refused(
        self, world: ForgeWorld
    ) -> None:
        def broken(handler: Answering) -> bool:
            handler.wfile.write(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz")
            handler.close_connection = True
            return True

        world.forge.trouble = broken
        with pytest.raises((ReportUnavailable, ReportRefused)):
            world.notifier.tell(world.to, RUNNING)
        world.forge.trouble = answers(201, b" " * (1024 * 1024 + 2))
        with pytest.raises(ReportRefused, match="without JSON"):
            world.notifier.tell(world.to, RUNNING)

    def test_no_message_shows_the_token_also_where_the_server_says_it(
        self, world: ForgeWorld
    ) -> None:
        world.token.write_text("canary-wrong")
        with pytest.raises(ReportRefused, match="does not take the token") as caught:
            world.notifier.tell(world.to, RUNNING)
        shown: BaseException | None = caught.value
        while shown is not None:
            assert "canary" not in str(shown) + getattr(shown, "detail", "")
            shown = shown.__cause__
        assert "***" in str(caught.value)

    @pytest.mark.parametrize("content", ["", "two words", "line\nbreak", "Ünicode"])
    def test_a_file_without_one_token_is_said_to_be_so(
        self, world: ForgeWorld, content: str
    ) -> None:
        world.token.write_text(content)
        expected = r"apps\.web\.report\.token_file: the file has no token"
        with pytest.raises(ConfigError, match=expected):
            world.notifier.tell(world.to, RUNNING)
        assert world.forge.asked == []

    def test_the_token_is_read_at_each_use(self, world: ForgeWorld) -> None:
        world.token.write_text("canary-wrong")
        with pytest.raises(DeployerError):
            world.notifier.tell(world.to, RUNNING)
        world.token.write_text(TOKEN)
        world.notifier.tell(world.to, RUNNING)
        assert len(world.forge.statuses) == 1

    def test_a_netrc_of_the_workers_user_is_not_shown_instead_of_the_token(
        self, github: ForgeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password canary\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        github.notifier.tell(github.to, RUNNING)
        assert github.forge.states() == ["pending"]

"""What Nginx says of a configuration is heard also where Docker loses it at first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from docker.errors import APIError, ImageNotFound
from requests import Response

from deployer.config.values import Nginx as Settings
from deployer.engines.docker.client import Clients
from deployer.engines.docker.nginx_container import NginxContainer
from deployer.errors import ConfigRejected, EngineUnavailable, ProxyError

GOOD = b"nginx: configuration file /x/nginx.conf test is successful\n"
BAD = b"nginx: [emerg] no\n"


class Docker:
    """Docker's answers to who asks for an Nginx that runs, and what it gives of each command.

    `code` is how a command ends, `gone` the verb that finds the container ended, with its status.
    """

    def __init__(
        self, *words: bytes, code: int | None = 0, gone: tuple[str, int] = ("", 0)
    ) -> None:
        self._words = list(words)
        self._code = code
        self._gone = gone
        self.api = self

    def inspect_container(self, name: str) -> dict[str, Any]:
        """The container of this instance."""
        labels = {"deployer.role": "nginx", "deployer.instance": "0123abcd"}
        state = {"Running": True, "Restarting": False, "Paused": False}
        return {"Id": "1", "Config": {"Labels": labels}, "State": state}

    def exec_create(self, container: str, command: list[str]) -> dict[str, str]:
        """A command that is to be run."""
        self._ask("create")
        return {"Id": "2"}

    def exec_start(self, identity: str) -> bytes:
        """What arrives of its words."""
        self._ask("start")
        return self._words.pop(0)

    def exec_inspect(self, identity: str) -> dict[str, Any]:
        """How it ended."""
        self._ask("inspect")
        return {"ExitCode": self._code}

    def inspect_image(self, name: str) -> dict[str, Any]:
        """Of which a container like it would be made: there is none."""
        raise ImageNotFound("no such image")

    def pull(self, name: str, **_: object) -> list[dict[str, str]]:
        """Nor can it be had."""
        return [{"error": "no registry"}]

    def _ask(self, verb: str) -> None:
        gone, status = self._gone
        if verb == gone:
            answer = Response()
            answer.status_code = status
            raise APIError("no", response=answer)


def ask_for_a_test(*words: bytes, **more: Any) -> None:
    """Let a configuration be tested whose words arrive like this."""
    docker = cast(Clients, Docker(*words, **more))
    NginxContainer(docker, Settings(), Path("/x"), "0123abcd").test("/x/nginx.conf")


@pytest.mark.parametrize("status", [404, 409])
@pytest.mark.parametrize("verb", ["create", "start", "inspect"])
def test_where_the_container_has_ended_meanwhile_one_like_it_is_asked(
    verb: str, status: int
) -> None:
    with pytest.raises(ProxyError, match="neither here nor can it be pulled"):
        ask_for_a_test(BAD, gone=(verb, status))


@pytest.mark.parametrize("code", [126, 128, 137])
def test_the_words_of_a_command_that_docker_ended_are_not_those_of_nginx(code: int) -> None:
    """Such as `cannot exec in a stopped state`, which looks like a refusal."""
    with pytest.raises(ProxyError, match="neither here nor can it be pulled"):
        ask_for_a_test(b"cannot exec in a stopped state: unknown", code=code)


def test_a_test_without_a_word_is_made_again() -> None:
    """Else a good configuration would be refused, and the deployment fail."""
    ask_for_a_test(b"", b"", GOOD)
    with pytest.raises(ConfigRejected, match="no"):
        ask_for_a_test(b"", BAD)


def test_a_test_that_stays_without_a_word_says_nothing_of_the_configuration() -> None:
    with pytest.raises(EngineUnavailable, match="does not give what it says"):
        ask_for_a_test(b"", b"", b"")

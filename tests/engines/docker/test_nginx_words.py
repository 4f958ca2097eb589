"""What Nginx says of a configuration is heard also where Docker loses it at first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from deployer.config.values import Nginx as Settings
from deployer.engines.docker.client import Clients
from deployer.engines.docker.nginx_container import NginxContainer
from deployer.errors import ConfigRejected, EngineUnavailable

GOOD = b"nginx: configuration file /x/nginx.conf test is successful\n"
BAD = b"nginx: [emerg] no\n"


class Docker:
    """Docker's answers to who asks for an Nginx that runs, and what it gives of each command."""

    def __init__(self, *words: bytes) -> None:
        self._words = list(words)
        self.api = self

    def inspect_container(self, name: str) -> dict[str, Any]:
        """The container of this instance."""
        labels = {"deployer.role": "nginx", "deployer.instance": "0123abcd"}
        state = {"Running": True, "Restarting": False, "Paused": False}
        return {"Id": "1", "Config": {"Labels": labels}, "State": state}

    def exec_create(self, container: str, command: list[str]) -> dict[str, str]:
        """A command that is to be run."""
        return {"Id": "2"}

    def exec_start(self, identity: str) -> bytes:
        """What arrives of its words."""
        return self._words.pop(0)

    def exec_inspect(self, identity: str) -> dict[str, Any]:
        """How it ended, which Docker has not noted yet."""
        return {"ExitCode": None}


def ask_for_a_test(*words: bytes) -> None:
    """Let a configuration be tested whose words arrive like this."""
    docker = cast(Clients, Docker(*words))
    NginxContainer(docker, Settings(), Path("/x"), "0123abcd").test("/x/nginx.conf")


def test_a_test_without_a_word_is_made_again() -> None:
    """Else a good configuration would be refused, and the deployment fail."""
    ask_for_a_test(b"", b"", GOOD)
    with pytest.raises(ConfigRejected, match="no"):
        ask_for_a_test(b"", BAD)


def test_a_test_that_stays_without_a_word_says_nothing_of_the_configuration() -> None:
    with pytest.raises(EngineUnavailable, match="does not give what it says"):
        ask_for_a_test(b"", b"", b"")

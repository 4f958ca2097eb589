"""An Nginx in a container, whoever made that: how it is signalled, listed, read and asked."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from docker.errors import APIError

from deployer.engines.docker.client import Clients, translated, words
from deployer.errors import (
    ConfigRejected,
    EngineError,
    EngineUnavailable,
    NotConfirmed,
    ProxyError,
)
from deployer.ports import NginxWorker

_POLL = 0.05
_GLANCE = 0.01
_UP_LIMIT = 10.0
_WORKER = "nginx: worker process"
_PASSED = "test is successful"
_ENDING = 2.0
_TRIES = 3
_LOG_WINDOW = 60
# Docker's answers where there is no such container, or it does not run.
_NOT_RUNNING = (404, 409)
# Others are Docker's own, or say that it was killed.
_OWN_ENDS = (None, 0, 1)


class NginxInside(ABC):
    """What of ports.NginxHost is the same for every container, by its name."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    @abstractmethod
    def _found(self) -> dict[str, Any] | None:
        """What Docker says of the container; None where there is none.

        Raises ProxyError for one that is not to be used.
        """

    def reload(self) -> None:
        """Send HUP to the master, which is the container's first process."""
        with translated(f"reload Nginx in {self._name}"):
            try:
                self._clients.api.kill(self._name, signal="SIGHUP")
            except APIError as error:
                if error.status_code not in _NOT_RUNNING:
                    raise
                raise ProxyError(
                    f"Nginx is not reloaded: the container {self._name} does not run. "
                    "It is started again with the next change or check",
                    detail=words(error),
                ) from error

    def workers(self) -> list[NginxWorker]:
        """The worker processes as Docker lists this container's, by their titles."""
        return [
            NginxWorker(pid, title.endswith("is shutting down"))
            for pid, title in self._processes()
            if title.startswith(_WORKER)
        ]

    def errors(self, lines: int) -> str:
        """The last lines that Nginx wrote to its error log within a minute."""
        # Without `tail`: Docker would count the lines of the access log as well.
        since = int(time.time()) - _LOG_WINDOW
        try:
            with translated(f"read the log of {self._name}"):
                said = self._clients.api.logs(self._name, stdout=False, stderr=True, since=since)
        except EngineError:
            # Not every log driver can be read, and these words only explain another error.
            return ""
        return "\n".join(said.decode("utf-8", "replace").splitlines()[-lines:])

    def _working(self) -> dict[str, Any] | None:
        """What Docker says of the container once Nginx has workers in it, for which is waited.

        None where it does not run or ends before; NotConfirmed where it runs without any. A HUP
        that comes earlier is kept until the next signal: Nginx looks at its flag after sigsuspend
        (ngx_process_cycle.c).
        """
        deadline = time.monotonic() + _UP_LIMIT
        while (found := self._found()) and up(found):
            if self.workers():
                return found
            if time.monotonic() > deadline:
                raise NotConfirmed(
                    f"Nginx in {self._name} has no workers after {_UP_LIMIT:g} s, and cannot be "
                    f"reloaded before. Read `docker logs {self._name}`",
                    detail=self.errors(20),
                )
            time.sleep(_POLL)
        return None

    def _processes(self) -> list[tuple[int, str]]:
        """Process id on the host and title of each of the container's processes."""
        deadline = time.monotonic() + _ENDING
        while True:
            try:
                with translated(f"list the processes of {self._name}"):
                    listed = self._clients.api.top(self._name)
                pid = listed["Titles"].index("PID")
                return [(int(line[pid]), line[-1]) for line in listed["Processes"] or ()]
            except EngineUnavailable:
                raise
            except EngineError:
                # Docker fails in several ways while the container comes to its end.
                found = self._found()
                if found is None or not up(found):
                    return []
                if time.monotonic() > deadline:
                    raise
            time.sleep(_POLL)

    def _exec(self, identity: str, command: list[str]) -> str | None:
        """What a command says that is never silent and exits with 0 or 1.

        None where the container has ended since it was looked at: Docker calls one that was
        killed running until it hears of its end.
        """
        doing = f"run `{' '.join(command)}` in {self._name}"
        for _ in range(_TRIES):
            with translated(doing):
                try:
                    started = self._clients.api.exec_create(identity, command)["Id"]
                    said: bytes = self._clients.api.exec_start(started)
                    code = self._ended_with(started)
                except APIError as error:
                    if error.status_code not in _NOT_RUNNING:
                        raise
                    return None
            if code not in _OWN_ENDS:
                return None
            # Of a command that ends at once Docker can lose the words, on a busy machine.
            if said:
                return said.decode("utf-8", "replace")
        raise EngineUnavailable(f"cannot {doing}: Docker does not give what it says")

    def _ended_with(self, command: str) -> int | None:
        """The exit code of a command whose words have ended; None where Docker notes none."""
        deadline = time.monotonic() + _ENDING
        while (found := self._clients.api.exec_inspect(command))["ExitCode"] is None:
            if time.monotonic() > deadline:
                return None
            time.sleep(_GLANCE)
        return int(found["ExitCode"])


def passed(config: str, said: str) -> None:
    """Raise ConfigRejected unless these are Nginx's words of a test that was successful."""
    if _PASSED not in said:
        raise ConfigRejected(f"Nginx refuses {config}: {said.strip()}", detail=said)


def up(found: dict[str, Any]) -> bool:
    """Docker calls a container that waits for its next start running as well."""
    state = found["State"]
    return bool(state["Running"]) and not state["Restarting"] and not state["Paused"]

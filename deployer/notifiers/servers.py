"""Every kind of server that keeps code, by its name in config.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from deployer.config import report_token
from deployer.config.values import Destination
from deployer.notifiers.client import LIMIT, Client
from deployer.notifiers.gitea import Gitea
from deployer.notifiers.github import GitHub
from deployer.notifiers.gitlab import GitLab
from deployer.ports import Report


class _Kind(Protocol):
    def base(self, url: str) -> str: ...

    def header(self, token: str) -> tuple[str, str]: ...

    def look(self, client: Client, to: Destination) -> None: ...

    def tell(self, client: Client, to: Destination, report: Report) -> None: ...


class Servers:
    """Implements ports.Notifier. `instance` is this deployer's name, `limit` as client.LIMIT."""

    def __init__(self, instance: str, limit: float = LIMIT) -> None:
        self._kinds: Mapping[str, _Kind] = {
            "github": GitHub(instance),
            "gitlab": GitLab(),
            "gitea": Gitea(),
        }
        self._limit = limit

    def tell(self, to: Destination, report: Report) -> None:
        """Let the commit show how its deployment stands."""
        self._kinds[to.kind].tell(self._client(report.app, to), to, report)

    def look(self, app: str, to: Destination) -> None:
        """Ask for the repository."""
        self._kinds[to.kind].look(self._client(app, to), to)

    def _client(self, app: str, to: Destination) -> Client:
        kind, token = self._kinds[to.kind], report_token(app, to)
        name = f"{to.kind} {to.repository}"
        return Client(name, kind.base(to.url), kind.header(token), token, self._limit)

"""Contracts with the reverse proxy, and with where its process lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from deployer.errors import ProxyError
from deployer.routing import Route

NOTHING_ELSE: Mapping[str, Route | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NginxFacts:
    """What is known of the Nginx that will run.

    `user` is who its workers run as, "" where its master is not root and cannot choose.
    `modules` are those built in, `where` says what runs it. `folder` is where a host process
    keeps its pid and logs, "" for a container; `gateway` is this machine's address on the
    network of a user's own container, "" where Nginx is on the host's network. `group` is the
    id of the workers' group, None where it is not known.
    """

    version: tuple[int, int, int]
    user: str
    modules: tuple[str, ...] = ()
    where: str = ""
    folder: str = ""
    gateway: str = ""
    group: int | None = None


@dataclass(frozen=True, slots=True)
class NginxWorker:
    """A worker process of Nginx; one that is shutting down takes no new connections."""

    pid: int
    shutting_down: bool


class NginxHost(Protocol):
    """Where Nginx lives: a container that deployer runs, the user's own, or a host process."""

    def facts(self) -> NginxFacts:
        """What is known of it, detected. Raises ProxyError where it cannot be had or used."""
        ...

    def address(self) -> str:
        """The IP address at which this machine reaches it.

        Raises ProxyError where it has none, since it does not run.
        """
        ...

    def test(self, config: str) -> None:
        """Let Nginx test this file (an absolute path) in its own file system and network.

        Raises ConfigRejected with Nginx's words, file and line.
        """
        ...

    def ensure_running(self) -> bool:
        """Start Nginx on the current generation unless it runs; True where it was started."""
        ...

    def reload(self) -> None:
        """Send HUP to the master process. Raises ProxyError if Nginx does not run."""
        ...

    def workers(self) -> list[NginxWorker]:
        """The worker processes, old ones included; empty where Nginx does not run."""
        ...

    def errors(self, lines: int) -> str:
        """The last lines of Nginx's error log, for a person."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What a change of the proxy did: the live generation, and who still knows the old one.

    `old_workers` are the process ids that may still send requests to what was routed
    before; where nothing changed, those that are still shutting down. `held` are the apps
    whose site was held back, each with the reason.
    """

    generation: int
    old_workers: frozenset[int] = frozenset()
    held: Mapping[str, ProxyError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldSite:
    """An app whose site is held back: why, what is live instead, since when (seconds, 1970)."""

    app: str
    reason: str
    since: float


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    """What hosts of an app are served with by TLS.

    `app` is `receiver.host` for the receiver's own host. `ends` is when the certificate expires
    (seconds since 1970), None where the hosts have none that works; `problem` what is wrong with
    what is configured, and what to do.
    """

    app: str
    hosts: tuple[str, ...]
    ends: float | None
    problem: str = ""


class Proxy(Protocol):
    """Makes Nginx serve a set of routes: each app's site is tested, and held back alone."""

    def apply(
        self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
    ) -> Applied:
        """Make these the live routes, and return once new connections reach them.

        Render, parse back, test, replace, HUP, confirm, wait until every old worker is
        shutting down or gone. The same routes again are no reload.

        An app whose site cannot be rendered, or that Nginx refuses, is held back: its last
        good version stays, with today's addresses; where there is none, requests get 503. The
        others go on. An app in `otherwise` keeps the addresses of that route then, and none
        where that is None. On a ProxyError nothing has changed: the last good generation is on
        disk and live.
        """
        ...

    def held(self) -> Sequence[HeldSite]:
        """The apps that the last change held back."""
        ...

    def stale(self) -> bool:
        """Whether the same routes may give something else now.

        What they are rendered from has changed on disk, certificates included, or a site that is
        held back for what may have passed is to be tried again.
        """
        ...

    def facts(self) -> NginxFacts:
        """What is known of the Nginx that runs, or will. Raises ProxyError."""
        ...

    def live(self) -> int | None:
        """The generation that Nginx answers with; None where it does not answer."""
        ...

    def certificates(self) -> Sequence[CertificateSeen]:
        """What the hosts of the last routes are served with by TLS, as the files are now."""
        ...

    def remaining(self, workers: frozenset[int]) -> frozenset[int]:
        """Those of these worker processes that still exist."""
        ...

    def reloads(self) -> int:
        """How often Nginx was told to reload since this process began."""
        ...

    def draining(self) -> int:
        """How many workers are shutting down."""
        ...

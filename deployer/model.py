"""What there is: images, apps, releases, replicas, routes; pure values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from deployer.routing import RouteRule
from deployer.spec import Pairs, Spec

DEFAULT_REGISTRY = "docker.io"
_DOCKER_HUB_ALIASES = frozenset(
    {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
)

# The grammar of the Distribution project, reference.go; ASCII only, always full matches.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
HOST_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
REGISTRY_HOST = re.compile(rf"{HOST_LABEL}(?:\.{HOST_LABEL})*(?::[0-9]{{1,5}})?")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Image:
    """Host, repository and tag, and the digest once it is known; host and case normalised."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Host and repository, as Docker writes them."""
        return f"{self.host}/{self.repository}"

    @property
    def pinned(self) -> str:
        """The reference that can never mean another image."""
        return f"{self.name}@{self.digest}"

    def __str__(self) -> str:
        """As a person writes it: with the tag where there is one, else with the digest."""
        if self.tag:
            return f"{self.name}:{self.tag}"
        return self.pinned if self.digest else self.name


def canonical_host(host: str) -> str:
    """The one name of a registry: Docker Hub answers to several."""
    lowered = host.lower()
    return DEFAULT_REGISTRY if lowered in _DOCKER_HUB_ALIASES else lowered


def image_of(host: str, repository: str, tag: str = "", digest: str = "") -> Image | None:
    """An image from its parts, normalised; None where a part is not well formed."""
    host = canonical_host(host)
    if host == DEFAULT_REGISTRY:
        repository = repository.removeprefix("_/")
        repository = repository if "/" in repository else f"library/{repository}"
    well_formed = (
        REGISTRY_HOST.fullmatch(host)
        and REPOSITORY.fullmatch(repository)
        and len(repository) <= 255
        and (not tag or TAG.fullmatch(tag))
        and (not digest or DIGEST.fullmatch(digest))
    )
    return Image(host, repository, tag, digest) if well_formed else None


def parse_image(text: str, registry: str = DEFAULT_REGISTRY) -> Image | None:
    """An image from `[host/]repository[:tag][@digest]`; None where it is not well formed.

    The first part is a host if it has a dot or a port or is `localhost`, as Docker decides it;
    without a host the image is on `registry`.
    """
    rest, _, digest = text.partition("@")
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if (colon and not tag) or ("@" in text and not digest):
        return None
    first, _, others = f"{head}{slash}{last}".partition("/")
    if others and ("." in first or ":" in first or first == "localhost"):
        return image_of(first, others, tag, digest)
    return image_of(registry, f"{head}{slash}{last}", tag, digest)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The worker's own probe: HTTP GET of `path`, or a TCP connect where there is none.

    Without a port only the container's state and the image's own HEALTHCHECK count.
    All times in seconds.
    """

    port: int | None = None
    path: str | None = None
    interval: float = 1.0
    timeout: float = 2.0
    deadline: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a deployment may take (seconds) and how many releases are kept."""

    timeout: float = 600.0
    watch: float = 10.0
    keep: int = 3
    pull_stall: float = 60.0
    pull_timeout: float = 540.0


class Moment(StrEnum):
    """When a command of an app's own is run, under the name that it has in `deploy:`."""

    PRE_DEPLOY = "pre_deploy"
    POST_DEPLOY = "post_deploy"
    ON_FAILURE = "on_failure"


@dataclass(frozen=True, slots=True)
class AppHook:
    """A command that is run once in a container of its own; `timeout` in seconds."""

    when: Moment
    command: tuple[str, ...]
    timeout: float = 300.0


@dataclass(frozen=True, slots=True)
class OneOff:
    """A hook that is to be run for a deployment, with what it is told in its environment."""

    deployment: int
    hook: AppHook
    environment: Pairs = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """How a one-off container ended, and the last lines it wrote, made harmless.

    `exit_code` is None where it did not end in its time and was stopped.
    """

    exit_code: int | None
    output: str
    seconds: float
    oom_killed: bool = False


class Strategy(StrEnum):
    """How the new release takes over: beside the old one, or after the old one was stopped."""

    START_FIRST = "start-first"
    STOP_FIRST = "stop-first"


RECONCILE = 300.0
"""How often an app's tag is compared with what serves, in seconds."""


@dataclass(frozen=True, slots=True)
class App:
    """What `config.yml` names: an image, which tags deploy it, and how it runs.

    `tags` is its tag policy, which tags.py reads.
    `pull_policy` is `missing` (by digest, so an image that is here is the right one), `always`,
    or `never`: only what is on this machine already. `strategy` None: a rule decides (policy).
    `depends_on` names the apps that are deployed before it.
    `adopt` is the container that becomes its first release, "" none.
    `reconcile` is how often its tag is compared with what serves (seconds), None for never.
    """

    name: str
    image: Image
    tags: tuple[str, ...]
    spec: Spec
    route: RouteRule | None
    health: HealthCheck
    limits: Limits = Limits()
    pull_policy: str = "missing"
    strategy: Strategy | None = None
    hooks: tuple[AppHook, ...] = ()
    depends_on: tuple[str, ...] = ()
    adopt: str = ""
    reconcile: float | None = RECONCILE

    def hook(self, when: Moment) -> AppHook | None:
        """Its command for this moment, None where it has none."""
        return next((one for one in self.hooks if one.when is when), None)

    @property
    def public(self) -> tuple[str, ...]:
        """What is known of it to everybody who uses it or sees its history."""
        return (self.name, self.image.name, *self.tags, *(self.route.hosts if self.route else ()))


@dataclass(frozen=True, slots=True)
class Release:
    """An app's digest and spec, immutable, numbered per app; what is rolled back to."""

    app: str
    number: int
    image: Image
    spec: Spec


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release as the store keeps it: what people may read, and the sealed rest.

    `sealed` holds the whole release under the worker's key (`stores/seal.py`); the other
    fields are for display and mean nothing until the seal has been opened and agrees.
    """

    app: str
    number: int
    image: Image
    sealed: str
    created_at: float


class Running(StrEnum):
    """What the engine says of a replica."""

    CREATED = "created"
    RUNNING = "running"
    RESTARTING = "restarting"
    EXITED = "exited"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Replica:
    """A container of a release as the engine showed it at one moment.

    `health` is the verdict of the image's own HEALTHCHECK: "", "starting", "healthy" or
    "unhealthy", and `checked` what it said last. `address` is its IP address, "" while it has
    none; `joined` is the id of the container whose network it shares, "" where it has its own. Of
    one that was started again `exit_code` and `oom_killed` tell how it ended before.
    """

    app: str
    deployment: int
    release: int
    index: int
    id: str
    name: str
    address: str = ""
    state: Running = Running.CREATED
    health: str = ""
    exit_code: int | None = None
    restarts: int = 0
    oom_killed: bool = False
    started_at: str = ""
    checked: str = ""
    joined: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """What a sender says was pushed: only a hint, to be matched and resolved."""

    image: Image

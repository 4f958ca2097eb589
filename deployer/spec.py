"""How an app's containers run, in the words of the Compose specification; pure values.

https://github.com/compose-spec/compose-spec/blob/main/05-services.md says what each field means.
None, 0 or an empty tuple always means: left to the image, and what that leaves out, to Docker.
Mappings are sorted pairs, so that equal specs compare equal; durations are seconds, sizes bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

# Shorter values are words that any text may have in it; masked, it would say nothing.
SECRET_FROM = 8
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """Something mounted at `target`: a bind, a named or anonymous volume, a tmpfs, an image.

    `source` is an absolute path for a `bind`, a name for a `volume` ("" for an anonymous one),
    a reference for an `image`, "" for a `tmpfs`. `size` and `mode` are those of a tmpfs.
    """

    source: str
    target: str
    read_only: bool = False
    type: str = "volume"
    propagation: str = ""
    create_host_path: bool = False
    selinux: str = ""
    nocopy: bool = False
    subpath: str = ""
    labels: Pairs = ()
    size: int | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A network that the containers join, and how they are known there."""

    name: str
    aliases: tuple[str, ...] = ()
    ipv4_address: str = ""
    ipv6_address: str = ""
    link_local_ips: tuple[str, ...] = ()
    mac_address: str = ""
    driver_opts: Pairs = ()


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the container published on the host; `published` is "" for one of Docker's
    choice, a number, or a range `8000-8010` to choose from.
    """

    target: int
    protocol: str = "tcp"
    published: str = ""
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the host at a path in the container, with `rwm` or fewer permissions."""

    source: str
    target: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """Devices that a driver hands out, such as GPUs; a `count` of -1 means all of them."""

    capabilities: tuple[str, ...] = ("gpu",)
    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] = ()
    options: Pairs = ()


@dataclass(frozen=True, slots=True)
class Ulimit:
    """A limit of the kernel for each process; -1 means none."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """Docker's own HEALTHCHECK instead of the image's; `test` ("NONE",) switches it off.

    What is None is left to the image's, and what that leaves out to Docker.
    """

    test: tuple[str, ...] = ()
    interval: float | None = None
    timeout: float | None = None
    start_period: float | None = None
    start_interval: float | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Logging:
    """A log driver and its options; "" is Docker's default driver."""

    driver: str = ""
    options: Pairs = ()


@dataclass(frozen=True, slots=True)
class FileMount:
    """A secret or config: a file that comes with the release and is mounted read-only.

    `kind` is `secret` or `config`; without `uid` and `gid` it belongs to the user that the
    container runs as. `content` is base64, since files need not be text.
    """

    kind: str
    name: str
    target: str
    content: str = field(repr=False)
    uid: int | None = None
    gid: int | None = None
    mode: int = 0o400

    @property
    def text(self) -> str:
        """The content as text; what is no UTF-8 is replaced."""
        return base64.b64decode(self.content).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Spec:
    """How an app's containers run. `command` and `entrypoint` of () are: none, not the image's.

    `environment` and `files` hold secrets: they are never logged and are stored only sealed.
    """

    # what runs
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    working_dir: str = ""
    user: str = ""
    group_add: tuple[str, ...] = ()
    environment: Pairs = field(default=(), repr=False)
    init: bool | None = None
    tty: bool = False
    stdin_open: bool = False
    platform: str = ""
    runtime: str = ""
    healthcheck: Healthcheck | None = None
    # its life
    replicas: int = 1
    restart: str = "unless-stopped"
    stop_signal: str | None = None
    stop_grace_period: float = 10.0
    labels: Pairs = ()
    annotations: Pairs = ()
    logging: Logging | None = None
    # its files
    volumes: tuple[Volume, ...] = ()
    tmpfs: Pairs = ()
    files: tuple[FileMount, ...] = ()
    read_only: bool = False
    shm_size: int | None = None
    storage_opt: Pairs = ()
    # its networks
    networks: tuple[Attachment, ...] = ()
    network_mode: str = ""
    hostname: str = ""
    domainname: str = ""
    mac_address: str = ""
    dns: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    extra_hosts: Pairs = ()
    ports: tuple[Port, ...] = ()
    expose: tuple[str, ...] = ()
    # what it may do
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    userns_mode: str = ""
    ipc: str = ""
    pid: str = ""
    uts: str = ""
    cgroup: str = ""
    cgroup_parent: str = ""
    sysctls: Pairs = ()
    ulimits: tuple[Ulimit, ...] = ()
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    # how much it may use
    cpus: float | None = None
    cpu_shares: int | None = None
    cpu_quota: int | None = None
    cpu_period: int | None = None
    cpuset: str = ""
    mem_limit: int | None = None
    mem_reservation: int | None = None
    memswap_limit: int | None = None
    mem_swappiness: int | None = None
    pids_limit: int | None = None
    oom_kill_disable: bool | None = None
    oom_score_adj: int | None = None

    @property
    def shares(self) -> str:
        """The app whose network its containers share, "" none."""
        kind, _, name = self.network_mode.partition(":")
        return name if kind == "service" else ""

    def masked(self, text: str, public: Sequence[str] = ()) -> str:
        """The text with `***` for each secret of SECRET_FROM characters or more.

        Secrets are the values of the environment and the lines of secret files.

        What an app says when it fails is often its own settings. Of a value of several lines
        each is masked, as a log may cut between them. What stands in a `public` word is no
        secret: masked, an app that is told its own name would have reasons without names.
        """
        values = [value for _, value in self.environment]
        values += [one.text for one in self.files if one.kind == "secret"]
        parts = {part.strip() for value in values for part in (value, *value.splitlines())}
        for secret in sorted(parts, key=len, reverse=True):
            if len(secret) >= SECRET_FROM and not any(secret in word for word in public):
                text = text.replace(secret, "***")
        return text

"""What the configuration says, as frozen values; the sections of config.yml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from deployer.difference import Origins
from deployer.model import App
from deployer.routing import Front, KeyPair
from deployer.rules import Rule


class Value(BaseModel):
    """A frozen part of the configuration; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Receiver(Value):
    """The process that faces the network. Sizes in bytes.

    `host` is the name under which Nginx serves it, None for no site of its own; `user` is who
    it runs as when `serve` is started as root. `tls` is certificates of its own, False for plain
    HTTP; else the default ones count.
    """

    host: str | None = None
    bind: str = "127.0.0.1"
    port: int = 5000
    user: str = "deployer"
    max_body: int = 1024 * 1024
    threads: int = 16
    tls: bool | tuple[KeyPair, ...] | None = None
    operator_token_file: tuple[Path, ...] = ()
    metrics_token_file: tuple[Path, ...] = ()

    @property
    def pages(self) -> str:
        """What the address of a deployment's page begins with, "" where there is no such page."""
        return f"https://{self.host}/deployments/" if self.host else ""

    @property
    def front(self) -> Front:
        """How clients come to its host."""
        return Front(plain=self.tls is False, pairs=self.tls if isinstance(self.tls, tuple) else ())


class Nginx(Value):
    """The Nginx that serves. Times in seconds.

    `mode` is `managed` (a container on the host's network that deployer runs from `image`),
    `host` (a process of this machine, `binary`) or `container` (the user's own, on `network`).
    `include` are files and patterns of the user's own sites, as Nginx itself sees them.
    `drain` is `worker_shutdown_timeout`: how long a request may outlive the switch.
    `tls` are the certificates of hosts whose app has none of its own.
    `access_log` is `text`, `json` or `off`; `trusted_proxies` are addresses and networks of
    proxies before it, whose word on the client is taken.
    `templates` is the user's folder whose files override those of nginx_templates/.
    """

    mode: str = "managed"
    image: str = "nginx:stable"
    binary: Path = Path("/usr/sbin/nginx")
    container: str = "deployer-nginx"
    network: str | None = None
    http_port: int = 80
    status_port: int = 5090
    https_port: int = 443
    tls: tuple[KeyPair, ...] = ()
    keepalive_timeout: float = 15.0
    drain: float = 30.0
    include: tuple[str, ...] = ()
    templates: Path | None = None
    access_log: str = "text"
    trusted_proxies: tuple[str, ...] = ()


class Paths(Value):
    """Where things are: the state folder, and what relative bind sources start from."""

    state: Path = Path("/var/lib/deployer")
    host_base: Path | None = None

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.state / "deployer.db"

    @property
    def private(self) -> Path:
        """The folder that only the worker may enter."""
        return self.state / "worker"

    @property
    def files(self) -> Path:
        """The folder with the secrets and configs of releases; Docker mounts them from there."""
        return self.private / "files"

    @property
    def nginx(self) -> Path:
        """The folder with Nginx's generations."""
        return self.state / "nginx"


class Worker(Value):
    """The process with the socket: how many deployments it runs at once."""

    parallel: int = 4


class Output(Value):
    """A file that is rendered from what serves, and the container that is told when it changes.

    With `container` there is either `signal`, without the letters SIG, or `restart`.
    """

    name: str
    template: Path
    file: Path
    mode: int = 0o644
    container: str | None = None
    signal: str | None = None
    restart: bool = False


class Hook(Value):
    """One place where a sender posts: `/hooks/<name>`.

    `token_file` has what the sender shows (at the end of the URL or in a header),
    `secret_file` what it signs its bodies with; one of them is there, unless its cloud signs.
    `registry` is "" where each event says its own; `aliases` are beginnings of image names and
    what stands for them. `topics` are those of SNS, by ARN, whose signed messages need no
    secret; `audience` and `service_account` are what Google's signed tokens say instead of one.
    `allow` are the networks that deliveries have to come from besides; none for anywhere.
    """

    name: str
    source: str
    registry: str = ""
    aliases: Mapping[str, str] = {}
    rules: tuple[Rule, ...] = ()
    token_file: tuple[Path, ...] = ()
    secret_file: tuple[Path, ...] = ()
    topics: tuple[str, ...] = ()
    audience: str = ""
    service_account: str = ""
    allow: tuple[str, ...] = ()


class RegistryLogin(Value):
    """Credentials for one registry host; the password is read from its file at each use."""

    host: str
    username: str
    password_file: Path


class Destination(Value):
    """Where the deployments of an app are reported: a repository, and who may write there.

    `kind` is github, gitlab or gitea, `url` that of the server, without a slash at its end. The
    token is read from its file at each use. `environment` is what GitHub calls it.
    """

    kind: str
    repository: str
    url: str
    token_file: Path
    environment: str = "production"


class Config(BaseModel):
    """Everything config.yml, the environment and the secret files say, checked.

    `places` says where each `token_file` and `secret_file` was written: what a problem's line
    begins with. `reports` says by app where its deployments are reported. `origins` says of each
    app where its settings come from; only the worker's part knows them.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    source: Path
    receiver: Receiver = Receiver()
    nginx: Nginx = Nginx()
    paths: Paths = Paths()
    worker: Worker = Worker()
    hooks: Mapping[str, Hook] = {}
    registries: Mapping[str, RegistryLogin] = {}
    outputs: Mapping[str, Output] = {}
    apps: Mapping[str, App] = {}
    reports: Mapping[str, Destination] = {}
    origins: Mapping[str, Origins] = {}
    places: Mapping[str, str] = {}


class HookPart(Value):
    """What the receiver knows of a hook: hashes of its tokens as `sha256:<hex>`, never more.

    Of `secrets`, those that bodies are signed with, a hash would not do; no repr shows them.
    """

    source: str
    registry: str = ""
    aliases: Mapping[str, str] = {}
    rules: tuple[Rule, ...] = ()
    tokens: tuple[str, ...] = ()
    secrets: tuple[str, ...] = Field((), repr=False)
    topics: tuple[str, ...] = ()
    audience: str = ""
    service_account: str = ""
    allow: tuple[str, ...] = ()


class AppPart(Value):
    """What the receiver knows of an app: which pushes select it, and what pages show of it."""

    image: str
    tags: tuple[str, ...]
    replicas: int = 1
    hosts: tuple[str, ...] = ()


class ReceiverPart(Value):
    """All that the receiver's process is given, so that it needs no file but the store.

    `serve` hands it over through a pipe as JSON: the receiver's user may read neither
    config.yml nor a secret file, and holds only hashes of tokens; signing secrets it needs.
    """

    bind: str
    port: int
    max_body: int
    threads: int
    store: Path
    hooks: Mapping[str, HookPart]
    apps: Mapping[str, AppPart]
    operators: tuple[str, ...]
    scrapers: tuple[str, ...] = ()

"""The sections and keys of config.yml, with the words that editors and pages show for them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from deployer.config import compose, kinds
from deployer.config.problems import nearest
from deployer.config.values import Nginx, Paths, Receiver, Worker
from deployer.model import DEFAULT_REGISTRY, HealthCheck, Limits, Spec

SOURCES = {"dockerhub": DEFAULT_REGISTRY}
"""The kinds of senders, and the registry that each one's repositories are on by default."""

_RECEIVER, _NGINX, _PATHS, _WORKER = Receiver(), Nginx(), Paths(), Worker()
_LIMITS, _SPEC, _HEALTH = Limits(), Spec(), HealthCheck()


class Section(BaseModel):
    """A mapping of config.yml; a key without a value counts as left out."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _written(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise ValueError("not a mapping. Write its keys below it, further to the right.")
        return {name: value for name, value in data.items() if value is not None}


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("not a mapping. Write names below it, further to the right.")
    return value


def _source(value: Any) -> str:
    name = kinds.text(value, f"Known are: {', '.join(SOURCES)}.")
    if name not in SOURCES:
        raise ValueError(f"no source has this name. {nearest(name, SOURCES)}")
    return name


Source = Annotated[
    str, PlainValidator(_source), WithJsonSchema({"type": "string", "enum": list(SOURCES)})
]


class ReceiverFile(Section):
    """The process that faces the network: webhooks in, API and pages out."""

    host: kinds.Host | None = Field(
        None, description="Name under which Nginx serves the receiver. None: no site of its own."
    )
    bind: kinds.Address = Field(_RECEIVER.bind, description="IP address to listen on.")
    port: kinds.Port = Field(_RECEIVER.port, description="TCP port to listen on.")
    user: kinds.UserName = Field(
        _RECEIVER.user, description="User to run as when `serve` is started as root."
    )
    max_body: kinds.BodySize = Field(
        _RECEIVER.max_body, description="Largest webhook that is taken; larger ones get 413."
    )
    threads: kinds.Count = Field(_RECEIVER.threads, description="Requests answered at once.")
    operator_token_file: compose.Files = Field(
        (), description="File or files with the tokens for the API. None: nobody may use it."
    )


class NginxFile(Section):
    """The Nginx that deployer runs as a container on the host's network."""

    image: kinds.NginxImage = Field(_NGINX.image, description="Image of the container.")
    container: kinds.ContainerName = Field(_NGINX.container, description="Name of the container.")
    http_port: kinds.Port = Field(_NGINX.http_port, description="Port on which sites are served.")
    status_port: kinds.Port = Field(
        _NGINX.status_port, description="Port on loopback where the live generation is asked for."
    )
    keepalive_timeout: kinds.Seconds = Field(
        _NGINX.keepalive_timeout, description="How long an idle client connection stays open."
    )
    drain: kinds.Limit = Field(
        _NGINX.drain, description="How long a request may outlive the switch."
    )
    templates: kinds.FilePath | None = Field(
        None, description="Folder whose templates replace those of the same name."
    )


class PathsFile(Section):
    """Where things are on this machine."""

    state: kinds.Folder = Field(
        _PATHS.state, description="Folder for the database and Nginx's configuration."
    )
    host_base: kinds.Folder | None = Field(
        None, description="Folder on the host from which relative sources of volumes start."
    )


class WorkerFile(Section):
    """The only process that talks to Docker and Nginx."""

    parallel: kinds.Count = Field(_WORKER.parallel, description="Deployments run at once.")


class DeployFile(Section):
    """How long a deployment may take and what is kept; defaults for all apps or for one."""

    timeout: kinds.Limit = Field(_LIMITS.timeout, description="Limit for a whole deployment.")
    watch: kinds.Seconds = Field(
        _LIMITS.watch, description="How long the new release is guarded after the switch."
    )
    keep: kinds.Count = Field(_LIMITS.keep, description="Releases kept for rollback.")
    pull_stall: kinds.Limit = Field(
        _LIMITS.pull_stall, description="A pull fails when nothing moved for this long."
    )
    pull_timeout: kinds.Limit = Field(
        _LIMITS.pull_timeout,
        description="Limit for a whole pull. Default: nine tenths of `timeout`.",
    )


class HookFile(Section):
    """A place where one sender posts: /hooks/<name>/<token>."""

    source: Source | None = Field(None, description="Kind of sender. Default: the hook's name.")
    registry: kinds.RegistryHost | None = Field(
        None, description="Registry that the sender's repositories are on. Default per source."
    )
    token_file: compose.Files = Field(
        description="File with the token of the URL; at most two tokens, while rotating.",
        examples=["secrets/dockerhub.token"],
    )


class RegistryFile(Section):
    """Credentials for one registry."""

    username: kinds.Login = Field(description="User at the registry.", examples=["bot"])
    password_file: kinds.FilePath = Field(
        description="File with the password or access token, read at each use.",
        examples=["secrets/registry.password"],
    )


class RouteFile(Section):
    """Which requests go to the app."""

    host: kinds.Host | None = Field(
        None, description="Host name of the site.", examples=["shop.example.com"]
    )
    hosts: compose.Hosts = Field(
        [],
        description="Several host names, instead of `host`.",
        examples=[["shop.example.com", "www.shop.example.com"]],
    )
    path: kinds.RoutePath = Field("/", description="Path under which all requests go to the app.")
    port: kinds.Port = Field(
        description="Port in the container, which need not be published.", examples=["8080"]
    )

    @property
    def names(self) -> tuple[str, ...]:
        """All host names of the site."""
        return (self.host,) if self.host else tuple(self.hosts)

    @model_validator(mode="after")
    def _one_of_both(self) -> RouteFile:
        if not self.host and not self.hosts:
            raise ValueError("no host. Write `host: shop.example.com`.")
        if self.host and self.hosts:
            raise ValueError("both `host` and `hosts`. Write all names in `hosts`.")
        return self


class HealthFile(Section):
    """When a new replica counts as healthy."""

    path: kinds.UrlPath | None = Field(
        None, description="Path that must answer 2xx or 3xx. None: a TCP connect is enough."
    )
    port: kinds.Port | None = Field(None, description="Port to ask. Default: the route's port.")
    interval: kinds.Interval = Field(_HEALTH.interval, description="Time between two probes.")
    timeout: kinds.Interval = Field(_HEALTH.timeout, description="Limit for one probe.")
    deadline: kinds.Limit = Field(
        _HEALTH.deadline, description="Limit for becoming healthy after the start."
    )


class AppFile(Section):
    """An app: which pushes deploy it, how its containers run, which traffic it gets."""

    image: kinds.ImageName = Field(
        description="Image without tag; a push to it deploys the app.",
        examples=["docker.io/acme/shop"],
    )
    tags: compose.Tags = Field(
        ["latest"], description="Tags whose push deploys the app; the first is the default."
    )
    command: compose.Command | None = Field(
        None, description="Command instead of the image's, as a list or one line."
    )
    environment: compose.Environment = Field({}, description="Variables, taken literally.")
    env_file: compose.Files = Field(
        (), description="File or files of KEY=VALUE lines; `environment` wins."
    )
    volumes: compose.Volumes = Field(
        [], description="SOURCE:/target[:ro] with an absolute path or the name of a volume."
    )
    networks: compose.Networks = Field([], description="Existing Docker networks to join.")
    labels: compose.Labels = Field({}, description="Labels of the containers.")
    restart: compose.Restart = Field(_SPEC.restart, description="Docker's restart policy.")
    stop_signal: compose.StopSignal | None = Field(
        None, description="Signal that asks the app to stop. Default: the image's."
    )
    stop_grace_period: kinds.Seconds = Field(
        _SPEC.stop_grace_period, description="Time to stop before it is killed."
    )
    replicas: kinds.Count = Field(_SPEC.replicas, description="Containers that share the traffic.")
    route: RouteFile | None = Field(None, description="Which requests go to the app.")
    health: HealthFile = Field(
        default_factory=HealthFile, description="When a new replica counts as healthy."
    )
    deploy: DeployFile = Field(
        default_factory=DeployFile, description="Limits of this app, instead of the common ones."
    )


class File(Section):
    """Everything that config.yml can say."""

    receiver: ReceiverFile = Field(
        default_factory=ReceiverFile, description="The process that faces the network."
    )
    nginx: NginxFile = Field(default_factory=NginxFile, description="The Nginx that deployer runs.")
    paths: PathsFile = Field(default_factory=PathsFile, description="Where things are.")
    worker: WorkerFile = Field(
        default_factory=WorkerFile, description="The process that talks to Docker and Nginx."
    )
    deploy: DeployFile = Field(default_factory=DeployFile, description="Limits for every app.")
    hooks: Annotated[dict[kinds.Name, HookFile], BeforeValidator(_mapping)] = Field(
        {}, description="Where registries post, by a name of your choice."
    )
    registries: Annotated[dict[kinds.RegistryHost, RegistryFile], BeforeValidator(_mapping)] = (
        Field({}, description="Credentials, by the host of the registry.")
    )
    apps: Annotated[dict[kinds.Name, AppFile], BeforeValidator(_mapping)] = Field(
        {}, description="What is deployed, by a name of your choice."
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of config.yml, for editors and other checkers."""
    schema = File.model_json_schema()
    schema["patternProperties"] = {"^x-": {"description": "Ignored: a place for YAML anchors."}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

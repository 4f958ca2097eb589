"""The sections and keys of config.yml, with the words that editors and pages show for them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    model_validator,
)

from deployer.config import fronts, kinds, nginx, routing_kinds
from deployer.config.app_file import AppFile
from deployer.config.compose import process as compose
from deployer.config.deploy_file import DeployFile, ReconcileFile
from deployer.config.hook_file import HookFile
from deployer.config.output_file import OutputFile
from deployer.config.section import Section
from deployer.config.values import Nginx, Paths, Receiver, Worker
from deployer.model import HealthCheck, Limits
from deployer.routing import KeyPair
from deployer.spec import Spec

_RECEIVER, _NGINX, _PATHS, _WORKER = Receiver(), Nginx(), Paths(), Worker()
_LIMITS, _SPEC, _HEALTH = Limits(), Spec(), HealthCheck()


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("not a mapping. Write names below it, further to the right.")
    return value


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
    tls: Annotated[bool | tuple[KeyPair, ...] | None, fronts.TLS] = Field(
        None,
        description="Certificate and key of its host; on for the default ones, off for plain HTTP. "
        "Without it the default ones, if there are any.",
        examples=["off"],
    )
    operator_token_file: compose.Files = Field(
        (),
        description="File or files with the tokens for pages and API. None: nobody may use them.",
    )
    metrics_token_file: compose.Files = Field(
        (), description="File or files with tokens that open /metrics only. Operators' do too."
    )


class NginxFile(Section):
    """The Nginx that serves: deployer's own container, a host process, or your container."""

    mode: nginx.Mode = Field(
        _NGINX.mode, description="What runs Nginx: managed, host or container."
    )
    image: kinds.NginxImage = Field(_NGINX.image, description="Image of the container.")
    container: kinds.ContainerName = Field(_NGINX.container, description="Name of the container.")
    binary: kinds.Folder = Field(_NGINX.binary, description="Nginx's program, in mode host.")
    network: kinds.ContainerName | None = Field(
        None, description="Network on which Nginx reaches the apps, where it is not the host's."
    )
    http_port: kinds.Port = Field(_NGINX.http_port, description="Port on which sites are served.")
    https_port: kinds.Port = Field(
        _NGINX.https_port, description="Port on which sites with a certificate are served."
    )
    tls: Annotated[tuple[KeyPair, ...], fronts.PAIRS] = Field(
        (), description="Certificate and key of every host without its own; or a list of them."
    )
    status_port: kinds.Port = Field(
        _NGINX.status_port, description="Port on loopback where the live generation is asked for."
    )
    keepalive_timeout: kinds.Seconds = Field(
        _NGINX.keepalive_timeout, description="How long an idle client connection stays open."
    )
    drain: kinds.Limit = Field(
        _NGINX.drain, description="How long a request may outlive the switch."
    )
    include: nginx.Includes = Field(
        (), description="Files of your own sites, as absolute paths; `*` stands for many."
    )
    access_log: Annotated[str, routing_kinds.LOG] = Field(
        _NGINX.access_log, description="How requests for apps are logged: text, json or off."
    )
    trusted_proxies: routing_kinds.Networks = Field(
        (), description="Proxies before Nginx whose X-Forwarded-For and -Proto are believed."
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


class RegistryFile(Section):
    """Credentials for one registry."""

    username: kinds.Login = Field(description="User at the registry.", examples=["bot"])
    password_file: kinds.FilePath = Field(
        description="File with the password or access token, read at each use.",
        examples=["secrets/registry.password"],
    )


class SecretFile(Section):
    """A secret that apps get as a file: where its content comes from."""

    file: kinds.FilePath | None = Field(None, description="File with the content.")
    environment: kinds.Variable | None = Field(
        None, description="Variable of the worker's environment with the content."
    )

    @model_validator(mode="after")
    def _one_origin(self) -> SecretFile:
        written = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(written) != 1:
            known = " or ".join(f"`{name}:`" for name in type(self).model_fields)
            raise ValueError(f"not one origin of its content. Write {known}, and only one.")
        return self


class ConfigFile(SecretFile):
    """A config that apps get as a file: where its content comes from."""

    content: kinds.Content | None = Field(None, description="The content itself.")


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
    reconcile: ReconcileFile = Field(
        default_factory=ReconcileFile, description="How often every app's tag is looked at."
    )
    secrets: Annotated[dict[kinds.GrantName, SecretFile], BeforeValidator(_mapping)] = Field(
        {}, description="Secrets for apps to mount, by name."
    )
    configs: Annotated[dict[kinds.GrantName, ConfigFile], BeforeValidator(_mapping)] = Field(
        {}, description="Configs for apps to mount, by name."
    )
    hooks: Annotated[dict[kinds.Name, HookFile], BeforeValidator(_mapping)] = Field(
        {}, description="Where registries post, by a name of your choice."
    )
    registries: Annotated[dict[kinds.RegistryHost, RegistryFile], BeforeValidator(_mapping)] = (
        Field({}, description="Credentials, by the host of the registry.")
    )
    outputs: Annotated[dict[kinds.Name, OutputFile], BeforeValidator(_mapping)] = Field(
        {}, description="Files for other programs, by a name of your choice."
    )
    apps: Annotated[dict[kinds.Name, AppFile], BeforeValidator(_mapping)] = Field(
        {}, description="What is deployed, by a name of your choice."
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of config.yml, for editors and other checkers."""
    schema = File.model_json_schema()
    schema["patternProperties"] = {"^x-": {"description": "Ignored: a place for YAML anchors."}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

"""The keys of `route:`: which requests go to an app, and what they meet on their way."""

from __future__ import annotations

from pydantic import Field, model_validator

from deployer.config import fronts, kinds, routing_kinds
from deployer.config.front_file import FrontFile
from deployer.config.handling_file import HandlingFile
from deployer.config.nginx import SnippetName, TemplateName


class RouteFile(FrontFile, HandlingFile):
    """Which requests go to the app."""

    host: fronts.WildHost | None = Field(
        None,
        description="Host name of the site; `*.` before it for all names below.",
        examples=["shop.example.com"],
    )
    hosts: fronts.Hosts = Field(
        [],
        description="Several host names, instead of `host`.",
        examples=[["shop.example.com", "www.shop.example.com"]],
    )
    path: kinds.RoutePath = Field("/", description="Path under which all requests go to the app.")
    port: kinds.Port = Field(
        description="Port in the container, which need not be published.", examples=["8080"]
    )
    weight: routing_kinds.Weight | None = Field(
        None,
        description="Its part of the requests where other apps have the same hosts and path.",
        examples=["10"],
    )
    template: TemplateName | None = Field(
        None,
        description="File in `nginx.templates` that is used instead of locations.conf.j2.",
        examples=["shop.conf.j2"],
    )
    snippet: SnippetName | None = Field(
        None,
        description="File in `nginx.templates` that is put at the end of each location.",
        examples=["shop.conf"],
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

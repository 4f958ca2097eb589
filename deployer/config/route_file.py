"""The keys of `route:`: which requests go to an app, and what they meet on their way."""

from __future__ import annotations

from pydantic import Field, model_validator

from deployer.config import kinds
from deployer.config.compose import process
from deployer.config.handling_file import HandlingFile


class RouteFile(HandlingFile):
    """Which requests go to the app."""

    host: kinds.Host | None = Field(
        None, description="Host name of the site.", examples=["shop.example.com"]
    )
    hosts: process.Hosts = Field(
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

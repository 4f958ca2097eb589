"""The keys of a route on what its requests meet on their way to the app."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from deployer.config import kinds, routing_kinds
from deployer.config.compose.forms import FLAG, one_of
from deployer.config.section import Section
from deployer.routing import Guard, Handling


class HandlingFile(Section):
    """What requests meet on their way to the app."""

    strip_prefix: Annotated[bool, FLAG] = Field(
        False, description="Whether the app gets paths without the route's `path` before them."
    )
    max_body: routing_kinds.Size = Field(
        None, description="Largest body of a request, or off. Default: 100m.", examples=["500m"]
    )
    connect_timeout: routing_kinds.Time = Field(
        None, description="Limit for a connection to a replica. Default: 1s."
    )
    read_timeout: routing_kinds.Time = Field(
        None, description="How long the app may say nothing before it has answered. Default: 60s."
    )
    send_timeout: routing_kinds.Time = Field(
        None, description="How long the app may take nothing of a request. Default: 60s."
    )
    buffering: routing_kinds.On = Field(
        True, description="off: bodies are handed on as they come, both ways."
    )
    request_headers: routing_kinds.RequestHeaders = Field(
        (), description="Headers that the app gets; one without a value is removed."
    )
    response_headers: routing_kinds.ResponseHeaders = Field(
        (), description="Headers that clients get; one without a value is removed."
    )
    allow: routing_kinds.Networks = Field(
        (), description="Addresses and networks that may ask; nobody else may then."
    )
    deny: routing_kinds.Networks = Field((), description="Addresses and networks that may not ask.")
    basic_auth_file: kinds.FilePath | None = Field(
        None, description="htpasswd file: who asks has to have one of its passwords."
    )
    rate_limit: routing_kinds.Rate = Field(
        None, description="Requests of one address, such as 10/s; more get 429."
    )
    rate_burst: routing_kinds.Amount | None = Field(
        None, description="How many more than that are let through at once."
    )
    max_connections: routing_kinds.Amount | None = Field(
        None, description="Requests of one address at a time; more get 429."
    )

    protocol: Annotated[str, one_of("http", "grpc")] = Field(
        "http", description="What the app speaks: http or grpc."
    )
    gzip: routing_kinds.On = Field(
        False, description="Whether Nginx compresses texts for clients that take that."
    )
    sticky: Annotated[str, routing_kinds.STICKY_KIND] = Field(
        "",
        description="How a client comes back to the same replica: address, or cookie NAME.",
        examples=["cookie lb"],
    )
    pages: Annotated[tuple[tuple[str, str], ...], routing_kinds.PAGES] = Field(
        (), description="Files with the pages of Nginx's own answers, by status."
    )

    @model_validator(mode="after")
    def _no_path_for_grpc(self) -> HandlingFile:
        if self.protocol == "grpc" and self.strip_prefix:
            raise ValueError("gRPC has no prefix that could be stripped. Remove `strip_prefix`.")
        return self

    def handling(self, users: str = "", pages: tuple[tuple[int, str], ...] = ()) -> Handling:
        """What the keys say; `users` is the content of `basic_auth_file`, `pages` of those."""
        return Handling(
            strip_prefix=self.strip_prefix,
            max_body=self.max_body,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            send_timeout=self.send_timeout,
            buffering=self.buffering,
            request_headers=self.request_headers,
            response_headers=self.response_headers,
            pages=pages,
            protocol=self.protocol,
            gzip=self.gzip,
            sticky=self.sticky,
            guard=Guard(
                allow=self.allow,
                deny=self.deny,
                users=users,
                rate=self.rate_limit,
                burst=self.rate_burst or 0,
                connections=self.max_connections or 0,
            ),
        )

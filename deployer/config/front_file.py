"""The keys of a route on how clients come in: TLS, HTTPS, redirects."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from deployer.config import fronts
from deployer.config.section import Section
from deployer.routing import Front, Https, KeyPair


class FrontFile(Section):
    """How clients come to the app's hosts."""

    redirect_from: fronts.Hosts = Field(
        [],
        description="Hosts whose requests are sent to the app's first host.",
        examples=[["www.shop.example.com"]],
    )
    tls: Annotated[bool | tuple[KeyPair, ...] | None, fronts.TLS] = Field(
        None,
        description="Certificate and key; on for the default ones, off for plain HTTP only. "
        "Without it the default ones, if there are any.",
        examples=["off"],
    )
    https: Annotated[Https, fronts.HTTPS] = Field(
        Https.REDIRECT,
        description="Where there is TLS, plain HTTP is sent there (redirect), served too (both) "
        "or not served (only).",
    )
    hsts: Annotated[float, fronts.HSTS] = Field(
        0.0,
        description="How long browsers are told to come by HTTPS only; off for not at all.",
        examples=["180d"],
    )

    @property
    def front(self) -> Front:
        """How clients come in, as the keys say."""
        return Front(
            plain=self.tls is False,
            pairs=self.tls if isinstance(self.tls, tuple) else (),
            https=self.https,
            hsts=self.hsts,
            redirect_from=tuple(self.redirect_from),
        )

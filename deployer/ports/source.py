"""The contract with a kind of sender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployer.model import Push


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request as it came: headers with lower-case names, the raw body, the URL's token."""

    headers: Mapping[str, str]
    body: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sender said: pushes, or none and the reason why nothing is to be done."""

    pushes: tuple[Push, ...] = ()
    reason: str = ""


class Source(Protocol):
    """A kind of sender; pure: a request in, values out."""

    secret_kind: str
    """What the operator pastes at the sender, in a few words."""

    def verify(self, inbound: Inbound, secrets: Sequence[str]) -> None:
        """Raises BadCredential unless the request carries one of the secrets.

        In constant time over all secrets; `secrets` are `sha256:<hex>` of tokens.
        """
        ...

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """What was pushed; `registry` is the host that the sender's repositories stand for.

        Raises BadPayload where the body is not what this sender sends.
        """
        ...

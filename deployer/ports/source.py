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
    """What a sender said: pushes, or none and the reason why nothing is to be done.

    `sender_id` is the sender's own id of this delivery, "" where it gives none.
    """

    pushes: tuple[Push, ...] = ()
    reason: str = ""
    sender_id: str = ""


class Source(Protocol):
    """A kind of sender; pure: a request in, values out."""

    secret_kind: str
    """What the operator pastes at the sender, in a few words."""

    def verify(self, inbound: Inbound, tokens: Sequence[str], secrets: Sequence[str] = ()) -> None:
        """Raises BadCredential unless the request proves that it knows a token or a secret.

        In constant time over all of them; `tokens` are their hashes as `sha256:<hex>`,
        `secrets` those that bodies are signed with, as the sender has them.
        """
        ...

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """What was pushed; `registry` is the host that the sender's repositories stand for.

        Raises BadPayload where the body is not what this sender sends.
        """
        ...

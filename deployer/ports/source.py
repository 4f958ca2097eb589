"""The contract with a kind of sender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from deployer.model import Image, Push

Facts = Mapping[str, str]
"""What an event without an image says of itself, such as `repository` and `branch`."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request as it came: headers with lower-case names, the raw body, the URL's token."""

    headers: Mapping[str, str]
    body: bytes
    token: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a hook knows its sender by.

    `tokens` are hashes (`sha256:<hex>`) of what the sender shows, `secrets` those that it signs
    its bodies with, as the sender has them. `topics` are those whose messages its cloud signs,
    `audience` and `service_account` what a token that it signs must say.
    """

    tokens: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    topics: tuple[str, ...] = ()
    audience: str = ""
    service_account: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a sample proves itself with, plain; one of the two is ""."""

    token: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sender said: pushes, or none and the reason why nothing is to be done.

    An event that names no image has `facts`, by which a rule of the hook may choose.
    `sender_id` is the sender's own id of this delivery, "" where it gives none.
    """

    pushes: tuple[Push, ...] = ()
    reason: str = ""
    sender_id: str = ""
    facts: Facts = field(default_factory=dict)


class Source(Protocol):
    """A kind of sender: a request in, values out.

    Pure, but for the public keys of a cloud that signs what it sends.
    """

    pasted_as: str
    """Where the operator pastes the token at the sender, in a few words."""

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the request proves that it knows a token or a secret.

        In constant time over all that is known.
        """
        ...

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """What was pushed; `registry` is the host that the sender's repositories stand for.

        "" where the sender's own word for it is taken. Raises BadPayload where the body is not
        what this sender sends.
        """
        ...

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A delivery as this sender makes it: of a push, or of an event with these facts."""
        ...


@runtime_checkable
class Confirming(Protocol):
    """A source whose sender posts nothing before somebody has visited an address of its own."""

    def confirmation(self, inbound: Inbound, known: Known) -> str:
        """The address to visit for a request that was verified; "" where it asks for none."""
        ...

    def confirm(self, address: str) -> None:
        """Visit it, once. Raises nothing: the log says what came of it."""
        ...

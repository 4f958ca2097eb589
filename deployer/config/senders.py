"""The kinds of senders: where their images are, what they prove themselves by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployer.model import DEFAULT_REGISTRY


class Signing(StrEnum):
    """What a secret that a sender signs with looks like."""

    STANDARD = "standard"
    """`whsec_` and base64, as Standard Webhooks has it."""
    PLAIN = "plain"
    """Whatever was typed at the sender."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A kind of sender.

    `registry` is the host of its images, "" where each event names it, and a `fallback` where only
    some do; `needs_registry` where nothing does. `images` says that some of its events name one,
    `shows` that it can show a token, `typed` that this may be any value that somebody typed
    instead of a random one, `in_url` that it stands at the URL's end. `facts` are what its events
    without an image say, of which a rule has to have `decisive` ones. `cloud` are the keys of a
    hook that say, together, whose signed messages need no secret.
    """

    registry: str = ""
    fallback: bool = False
    needs_registry: bool = False
    shows: bool = True
    typed: bool = True
    signs: Signing | None = None
    images: bool = True
    in_url: bool = False
    facts: tuple[str, ...] = ()
    decisive: tuple[str, ...] = ()
    cloud: tuple[str, ...] = ()


_GITHUB = ("repository", "workflow", "workflow_name", "branch", "trigger")
_GITLAB = ("event", "project", "ref", "tag", "source", "job", "stage", "environment")
_GITEA = Sender(shows=False, signs=Signing.PLAIN)

SENDERS = {
    "dockerhub": Sender(DEFAULT_REGISTRY, typed=False, in_url=True),
    "github": Sender(
        shows=False, signs=Signing.PLAIN, facts=_GITHUB, decisive=("repository", "branch")
    ),
    "gitlab": Sender(
        images=False, signs=Signing.STANDARD, facts=_GITLAB, decisive=("event", "project", "ref")
    ),
    "harbor": Sender(),
    "quay": Sender(in_url=True, typed=False),
    "distribution": Sender(),
    "gitea": _GITEA,
    "forgejo": _GITEA,
    "acr": Sender(),
    "ecr": Sender(cloud=("topics",)),
    "gar": Sender(in_url=True, cloud=("audience", "service_account")),
    "jfrog": Sender(signs=Signing.PLAIN),
    "nexus": Sender(needs_registry=True, shows=False, signs=Signing.PLAIN),
    "zot": Sender(needs_registry=True),
    "generic": Sender(DEFAULT_REGISTRY, fallback=True, typed=False, signs=Signing.STANDARD),
}
"""By the name that `source:` gives them."""

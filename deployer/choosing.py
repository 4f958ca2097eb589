"""Which tag is meant where nobody names one, and which one an app may be deployed from."""

from __future__ import annotations

from dataclasses import replace

from deployer import tags
from deployer.deployment import Deployment
from deployer.drift import DEPTH, followed
from deployer.errors import ImageNotFound, Refused
from deployer.model import DIGEST, App, Image
from deployer.policy import BY_OPERATORS
from deployer.ports import Registry, Store


def check_asked(app: App, tag: str, digest: str) -> None:
    """Raises Refused for a tag that the app's policy does not let in, and for what is no digest.

    Both come from a process that faces the network.
    """
    if tag and not tags.allows(app.tags, tag):
        raise Refused(
            f"{app.name} is not deployed from the tag {tag}: config.yml allows "
            f"{', '.join(app.tags)}. Add it to the app's `tags:` if it should be"
        )
    if digest and not DIGEST.fullmatch(digest):
        raise Refused("the digest is not one: write sha256: and 64 hexadecimal digits")


def asked_for(app: App, tag: str, digest: str, store: Store, registry: Registry) -> Image:
    """What to ask the registry for: the app's own image, by the tag or digest wanted of it.

    Without either by the first tag of its policy, or the newest version of the first range; where
    there are only other patterns, by the tag that it had last. Raises Refused where none of that
    says anything, and as `check_asked` does; RegistryError where the range has no version.
    """
    check_asked(app, tag, digest)
    if tag or digest:
        return replace(app.image, tag=tag, digest=digest)
    lead = tags.lead(app.tags)
    if is_open(app, tag, digest):
        return replace(app.image, tag=newest(app, registry))
    chosen = lead or followed(app, store.deployments(app.name, limit=DEPTH))
    if not chosen:
        raise Refused(
            f"nothing says which tag {app.name} is to be deployed from: {', '.join(app.tags)} can "
            f"be any of many. Push one, or name it: deployer deploy {app.name} --tag TAG"
        )
    return replace(app.image, tag=chosen)


def is_open(app: App, tag: str, digest: str) -> bool:
    """Whether the registry has to be asked for all its tags to know which one is wanted."""
    lead = tags.lead(app.tags)
    return not (tag or digest) and bool(lead) and not tags.is_exact(lead)


def newest(app: App, registry: Registry) -> str:
    """The newest version in the registry that a range of the app lets in. Raises RegistryError."""
    found = tags.newest(app.tags, registry.tags(app.image))
    if not found:
        raise ImageNotFound(
            f"cannot get {app.image}: the registry {app.image.host} does not have a version of it "
            f"that is in {', '.join(app.tags)}. Push one, or correct `tags`"
        )
    return found


def refuse_older(app: App, wanted: Deployment, store: Store) -> None:
    """Raise Refused for an older version than the one that serves, unless an operator asked.

    By a range only the newest is deployed; what the receiver saw when the push came may be out of
    date by the time that it is its turn.
    """
    active = store.active().get(app.name)
    serving = store.deployment(active.deployment) if active else None
    if serving is None or wanted.trigger in BY_OPERATORS:
        return
    if newer := tags.newer(app.tags, wanted.tag, [serving.tag]):
        raise Refused(
            f"{wanted.tag} is an older version than {newer}, which serves. To go back to it: "
            f"deployer deploy {app.name} --tag {wanted.tag}"
        )


def waits_for_push(app: App, store: Store) -> bool:
    """Whether nothing says what to start it from before one of its tags was pushed."""
    if tags.lead(app.tags):
        return False
    return not followed(app, store.deployments(app.name, limit=DEPTH))

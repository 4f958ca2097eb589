"""Digests that failed after their switch: not tried again, until somebody frees them."""

from __future__ import annotations

from functools import partial

from deployer.deployment import Deployment, Trigger
from deployer.errors import Refused
from deployer.model import Release
from deployer.parts import Parts
from deployer.ports import Quarantine
from deployer.record import Record


def check(parts: Parts, deployment: Deployment, wanted: Release) -> None:
    """Raise Refused for a digest in quarantine; an operator may go back to one that served.

    One that serves in spite of it may get another configuration.
    """
    serves = parts.releases.serves(wanted.app, wanted.image.digest)
    if deployment.trigger is Trigger.ROLLBACK or serves:
        return
    for one in parts.store.quarantined(wanted.app):
        if one.digest == wanted.image.digest:
            raise Refused(
                f"{one.digest[:19]} is in quarantine since deployment {one.deployment}: "
                f"{one.reason}. Push a newer image, or free this one: "
                f"deployer unquarantine {one.app} {one.digest}"
            )


def put(parts: Parts, record: Record, misdeed: str) -> str:
    """Keep the digest of a deployment from being tried again; the words for its reason.

    `misdeed` is what it did after its switch, "" nothing.
    """
    one = record.deployment
    if not misdeed or one.trigger is Trigger.ROLLBACK:
        return ""
    # What serves again with the spec of before is not to blame: the new spec is.
    if record.patiently(partial(parts.releases.serves, one.app, one.digest)):
        return ""
    bad = Quarantine(one.app, one.digest, one.id, misdeed, parts.now())
    record.patiently(lambda: parts.store.set_quarantine(bad))
    return f"; {one.digest[:19]} is in quarantine"

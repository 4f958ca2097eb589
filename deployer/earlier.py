"""Which release an app can be taken back to."""

from __future__ import annotations

from deployer.errors import Refused
from deployer.ports import Store


def kept(store: Store, app: str, release: int) -> int:
    """This release, if it is kept. Raises Refused."""
    numbers = [row.number for row in store.releases(app)]
    if release not in numbers:
        known = ", ".join(map(str, numbers)) or "none"
        raise Refused(f"{app} has no release {release} to go back to: kept are {known}")
    return release


def previous(store: Store, app: str) -> int:
    """The newest kept release below the one that serves. Raises Refused."""
    active = store.active().get(app)
    if active is None:
        raise Refused(
            f"{app} serves no release, so there is none before it. "
            f"Deploy one: deployer deploy {app}"
        )
    older = [row.number for row in store.releases(app) if row.number < active.release]
    if not older:
        raise Refused(
            f"no release of {app} before {active.release}, which serves, is kept. "
            f"Deploy an earlier image instead: deployer deploy {app} --digest sha256:..."
        )
    return max(older)

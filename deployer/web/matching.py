"""Which apps the pushes of a delivery are for, beside what those apps run by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deployer.model import Push
from deployer.policy import Match, Selector, match
from deployer.ports import Store


def matched(
    pushes: Iterable[Push], selectors: Mapping[str, Selector], store: Store
) -> list[tuple[Push, Match]]:
    """Each push with the apps that it is for, in their order. Raises StoreError.

    Of several versions in one delivery the newest counts, as if they came one by one.
    """
    found: list[tuple[Push, Match]] = []

    def in_use(app: str) -> list[str]:
        before = [push.image.tag for push, one in found if app in one.apps]
        return [*before, *_in_use(app, store)]

    for push in pushes:
        meant = match(push.image, selectors, in_use)
        found.append((push, meant))
    return found


def _in_use(app: str, store: Store) -> list[str]:
    """The tags of what an app serves, is being deployed and waits for that."""
    active = store.active().get(app)
    serving = store.deployment(active.deployment) if active else None
    under_way = [one for one in (*store.running(), *store.waiting()) if one.app == app]
    return [one.tag for one in (serving, *under_way) if one is not None]

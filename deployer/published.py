"""What the templates of `outputs:` may know of the apps: what serves, and nothing secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.model import App, Release, Replica, Running
from deployer.parts import Parts
from deployer.ports import Active, OutputApp, OutputReplica
from deployer.releases import is_of
from deployer.settings import settings


def published(
    parts: Parts, active: Mapping[str, Active], replicas: Sequence[Replica]
) -> list[OutputApp]:
    """The apps that serve, by name, with their running replicas under the addresses of now.

    Raises StoreError, and Refused for a release that no worker wrote.
    """
    return [
        _published(
            app, active[name], parts.store.open_release(name, active[name].release), replicas
        )
        for name, app in sorted(parts.apps.items())
        if name in active
    ]


def _published(
    app: App, active: Active, release: Release, replicas: Sequence[Replica]
) -> OutputApp:
    rule = app.route
    port = rule.port if rule else None
    # Docker gives a freed address to the very next container, which may be another app's.
    up = [
        OutputReplica(one.name, one.address, port, one.health)
        for one in sorted(replicas, key=lambda one: one.index)
        if is_of(one, active) and one.state is Running.RUNNING and one.address
    ]
    return OutputApp(
        name=app.name,
        image=release.image.name,
        tag=release.image.tag,
        digest=release.image.digest,
        release=release.number,
        deployment=active.deployment,
        hosts=list(rule.hosts) if rule else [],
        path=rule.path if rule else "",
        port=port,
        labels=_labels(release),
        replicas=up,
    )


def _labels(release: Release) -> dict[str, str]:
    """Those whose name does not tell of a secret."""
    shown = [one for one in settings(release.spec, "labels") if not one.hidden]
    return {str(one.place[1]): one.text for one in shown}

"""Running containers become the first releases of apps: what is taken over, and when not."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from deployer.deployment import Status, Trigger
from deployer.errors import DeployerError, Refused
from deployer.model import App, Image
from deployer.parts import Parts
from deployer.ports import Adopted, Adoption, Found

log = structlog.get_logger()


def adopt(parts: Parts) -> set[str]:
    """Adopt what the apps' `adopt` names, for each app that never served anything.

    Nothing is touched: the container goes on as it is and counts as a replica of the first
    release. Each adoption is one transaction, and what follows it may be repeated, so that it
    does not matter where a worker is killed. What is refused now is tried again at the next call.
    The answer names the apps that are not to be bootstrapped, as their container could not be
    adopted and may still be serving.
    """
    held = {app.name for app in _waiting(parts) if not _adopted(parts, app)}
    for row in parts.store.adopted():
        _keep(parts, row)
    return held


def again(parts: Parts) -> None:
    """Adopt what could not be adopted before, or was not asked for yet."""
    adopt(parts)


def _waiting(parts: Parts) -> Iterator[App]:
    asked = [app for app in parts.apps.values() if app.adopt]
    active = parts.store.active() if asked else {}
    under_way = {one.app for one in parts.store.running()} if asked else set()
    for app in asked:
        begun = app.name in active or app.name in under_way
        if not begun and parts.releases.awaits_adoption(app):
            yield app


def _adopted(parts: Parts, app: App) -> bool:
    """Whether it was adopted; why not stands in the app's history, once."""
    try:
        found = parts.engine.examine(app.adopt, app.name, app.image)
        image = _adoptable(app, found)
    except DeployerError as error:
        if error.retry:
            raise
        _refuse(parts, app, f"cannot adopt {app.adopt}: {error}")
        return False
    adoption = Adoption(app.name, found.container, image, found.spec, tuple(_told(app, found)))
    release = parts.store.adopt(adoption, parts.now())
    log.info("adopted", app=app.name, container=found.name, release=release.number)
    return True


def _refuse(parts: Parts, app: App, reason: str) -> None:
    """Write down why not, unless the last attempt said so already."""
    tries = [one for one in parts.store.deployments(app.name) if one.trigger is Trigger.BOOTSTRAP]
    if not tries or (tries[0].status, tries[0].reason) != (Status.FAILED, reason):
        parts.store.not_adopted(app.name, parts.now(), reason)
        log.warning("not adopted", app=app.name, container=app.adopt, reason=reason)


def _adoptable(app: App, found: Found) -> Image:
    """The image to keep it by. Raises Refused where the container cannot be a release."""
    if found.refused:
        raise Refused("; ".join(found.refused))
    if not found.running:
        raise Refused("it does not run. `docker start` it, or remove `adopt`")
    if found.passing:
        raise Refused(
            "it was started with --rm, so it is gone once it is stopped, and could not come back "
            "where the next release fails. Start it anew without --rm"
        )
    if app.route is not None and not found.address:
        raise Refused(
            "it has no address on the network where Nginx reaches the apps. `docker network "
            "connect` it there, or give the app no route"
        )
    if found.image is None or not found.image.digest:
        raise Refused(
            "no registry has its image, so nothing could bring that back. `docker tag` it with a "
            f"name on your registry, such as {app.image.name}:before, and `docker push` that: "
            "the container itself need not be touched"
        )
    return found.image


def _told(app: App, found: Found) -> Iterator[str]:
    image = found.image
    yield f"container {found.name} ({found.container[:12]}), {image.pinned if image else ''}"
    if image and image.name != app.image.name:
        yield f"its image is not on {app.image.name}: a rollback uses the one that is here"
    for one in found.left:
        yield f"a rollback to it cannot keep {one}"


def _keep(parts: Parts, row: Adopted) -> None:
    """Keep the image from pruning, while the container serves as that release."""
    active = parts.store.active().get(row.app)
    if active is None or (active.release, active.deployment) != (row.release, row.deployment):
        return
    try:
        parts.engine.keep(parts.store.open_release(row.app, row.release))
    except DeployerError as error:
        if error.retry:
            raise
        log.warning("the adopted image may be pruned", app=row.app, reason=str(error))

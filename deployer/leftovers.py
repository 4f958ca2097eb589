"""What an earlier run left over: replicas that serve nobody, and how they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from deployer.errors import DeployerError
from deployer.model import Replica
from deployer.moving import freed
from deployer.parts import Parts
from deployer.ports import Active, Applied
from deployer.releases import is_of

log = structlog.get_logger()


def found(parts: Parts, active: Mapping[str, Active], replicas: Sequence[Replica]) -> list[Replica]:
    """Replicas of our apps that belong neither to what serves nor to what is under way.

    Raises StoreError.
    """
    under_way = {deployment.id for deployment in parts.store.running()}
    return [
        one
        for one in replicas
        if one.app in parts.apps
        and one.deployment not in under_way
        and not is_of(one, active.get(one.app))
    ]


def remove(
    parts: Parts, replicas: Sequence[Replica], applied: Applied, sleep: Callable[[float], None]
) -> None:
    """Retire them, once no Nginx worker knows them any more; what fails the next start does."""
    log.info("removing what an earlier run left over", replicas=[one.name for one in replicas])
    try:
        parts.traffic.wait_drained(applied, sleep)
        for replica in freed(parts, replicas, sleep):
            parts.engine.retire(replica)
        for app in {one.app for one in replicas}:
            newest = max(one.release for one in replicas if one.app == app)
            parts.releases.tidy(app, newest)
    except DeployerError as error:
        log.warning("left-overs stay until the next start", reason=str(error))

"""Starts a halted replica again."""

from __future__ import annotations

from collections.abc import Callable

import docker
from docker.errors import NotFound

from deployer.engines.docker.remove import set_restart
from deployer.engines.docker.start import refused, start_once
from deployer.errors import StartFailed
from deployer.model import Replica, Running


def revive(
    api: docker.APIClient, replica: Replica, restart: str, look: Callable[[Replica], Replica]
) -> Replica:
    """Start the container and give it its restart policy back; how it is then.

    The policy comes last: with it Docker itself would go on starting one that does not start.
    """
    with refused(f"start container {replica.name} again"):
        try:
            start_once(api, replica.id)
            set_restart(api, replica, restart)
        except NotFound as error:
            if look(replica).state is Running.GONE:
                raise _gone(replica) from error
            raise
    return look(replica)


def _gone(replica: Replica) -> StartFailed:
    return StartFailed(
        f"cannot start container {replica.name} again: it was removed by somebody else meanwhile. "
        f"Deploy again, or go back: deployer rollback {replica.app}"
    )

"""What the worker sees of Docker and Nginx, as the snapshot has it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from deployer.model import Replica
from deployer.ports import Engine, Proxy

_SHOWN = ("name", "id", "address", "state", "health", "release", "deployment")


def sight(
    engine: Engine, proxy: Proxy, apps: Iterable[str], replicas: Sequence[Replica], at: float
) -> dict[str, Any]:
    """Nginx, the replicas of each app and the releases whose image is here, at this moment.

    `at` is in seconds since 1970. Raises EngineUnavailable.
    """
    kept = sorted(engine.kept())
    return {
        "at": at,
        "pid": os.getpid(),
        "nginx": {
            **asdict(proxy.facts()),
            "live": proxy.live(),
            "draining": proxy.draining(),
            "reloads": proxy.reloads(),
            "held": [asdict(one) for one in proxy.held()],
        },
        "apps": {
            name: [
                {key: getattr(one, key) for key in _SHOWN} for one in replicas if one.app == name
            ]
            for name in apps
        },
        "images": {name: [number for app, number in kept if app == name] for name in apps},
    }

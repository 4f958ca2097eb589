"""What the worker sees of Docker and Nginx, as the snapshot has it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from deployer.model import Replica
from deployer.parts import Parts
from deployer.ports import Proxy

_SHOWN = ("name", "id", "address", "state", "health", "release", "deployment")


def sight(parts: Parts, proxy: Proxy, replicas: Sequence[Replica]) -> dict[str, Any]:
    """Nginx, the replicas of each app and the releases whose image is here, at this moment.

    Raises EngineUnavailable.
    """
    kept, apps = sorted(parts.engine.kept()), parts.apps
    return {
        "at": parts.now(),
        "pid": os.getpid(),
        "nginx": {
            **asdict(proxy.facts()),
            "live": proxy.live(),
            "draining": proxy.draining(),
            "reloads": proxy.reloads(),
            "held": [asdict(one) for one in proxy.held()],
            **parts.traffic.shown(),
        },
        "certificates": [asdict(one) for one in proxy.certificates()],
        "apps": {
            name: [
                {key: getattr(one, key) for key in _SHOWN} for one in replicas if one.app == name
            ]
            for name in apps
        },
        "images": {name: [number for app, number in kept if app == name] for name in apps},
    }

"""What a registry is told, to notify a deployer of what is pushed to it."""

from __future__ import annotations

from typing import Any

import yaml

from tests.docs import block
from tests.lab.deployer import Deployer


def notifications(deployer: Deployer, hook: str, *, everything: bool = False) -> dict[str, Any]:
    """The endpoint of docs/webhooks.md with this deployer's address and token.

    With `everything` the registry also tells of what the page lets it keep to itself.
    """
    (endpoint,) = yaml.safe_load(block("notifications"))["notifications"]["endpoints"]
    (shown,) = endpoint["headers"]["Authorization"]
    endpoint["url"] = f"http://127.0.0.1:{deployer.receiver_port}/hooks/{hook}"
    endpoint["headers"]["Authorization"] = [shown.replace("TOKEN", deployer.token)]
    return {key: value for key, value in endpoint.items() if key != "ignore" or not everything}

"""Why a container cannot be made again, so that it must not be adopted."""

from __future__ import annotations

import re

from deployer.engines.docker.adopt.compose import FILES
from deployer.engines.docker.adopt.facts import Facts, Notes
from deployer.engines.docker.labels import INSTANCE, identity_of

_TASK = "com.docker.swarm.task.id"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_SECRETS = "/run/secrets/"


def refuse(facts: Facts, notes: Notes) -> None:
    """Note what makes a container like this one impossible."""
    labels = facts.labels
    if identity_of(labels, facts.name) is not None:
        notes.refuse("it is a replica of deployer's", "its app is in that deployer's configuration")
    elif labels.get(INSTANCE) and INSTANCE not in (facts.defaults.get("Labels") or {}):
        notes.refuse("deployer made it", "it is the Nginx of a deployer, which keeps it up itself")
    if labels.get(_TASK):
        notes.refuse(
            "it is a task of a Swarm service",
            "Swarm would start it again. Remove the service, and run it as a container",
        )
    if facts.config.get("NetworkDisabled"):
        notes.refuse("its network is disabled", "no key says it. Write `network_mode: none`")
    names = [one.get("Name") or "" for one in facts.container.get("Mounts") or ()]
    if facts.host.get("AutoRemove") and any(_ANONYMOUS.fullmatch(name) for name in names):
        notes.refuse(
            "it was started with --rm and has an anonymous volume",
            "Docker removes that with it. Copy its data to a named volume, and start it anew "
            "without --rm",
        )
    _copied(facts, notes)


def _copied(facts: Facts, notes: Notes) -> None:
    """Compose copies secrets and configs in that come from a variable or from the file itself.

    Nothing of that is in what Docker shows: a container made from it would be without them.
    """
    targets = [one["Destination"] for one in facts.container.get("Mounts") or ()]
    mounted = {*targets, *(facts.host.get("Tmpfs") or {})}
    secrets = {path for path in facts.changed if path.startswith(_SECRETS)}
    known = {path for path in facts.copied or () if path in facts.changed}
    lost = sorted(
        path
        for path in secrets | known
        if not any(path == one or path.startswith(f"{one}/") for one in mounted)
    )
    if lost:
        notes.refuse(
            f"files were copied into it ({', '.join(lost)})",
            "they are in no image and no mount, and a new container would be without them. "
            "Declare them under `secrets:` or `configs:` of config.yml, or give them a `file:` "
            "in the Compose file and `docker compose up -d`",
        )
    elif facts.copied is None:
        notes.leave(
            "configs of Compose",
            f"{facts.labels.get(FILES) or 'its Compose file'} cannot be read here, so nobody knows "
            "whether Compose copied some in. Look for `configs:` with `content` or `environment`",
        )

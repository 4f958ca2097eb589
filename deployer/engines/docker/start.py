"""Creates and starts the replicas of a release, or goes on where an earlier start broke off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import APIError, NotFound

from deployer.engines.docker import create
from deployer.engines.docker.client import words
from deployer.engines.docker.labels import Identity, identity_of
from deployer.engines.docker.look import described
from deployer.errors import StartFailed
from deployer.model import Release, Replica

_CONFLICT = 409


def start(api: docker.APIClient, instance: str, release: Release, deployment: int) -> list[Replica]:
    """Create all replicas, then start them, in index order.

    Raises StartFailed; what was created until then stays, to be discarded by its labels.
    """
    identities = [
        Identity(instance, release.app, deployment, release.number, index)
        for index in range(1, release.spec.replicas + 1)
    ]
    _check_networks(api, release)
    for identity in identities:
        _create(api, release, identity)
    return [_start(api, identity) for identity in identities]


def _check_networks(api: docker.APIClient, release: Release) -> None:
    """Docker would create the container and fail only at its start, with a vaguer word."""
    for network in release.spec.networks:
        try:
            api.inspect_network(network)
        except NotFound as error:
            raise StartFailed(
                f"cannot start {release.app}: its network {network} does not exist. "
                f"`docker network create {network}`, or correct `networks`"
            ) from error


def _create(api: docker.APIClient, release: Release, identity: Identity) -> None:
    with _refused(f"create container {identity.name}"):
        try:
            made = api.create_container_from_config(  # type: ignore[no-untyped-call]
                create.container(release, identity), name=identity.name
            )
        except APIError as error:
            if error.status_code != _CONFLICT:
                raise
            made = _own_half_done(api, identity, error)
        _join(api, release, made["Id"])


def _own_half_done(api: docker.APIClient, identity: Identity, conflict: APIError) -> dict[str, Any]:
    """The container that has our name, if an earlier attempt of this very start made it."""
    try:
        existing: dict[str, Any] = api.inspect_container(identity.name)
    except NotFound:
        # The name was freed in between, or is reserved by a create that is still under way.
        raise conflict from None
    if identity_of(existing["Config"].get("Labels"), identity.name) != identity:
        raise StartFailed(
            f"cannot create container {identity.name}: another container "
            f"({existing['Id'][:12]}, image {existing['Config']['Image']}) has this name and was "
            f"left alone. If it is not needed, `docker rm -f {identity.name}`, and deploy again"
        ) from conflict
    return existing


def _join(api: docker.APIClient, release: Release, container: str) -> None:
    """Connect the networks after the first, before the start: the app sees all from its birth."""
    others = release.spec.networks[1:]
    if not others:
        return
    joined = api.inspect_container(container)["NetworkSettings"]["Networks"]
    for network in others:
        if network not in joined:
            aliases = create.endpoint(network, release.app).get("Aliases")
            api.connect_container_to_network(container, network, aliases=aliases)


def _start(api: docker.APIClient, identity: Identity) -> Replica:
    with _refused(f"start container {identity.name}"):
        api.start(identity.name)
        return described(identity, api.inspect_container(identity.name))


@contextmanager
def _refused(doing: str) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise StartFailed(f"cannot {doing}: {words(error)}") from error

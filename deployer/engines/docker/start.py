"""Creates and starts the replicas of a release, or goes on where an earlier start broke off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

from deployer.engines.docker.client import NO_ANSWER, again, words
from deployer.engines.docker.create.body import container
from deployer.engines.docker.create.needs import too_new
from deployer.engines.docker.create.networks import all_at_create, endpoint
from deployer.engines.docker.files import ReleaseFiles
from deployer.engines.docker.labels import Identity, identity_of
from deployer.engines.docker.look import described, reached
from deployer.engines.docker.others import check_free, check_joined
from deployer.engines.docker.refusals import with_advice
from deployer.errors import StartFailed
from deployer.model import Release, Replica
from deployer.spec import Attachment, FileMount

_CONFLICT = 409


def start(
    api: docker.APIClient,
    instance: str,
    release: Release,
    deployment: int,
    releases: ReleaseFiles,
) -> list[Replica]:
    """Create all replicas, then start them, in index order.

    Raises StartFailed; what was created until then stays, to be discarded by its labels.
    """
    created = _create_all(api, instance, release, deployment, releases)
    check_free(api, instance, release, deployment)
    return [_start(api, identity) for identity in created]


def prepare(
    api: docker.APIClient,
    instance: str,
    release: Release,
    deployment: int,
    releases: ReleaseFiles,
) -> list[Replica]:
    """Create all replicas and start none. Raises StartFailed as `start` does."""
    created = _create_all(api, instance, release, deployment, releases)
    return [described(one, api.inspect_container(one.name)) for one in created]


def _create_all(
    api: docker.APIClient,
    instance: str,
    release: Release,
    deployment: int,
    releases: ReleaseFiles,
) -> list[Identity]:
    identities = [
        Identity(instance, release.app, deployment, release.number, index)
        for index in range(1, release.spec.replicas + 1)
    ]
    check_version(api, release)
    check_networks(api, release)
    check_joined(api, release)
    files = releases.write(release)
    for identity in identities:
        _create(api, release, identity, files)
        releases.give(api, release.app, identity.name, files)
    return identities


def check_version(api: docker.APIClient, release: Release) -> None:
    """Raise StartFailed for what this Docker would silently leave out."""
    if missing := too_new(release.spec, api.api_version):
        raise StartFailed(
            f"cannot start {release.app}: {', '.join(missing)}, and this one would silently leave "
            f"it out (its API is {api.api_version}). Update Docker, or remove the key"
        )


def check_networks(api: docker.APIClient, release: Release) -> None:
    """Docker would create the container and fail only at its start, with a vaguer word."""
    for network in (one.name for one in release.spec.networks):
        try:
            api.inspect_network(network)
        except NotFound as error:
            raise StartFailed(
                f"cannot start {release.app}: its network {network} does not exist. "
                f"`docker network create {network}`, or correct `networks`"
            ) from error


def _create(
    api: docker.APIClient,
    release: Release,
    identity: Identity,
    files: Mapping[FileMount, Path],
) -> None:
    with refused(f"create container {identity.name}"):
        try:
            # Its name is taken by the first of two: where no answer came, that is ours.
            made = again(
                partial(
                    api.create_container_from_config,
                    container(release, identity, files, api.api_version),
                    name=identity.name,
                    platform=release.spec.platform or None,
                )
            )
        except APIError as error:
            if error.status_code != _CONFLICT:
                raise
            made = _own_half_done(api, identity, error)
        join(api, release, made["Id"])


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


def join(api: docker.APIClient, release: Release, container: str) -> None:
    """Connect the networks after the first, before the start: the app sees all from its birth."""
    if not all_at_create(api.api_version):
        for network in release.spec.networks[1:]:
            again(partial(_connect, api, release, container, network))


def _connect(api: docker.APIClient, release: Release, container: str, network: Attachment) -> None:
    if network.name in api.inspect_container(container)["NetworkSettings"]["Networks"]:
        return
    api.connect_container_to_network(
        container,
        network.name,
        aliases=endpoint(network.name, network, release.app).get("Aliases"),
        ipv4_address=network.ipv4_address or None,
        ipv6_address=network.ipv6_address or None,
        link_local_ips=list(network.link_local_ips) or None,
        driver_opt=dict(network.driver_opts) or None,
        mac_address=network.mac_address or None,
    )


def _start(api: docker.APIClient, identity: Identity) -> Replica:
    with refused(f"start container {identity.name}"):
        start_once(api, identity.name)
        return reached(api, described(identity, api.inspect_container(identity.name)))


def start_once(api: docker.APIClient, container: str) -> None:
    """Start it; where no answer comes, look: what ends at once must not do its work twice."""
    before = api.inspect_container(container)["State"]["StartedAt"]
    try:
        api.start(container)
    except NO_ANSWER:
        if api.inspect_container(container)["State"]["StartedAt"] == before:
            raise


@contextmanager
def refused(doing: str) -> Iterator[None]:
    """Make what Docker refuses a StartFailed, with what to do."""
    try:
        yield
    except APIError as error:
        raise StartFailed(f"cannot {doing}: {with_advice(words(error))}") from error

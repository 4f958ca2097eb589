"""Builds the adapters that the configuration names, and puts the worker together."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from deployer.config.sources import Sources
    from deployer.config.values import Config
    from deployer.engines.docker.client import Clients
    from deployer.ports import NginxHost, Registry
    from deployer.proxies.rendering import Rendering
    from deployer.proxies.sites import ReceiverSite
    from deployer.registries.credentials import Credentials
    from deployer.reloading import Reloading
    from deployer.stores.sqlite import SQLiteStore
    from deployer.worker import Worker

log = structlog.get_logger()


def open_store(config: Config) -> SQLiteStore:
    """The store, to read and to give orders; the caller closes it.

    Raises StoreUnavailable where no deployer has run yet, StoreUnusable for a newer schema.
    """
    from deployer.stores.schema import wait_for_schema
    from deployer.stores.sqlite import SQLiteStore

    wait_for_schema(config.paths.database, timeout=0.0)
    return SQLiteStore(config.paths.database)


def registry(config: Config, clients: Clients) -> Registry:
    """Asks the registries what tags mean, with the logins that the configuration names."""
    from deployer.engines.docker.registry import DockerRegistry

    return DockerRegistry(clients, _logins(config))


def renderer(config: Config) -> Rendering:
    """Renders what Nginx would be given; touches neither disk nor Nginx."""
    from deployer.proxies.rendering import Rendering

    return Rendering(config.nginx, _receiver_site(config), _templates(config))


def run_worker(config: Config, sources: Sources[Config], group: int | None = None) -> int:
    """Run the worker until SIGTERM or SIGINT; its exit code.

    What changes in `sources`, where `config` came from, is followed; SIGHUP lets it look at once.
    The store is shared with `group`, without one with whom it is shared already.
    """
    from deployer.engines.docker.client import Clients
    from deployer.reloading import Reloading
    from deployer.stores.key import load_or_create_key
    from deployer.stores.schema import migrate
    from deployer.stores.seal import Seal
    from deployer.stores.sqlite import SQLiteStore

    stop, asked = threading.Event(), threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: asked.set())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    paths = config.paths
    migrate(paths.database, _receivers_group(paths.state) if group is None else group)
    key = load_or_create_key(paths.private / "release.key")
    with ExitStack() as ends, _only_worker(paths.private, stop):
        seal = Seal(key)
        store = SQLiteStore(paths.database, seal=seal)
        ends.callback(store.close)
        clients = Clients()
        ends.callback(clients.close)
        logins = _logins(config)
        reloading = Reloading(sources, config, asked, logins.follow)
        instance = seal.instance(store.instance())
        _worker(reloading, store, clients, logins, instance, stop).run()
    return 0


def _worker(
    reloading: Reloading,
    store: SQLiteStore,
    clients: Clients,
    logins: Credentials,
    instance: str,
    stop: threading.Event,
) -> Worker:
    from deployer.engines.docker.engine import DockerEngine
    from deployer.engines.docker.files import ReleaseFiles
    from deployer.engines.docker.registry import DockerRegistry
    from deployer.health import Prober
    from deployer.proxies.nginx import Nginx
    from deployer.registries.heads import Heads
    from deployer.rollout import Parts
    from deployer.traffic import Traffic
    from deployer.worker import Worker

    config = reloading.config
    folder = config.paths.nginx
    host = nginx_host(config, clients, instance)
    nginx = Nginx(host, folder, config.nginx, _receiver_site(config), _templates(config))
    parts = Parts(
        apps=config.apps,
        store=store,
        registry=DockerRegistry(clients, logins, glance=Heads(logins)),
        engine=DockerEngine(clients, instance, logins, ReleaseFiles(config.paths.files)),
        traffic=Traffic(nginx, config.nginx.drain),
        prober=Prober(config.nginx.http_port, host.address),
        wait=stop.wait,
    )
    return Worker(parts, nginx, stop, config.worker.parallel, reloading=reloading)


def nginx_host(config: Config, clients: Clients, instance: str) -> NginxHost:
    """Where Nginx lives in the mode that the configuration names."""
    settings, folder = config.nginx, config.paths.nginx
    if settings.mode == "host":
        from deployer.proxies.nginx_process import NginxProcess

        return NginxProcess(settings, folder)
    if settings.mode == "container":
        from deployer.engines.docker.nginx_own import OwnNginxContainer

        return OwnNginxContainer(clients, settings, folder, instance)
    from deployer.engines.docker.nginx_container import NginxContainer

    return NginxContainer(clients, settings, folder, instance)


def _logins(config: Config) -> Credentials:
    from deployer.registries.credentials import Credentials
    from deployer.registries.docker_config import config_file

    return Credentials(config, config_file(os.environ))


def _receiver_site(config: Config) -> ReceiverSite | None:
    from deployer.proxies.sites import ReceiverSite

    own = config.receiver
    return ReceiverSite(own.host, own.bind, own.port, own.max_body) if own.host else None


def _templates(config: Config) -> list[Path]:
    from deployer.proxies.templates import package_templates

    users = [config.nginx.templates] if config.nginx.templates else []
    return [*users, package_templates()]


def _receivers_group(state: Path) -> int | None:
    """The group that `serve` gave the state folder to; None where all have one user."""
    if not state.is_dir() or not state.stat().st_mode & 0o070:
        return None
    return state.stat().st_gid


@contextmanager
def _only_worker(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Hold the worker's lock: a second one would take the first one's replicas for stale.

    The kernel frees it when its holder dies, however that happens.
    """
    from deployer.stores.files import try_lock

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        said = False
        while not stop.is_set() and not try_lock(handle):
            if not said:
                log.warning("waiting: another worker runs on this state", state=str(folder))
            said = True
            stop.wait(0.2)
        yield
    finally:
        os.close(handle)

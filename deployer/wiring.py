"""Builds the adapters that the configuration names, and puts the worker together."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import structlog

from deployer.errors import Interrupted, ProxyError

if TYPE_CHECKING:
    from deployer.config.sources import Sources
    from deployer.config.values import Config
    from deployer.engines.docker.client import Clients
    from deployer.ports import (
        Engine,
        Found,
        NginxFacts,
        NginxHost,
        Notifier,
        OutputWriter,
        Proxy,
        Registry,
        Store,
    )
    from deployer.proxies.isolating import Plan
    from deployer.proxies.sites import ReceiverSite
    from deployer.registries.credentials import Credentials
    from deployer.reloading import Reloading
    from deployer.routing import Route
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
    from deployer.registries.listing import Listing

    logins = _logins(config)
    return DockerRegistry(clients, logins, listing=Listing(logins))


def examine(container: str, app: str) -> Found:
    """A running container as the app that it would be, asked of Docker at once.

    Raises Refused where there is none of this name, EngineUnavailable without Docker.
    """
    from deployer.engines.docker.adopt.examine import examine as ask
    from deployer.engines.docker.client import Clients, translated

    clients = Clients()
    try:
        with translated(f"look at container {container}"):
            return ask(clients.api, container, app)
    finally:
        clients.close()


def planned(config: Config, routes: Sequence[Route], facts: NginxFacts) -> Plan:
    """What Nginx would be given, beside what it has; touches neither disk nor Nginx.

    Raises RenderRefused where it is no single app's files that cannot be made.
    """
    from deployer.proxies.generations import Generations
    from deployer.proxies.isolating import Blame, Plan
    from deployer.proxies.rendering import Rendering
    from deployer.proxies.templates import package_templates

    site, generations = _receiver_site(config), Generations(config.paths.nginx)
    live: dict[str, str] = {}
    # Who may not read it still sees what is rendered.
    with suppress(ProxyError):
        live = generations.files(generations.current())
    own = Rendering(config.nginx, site, _templates(config), config.paths.nginx / "current")
    plain = Rendering(config.nginx, site, [package_templates()])
    for one in (own, plain):
        one.reload()
    plan = Plan(own, plain, facts, {one.app: one for one in routes}, {}, live, Blame())
    plan.settle()
    return plan


@dataclass(frozen=True, slots=True)
class Adapters:
    """What a worker is put together from."""

    store: Store
    registry: Registry
    engine: Engine
    host: NginxHost
    proxy: Proxy
    outputs: OutputWriter
    notifier: Notifier
    logins: Credentials


def run_worker(config: Config, sources: Sources[Config], group: int | None = None) -> int:
    """Run the worker until SIGTERM or SIGINT; its exit code.

    What changes in `sources`, where `config` came from, is followed; SIGHUP lets it look at once.
    The store is shared with `group`, without one with whom it is shared already.
    """
    from deployer.reloading import Reloading

    stop, asked = threading.Event(), threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: asked.set())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with suppress(Interrupted), adapters(config, stop, group) as parts:
        reloading = Reloading(sources, config, asked, parts.logins.follow)
        worker(config, parts, stop, reloading).run()
    return 0


@contextmanager
def adapters(config: Config, stop: threading.Event, group: int | None) -> Iterator[Adapters]:
    """The worker's adapters, once no other worker runs on this state; closed in the end.

    Raises Interrupted where `stop` is set before that.
    """
    from deployer.engines.docker.adopted import Adoptions
    from deployer.engines.docker.client import Clients
    from deployer.engines.docker.engine import DockerEngine
    from deployer.engines.docker.files import ReleaseFiles
    from deployer.engines.docker.registry import DockerRegistry
    from deployer.notifiers.servers import Servers
    from deployer.proxies.outputs import OutputFiles
    from deployer.registries.heads import Heads
    from deployer.registries.listing import Listing
    from deployer.stores.fence import fenced, only_worker
    from deployer.stores.key import load_or_create_key
    from deployer.stores.schema import migrate
    from deployer.stores.seal import Seal
    from deployer.stores.sqlite import SQLiteStore

    paths = config.paths
    migrate(paths.database, _receivers_group(paths.state) if group is None else group)
    key = load_or_create_key(paths.private / "release.key")
    with ExitStack() as ends, only_worker(paths.private, stop):
        seal = Seal(key)
        store = SQLiteStore(paths.database, seal=seal)
        ends.callback(store.close)
        store.take_fence(partial(_end_at_once, paths.state))
        clients = Clients()
        ends.callback(clients.close)
        instance = seal.instance(store.instance())
        adoptions = Adoptions(store.adopted, config.nginx.network)
        logins, files = _logins(config), ReleaseFiles(paths.files)
        engine = DockerEngine(clients, instance, logins, files, adoptions)
        host = nginx_host(config, clients, instance)
        yield Adapters(
            store=store,
            registry=DockerRegistry(clients, logins, glance=Heads(logins), listing=Listing(logins)),
            engine=fenced(engine, store.check_fence),
            host=host,
            proxy=fenced(proxy(config, host), store.check_fence),
            outputs=fenced(OutputFiles(paths.private / "outputs"), store.check_fence),
            notifier=fenced(Servers(instance), store.check_fence),
            logins=logins,
        )


def worker(
    config: Config, parts: Adapters, stop: threading.Event, reloading: Reloading | None = None
) -> Worker:
    """A worker that is made of these parts, and runs until `stop` is set.

    Without `reloading` its configuration stays as it is.
    """
    from deployer.doctor.ports import holder
    from deployer.health import Prober
    from deployer.outputs import Outputs
    from deployer.parts import Parts
    from deployer.reports import Reports
    from deployer.tls_probe import Doors
    from deployer.traffic import Traffic
    from deployer.worker import Worker

    procedure = Parts(
        apps=config.apps,
        store=parts.store,
        registry=parts.registry,
        engine=parts.engine,
        traffic=Traffic(parts.proxy, config.nginx.drain, parts.store.maintained),
        prober=Prober(
            Doors(config.nginx.http_port, config.nginx.https_port, bool(config.nginx.tls)),
            parts.host.address,
        ),
        wait=stop.wait,
        origins=config.origins,
        listener=lambda port: str(holder(port) or ""),
    )
    return Worker(
        procedure,
        parts.proxy,
        stop,
        config.worker.parallel,
        reloading=reloading,
        outputs=Outputs(parts.outputs, parts.engine, config.outputs),
        reports=Reports(parts.notifier, parts.store, config.reports, config.receiver.pages),
    )


def proxy(config: Config, host: NginxHost) -> Proxy:
    """Nginx as this configuration wants it, wherever it lives."""
    from deployer.proxies.nginx import Nginx

    folder, site = config.paths.nginx, _receiver_site(config)
    return Nginx(host, folder, config.nginx, site, _templates(config))


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
    if own.host is None:
        return None
    return ReceiverSite(own.host, own.bind, own.port, own.max_body, own.front)


def _templates(config: Config) -> list[Path]:
    from deployer.proxies.templates import package_templates

    users = [config.nginx.templates] if config.nginx.templates else []
    return [*users, package_templates()]


def _receivers_group(state: Path) -> int | None:
    """The group that `serve` gave the state folder to; None where all have one user."""
    if not state.is_dir() or not state.stat().st_mode & 0o070:
        return None
    return state.stat().st_gid


def _end_at_once(state: Path) -> NoReturn:
    """End as if killed: nothing is taken back, since all of it is the newer worker's by now."""
    log.critical("another worker has taken over this state, so this one ends", state=str(state))
    os._exit(1)

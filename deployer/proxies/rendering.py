"""Renders a generation's files from routes, and reads each back before anybody sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies import allowed
from deployer.proxies.allowed_handling import network
from deployer.proxies.expected import (
    Main,
    locations_shape,
    main_shape,
    receiver_shape,
    site_shape,
    upstream_shape,
)
from deployer.proxies.handling import handling_values, has_shared, passwords
from deployer.proxies.parseback import Directive, parse_back
from deployer.proxies.sites import ReceiverSite, Site, sites_of
from deployer.proxies.templates import Templates
from deployer.routing import Route

MAIN = "nginx.conf"
_OF_APPS = {
    "upstreams": "upstream.conf.j2",
    "shared": "shared.conf.j2",
    "locations": "locations.conf.j2",
    "sites": "site.conf.j2",
}
"""Where the files of single apps are, and what they are rendered from."""


_LOG_FORMATS = {"text": "deployer", "json": "deployer_json", "off": ""}
_REAL_IP = "http_realip_module"


def template_of(file: str) -> str:
    """The name of the template that a generation's file is rendered from."""
    folder = file.partition("/")[0]
    if folder in _OF_APPS:
        return _OF_APPS[folder]
    return file if file == "mime.types" else f"{file}.j2"


class Rendering:
    """Routes in, checked files out; nothing of the disk or of Nginx is touched."""

    def __init__(
        self, settings: Settings, receiver: ReceiverSite | None, folders: Sequence[Path]
    ) -> None:
        self._settings = settings
        self._receiver = receiver
        self._templates = Templates(folders)
        self._read_back: dict[str, tuple[str, list[Directive]]] = {}

    def files(self, routes: Sequence[Route], facts: NginxFacts, generation: int) -> dict[str, str]:
        """Every file of this generation by relative path.

        Raises RenderRefused for a value outside its allow-list, a template that cannot be
        rendered, or a result that does not say what the routes say.
        """
        self._templates.reload()
        receiver = self._receiver
        sites = sites_of(routes, receiver.host if receiver else None)
        port = allowed.port(self._settings.http_port)
        common = {"nginx_version": facts.version, "http_port": port, "prefix": "", "via": "proxy"}
        files = {
            "mime.types": self._file("mime.types", {}, []),
            MAIN: self._main(sites, facts, common, generation),
        }
        for site in sites:
            files |= self._site(site, common)
        if receiver:
            address, (access, _) = receiver.address(facts.gateway), _logs(facts)
            files["receiver.conf"] = self._file(
                "receiver.conf",
                {**common, **_receiver_values(receiver), "address": address, "access_log": access},
                list(receiver_shape(receiver, port, address, access)),
            )
        return files

    def _site(self, site: Site, common: dict[str, Any]) -> dict[str, str]:
        """The files of one app."""
        values = {**common, **_site_values(site, common["nginx_version"])}
        shapes: dict[str, Iterable[Directive]] = {"locations": locations_shape(site)}
        if has_shared(site.handling):
            shapes["shared"] = ()
        if site.targets:
            shapes["upstreams"] = upstream_shape(site)
        if site.servers:
            shapes["sites"] = site_shape(site, common["http_port"])
        files = {f"{folder}/{site.app}.conf": list(shape) for folder, shape in shapes.items()}
        rendered = {file: self._file(file, values, expected) for file, expected in files.items()}
        return rendered | passwords(site.app, site.handling)

    def template(self, file: str) -> Path:
        """The template that a generation's file is rendered from, for messages."""
        return self._templates.path(template_of(file))

    def _main(
        self, sites: Sequence[Site], facts: NginxFacts, common: dict[str, Any], generation: int
    ) -> str:
        settings, receiver = self._settings, self._receiver
        names = [name for site in sites for server in site.servers for name in server.names]
        access_log, error_log = _logs(facts)
        gateway = allowed.address(facts.gateway) if facts.gateway else ""
        status_port = allowed.port(settings.status_port)
        main = Main(
            user=allowed.user(facts.user) if facts.user else "",
            pid=_pid(facts),
            error_log=error_log,
            access_log=access_log,
            http_port=common["http_port"],
            # The address of a container may be another at its next start, and Nginx would not
            # start then: it listens on all, and answers only this machine.
            status=str(status_port) if gateway else f"127.0.0.1:{status_port}",
            gateway=gateway,
            generation=generation,
            receiver=receiver is not None,
            include=tuple(allowed.include(file) for file in settings.include),
            log_format=_LOG_FORMATS[settings.access_log],
            trusted=_trusted(settings, facts),
        )
        values = {
            **common,
            **asdict(main),
            "log": " ".join(main.log),
            "http2": any(site.handling.protocol == "grpc" for site in sites),
            "temporary": f"{allowed.folder(facts.folder)}/temporary" if facts.folder else "",
            "keepalive_timeout": allowed.seconds(settings.keepalive_timeout),
            "drain": allowed.seconds(settings.drain),
            "names_hash": _names_hash([*names, receiver.host if receiver else ""]),
        }
        return self._file(MAIN, values, list(main_shape(main)))

    def _file(self, file: str, values: dict[str, Any], expected: list[Directive]) -> str:
        text = self._templates.render(template_of(file), values)
        # Reading back costs most with many sites, and few of them change at a time.
        if self._read_back.get(file) != (text, expected):
            parse_back(file, text, expected, self.template(file))
            self._read_back[file] = (text, expected)
        return text


def _site_values(site: Site, version: tuple[int, int, int]) -> dict[str, Any]:
    return {
        "app": site.app,
        "upstream": site.upstream,
        "targets": site.targets,
        "matches": site.matches,
        "servers": site.servers,
        **handling_values(site.way, site.handling, version),
    }


def _receiver_values(site: ReceiverSite) -> dict[str, Any]:
    return {
        "host": allowed.host(site.host),
        "max_body": allowed.size(site.max_body),
    }


def _logs(facts: NginxFacts) -> tuple[str, str]:
    """Where requests and errors are written: to a container's output, or to files of a host's."""
    if not facts.folder:
        return "/dev/stdout", "stderr"
    folder = allowed.folder(facts.folder)
    return f"{folder}/logs/access.log", f"{folder}/logs/error.log"


def _pid(facts: NginxFacts) -> str:
    if facts.folder:
        return f"{allowed.folder(facts.folder)}/nginx.pid"
    return "/run/nginx.pid" if facts.user else "/tmp/nginx.pid"  # noqa: S108


def _trusted(settings: Settings, facts: NginxFacts) -> tuple[str, ...]:
    """The proxies before Nginx whose word on the client is taken."""
    if settings.trusted_proxies and facts.modules and _REAL_IP not in facts.modules:
        raise RenderRefused(
            f"`nginx.trusted_proxies` needs an Nginx with {_REAL_IP}, and {facts.where} has none. "
            "Use another Nginx, or remove the key; the previous configuration is still live"
        )
    return tuple(network(one) for one in settings.trusted_proxies)


def _names_hash(names: Sequence[str]) -> dict[str, int]:
    """Room for the names: a bucket holds the longest of them and two pointers.

    https://nginx.org/en/docs/http/server_names.html#optimization
    """
    longest = max(len(name) for name in names) + 32
    bucket = next(size for size in (64, 128, 256, 512) if size >= longest)
    return {"bucket_size": bucket, "max_size": max(512, 1 << (4 * len(names)).bit_length())}

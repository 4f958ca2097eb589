"""What `nginx.conf` and the receiver's site are rendered from, besides the routes; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies import allowed
from deployer.proxies.allowed_handling import network
from deployer.proxies.expected import Main
from deployer.proxies.sender_answers import SENDER_ANSWERS
from deployer.proxies.sites import ReceiverSite, Site

_LOG_FORMATS = {"text": "deployer", "json": "deployer_json", "off": ""}
_REAL_IP = "http_realip_module"


def main_of(
    settings: Settings, receiver: ReceiverSite | None, facts: NginxFacts, generation: int
) -> Main:
    """What the main file has to say. Raises RenderRefused for a value outside its allow-list."""
    access_log, error_log = logs(facts)
    gateway = allowed.address(facts.gateway) if facts.gateway else ""
    status_port = allowed.port(settings.status_port)
    return Main(
        user=allowed.user(facts.user) if facts.user else "",
        pid=_pid(facts),
        error_log=error_log,
        access_log=access_log,
        http_port=allowed.port(settings.http_port),
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


def main_values(
    main: Main,
    settings: Settings,
    receiver: ReceiverSite | None,
    facts: NginxFacts,
    sites: Sequence[Site],
) -> dict[str, Any]:
    """What nginx.conf.j2 is given."""
    names = [name for site in sites for server in site.servers for name in server.names]
    return {
        **asdict(main),
        "log": " ".join(main.log),
        "http2": any(site.handling.protocol == "grpc" for site in sites),
        "temporary": f"{allowed.folder(facts.folder)}/temporary" if facts.folder else "",
        "keepalive_timeout": allowed.seconds(settings.keepalive_timeout),
        "drain": allowed.seconds(settings.drain),
        "names_hash": _names_hash([*names, receiver.host if receiver else ""]),
    }


def receiver_values(site: ReceiverSite, facts: NginxFacts) -> dict[str, Any]:
    """What receiver.conf.j2 is given."""
    return {
        "host": allowed.host(site.host),
        "max_body": allowed.size(site.max_body),
        "address": site.address(facts.gateway),
        "access_log": logs(facts)[0],
        "answers": [
            {
                "location": one.location,
                "error_page": " ".join(one.error_page),
                "status": one.status,
                "body": one.body,
                "retry_after": one.retry_after,
            }
            for one in SENDER_ANSWERS
        ],
    }


def logs(facts: NginxFacts) -> tuple[str, str]:
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
            "Use another Nginx, or remove the key"
        )
    return tuple(network(one) for one in settings.trusted_proxies)


def _names_hash(names: Sequence[str]) -> dict[str, int]:
    """Room for the names: a bucket holds the longest of them and two pointers.

    https://nginx.org/en/docs/http/server_names.html#optimization
    """
    longest = max(len(name) for name in names) + 32
    bucket = next(size for size in (64, 128, 256, 512) if size >= longest)
    return {"bucket_size": bucket, "max_size": max(512, 1 << (4 * len(names)).bit_length())}

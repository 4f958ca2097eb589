"""What each file of a generation has to say, from the routes alone; pure."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.proxies.parseback import Directive, directive
from deployer.proxies.sites import ReceiverSite, Server, Site


def main_shape(
    *, user: str, http_port: int, status: str, generation: int, receiver: bool
) -> Iterator[Directive]:
    """`nginx.conf`: global settings, the two servers that name nobody's site, the includes."""
    nobody = [
        directive("listen", http_port, "default_server"),
        directive("server_name", "_"),
        directive("access_log", "off"),
        directive("return", 444),
    ]
    live = [
        directive("listen", status),
        directive("server_name", "localhost"),
        directive("access_log", "off"),
        directive("return", 200, generation),
    ]
    includes = ["mime.types", *(["receiver.conf"] if receiver else []), "sites/*.conf"]
    yield directive("user", user)
    yield directive("pid", "/run/nginx.pid")
    yield directive("error_log", "stderr", "warn")
    yield directive("events", block=[])
    yield directive(
        "http",
        block=[
            directive("access_log", "/dev/stdout", "deployer"),
            directive("server", block=nobody),
            directive("server", block=live),
            *(directive("include", file) for file in includes),
        ],
    )


def site_shape(site: Site, http_port: int) -> Iterator[Directive]:
    """`sites/<app>.conf`: the app's upstream, and the server blocks that are in its file."""
    servers = [directive("server", target) for target in site.targets]
    yield directive("upstream", site.upstream, block=servers)
    for server in site.servers:
        yield directive("server", block=list(_server(server, http_port)))


def _server(server: Server, http_port: int) -> Iterator[Directive]:
    yield directive("listen", http_port)
    yield directive("server_name", *server.names)
    for location in server.locations:
        for match in location.matches:
            there = directive("proxy_pass", f"http://{location.upstream}")
            yield directive("location", *match.split(), block=[there])


def receiver_shape(site: ReceiverSite, http_port: int) -> Iterator[Directive]:
    """`receiver.conf`: the receiver's own server block, its logs included."""
    there = [directive("proxy_pass", f"http://{site.address}")]
    yield directive(
        "server",
        block=[
            directive("listen", http_port),
            directive("server_name", site.host),
            directive("access_log", "/dev/stdout", "receiver"),
            directive("error_log", "/dev/null", "crit"),
            directive("location", "/", block=there),
            directive("location", "/hooks/", block=there),
        ],
    )

"""What each file of a generation has to say, from the routes alone; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployer.proxies.handling import Way
from deployer.proxies.parseback import Directive, directive
from deployer.proxies.sender_answers import SENDER_ANSWERS
from deployer.proxies.sites import ReceiverSite, Site


@dataclass(frozen=True, slots=True)
class Listens:
    """What servers listen to: ports, whether any has TLS, and how HTTP/2 is named there."""

    http: int
    https: int
    tls: bool
    http2: bool

    def plain(self) -> Directive:
        """Plain HTTP."""
        return directive("listen", self.http)

    def secure(self, *more: str) -> Directive:
        """TLS, with HTTP/2, which is a parameter before 1.25.1 and a directive from then on."""
        return directive("listen", self.https, "ssl", *(["http2"] if self.http2 else []), *more)

    def by(self, certificate: str) -> list[Directive]:
        """What a server with this certificate listens to; "" for plain HTTP."""
        if not certificate:
            return [self.plain()]
        file = f"certificates/{certificate}"
        return [
            self.secure(),
            directive("ssl_certificate", f"{file}.crt"),
            directive("ssl_certificate_key", f"{file}.key"),
        ]


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate of the receiver's host, "" for none, and where plain HTTP is sent."""

    certificate: str
    redirect: str


@dataclass(frozen=True, slots=True)
class Main:
    """What `nginx.conf` depends on besides the templates.

    `user` is "" for none, `status` where the generation is asked for; a `gateway` that is not
    "" is the only address that may ask, `include` names the user's own files.
    """

    user: str
    pid: str
    error_log: str
    access_log: str
    http_port: int
    status: str
    gateway: str
    generation: int
    receiver: bool
    include: tuple[str, ...]
    log_format: str = "deployer"
    trusted: tuple[str, ...] = ()

    @property
    def log(self) -> tuple[str, ...]:
        """The arguments of `access_log` for the apps."""
        return (self.access_log, self.log_format) if self.log_format else ("off",)


def main_shape(main: Main, listens: Listens) -> Iterator[Directive]:
    """`nginx.conf`: global settings, the servers that name nobody's site, the includes."""
    nobody = [
        directive("listen", main.http_port, "default_server"),
        directive("server_name", "_"),
        directive("access_log", "off"),
        directive("return", 444),
    ]
    live = [
        directive("listen", main.status),
        directive("server_name", "localhost"),
        directive("access_log", "off"),
        directive("return", 200, main.generation),
    ]
    if main.gateway:
        stranger = ("$remote_addr", "!=", main.gateway)
        live.append(directive("if", *stranger, block=[directive("return", 444)]))
    hidden = [
        listens.secure("default_server"),
        directive("server_name", "_"),
        directive("access_log", "off"),
        directive("ssl_reject_handshake", "on"),
        directive("return", 444),
    ]
    own = ["receiver.conf"] if main.receiver else []
    of_apps = ["upstreams/*.conf", "shared/*.conf", "sites/*.conf"]
    includes = ["mime.types", *own, *of_apps, *main.include]
    if main.user:
        yield directive("user", main.user)
    yield directive("pid", main.pid)
    yield directive("error_log", main.error_log, "warn")
    yield directive("events", block=[])
    yield directive(
        "http",
        block=[
            directive("access_log", *main.log),
            *_trusted(main.trusted),
            directive("server", block=nobody),
            directive("server", block=live),
            *([directive("server", block=hidden)] if listens.tls else []),
            *(directive("include", file) for file in includes),
        ],
    )


def _trusted(proxies: Sequence[str]) -> Iterator[Directive]:
    """Whose word is taken for who the client is."""
    if proxies:
        yield from (directive("set_real_ip_from", one) for one in proxies)
        yield directive("real_ip_header", "X-Forwarded-For")
        yield directive("real_ip_recursive", "on")


def upstream_shape(site: Site) -> Iterator[Directive]:
    """`upstreams/<app>.conf`: the app's replicas."""
    servers = [
        directive("server", target, *([f"weight={weight}"] if weight else []))
        for target, weight in site.targets
    ]
    yield directive("upstream", site.upstream, block=servers)


def locations_shape(site: Site) -> Iterator[Directive]:
    """`locations/<app>.conf`: where the app's requests go, on each of its hosts."""
    there = [directive("return", 503)]
    way = site.way
    if not way.closed:
        there = [*_guard(way), directive(f"{way.via}_pass", way.passed_to)]
    for page in way.pages:
        there.append(directive("error_page", page.status, page.location))
        answer = directive("return", page.status, page.body)
        yield directive("location", page.location, block=[answer])
    for match in site.matches:
        yield directive("location", *match.split(), block=there)


def _guard(way: Way) -> Iterator[Directive]:
    """Who is served."""
    yield from (directive("deny", one) for one in way.deny)
    if way.allow:
        yield from (directive("allow", one) for one in way.allow)
        yield directive("deny", "all")
    if way.users:
        yield directive("auth_basic", way.app)
        yield directive("auth_basic_user_file", way.users)


def site_shape(site: Site, listens: Listens) -> Iterator[Directive]:
    """`sites/<app>.conf`: the server blocks of the hosts that are the app's own."""
    for server in site.servers:
        block = [
            *listens.by(server.certificate),
            directive("server_name", *server.names),
            *(directive("include", f"locations/{app}.conf") for app in server.apps),
        ]
        if server.redirect:
            block.append(directive("return", 308, server.redirect))
            if server.wild:
                made_up = ("$host", "!~", "^[a-z0-9_.-]+$")
                block.append(directive("if", *made_up, block=[directive("return", 444)]))
        yield directive("server", block=block)


def receiver_shape(
    site: ReceiverSite, listens: Listens, tls: Tls, address: str, access_log: str
) -> Iterator[Directive]:
    """`receiver.conf`: the receiver's own server blocks, their logs included."""
    there = [directive("proxy_pass", f"http://{address}")]
    replaced = [directive("error_page", *one.error_page) for one in SENDER_ANSWERS]
    instead = [
        directive("location", one.location, block=[directive("return", one.status, one.body)])
        for one in SENDER_ANSWERS
    ]
    both = [
        directive("server_name", site.host),
        directive("access_log", access_log, "receiver"),
        directive("error_log", "/dev/null", "crit"),
    ]
    if tls.certificate:
        yield directive(
            "server", block=[listens.plain(), *both, directive("return", 308, tls.redirect)]
        )
    yield directive(
        "server",
        block=[
            *listens.by(tls.certificate),
            *both,
            directive("location", "/", block=there),
            directive("location", "=", "/sign-in", block=there),
            directive("location", "/hooks/", block=[*there, *replaced]),
            *instead,
        ],
    )

"""The values of a route's keys on TLS and redirects: their forms, and what they need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from deployer.config import kinds
from deployer.config.compose.forms import Kind, Record, each, either, listed
from deployer.config.problems import Key, Problems
from deployer.config.weights import shares_with
from deployer.model import App
from deployer.routing import Https, KeyPair

if TYPE_CHECKING:
    from deployer.config.file import File

_DAYS = re.compile(r"([0-9]{1,4})d")
_WILDCARD = "*."


def _file(description: str) -> Kind:
    schema = {"type": "string", "minLength": 1, "description": description}
    return Kind(lambda value: Path(kinds.text(value, "Write the path of a file.")), schema)


_PAIR = Record(
    {
        "certificate": _file("File with the certificate and those that lead to the authority."),
        "key": _file("File with its key, without a passphrase."),
    },
    needs=("certificate", "key"),
)
_OWN = {name: said for name, said in _PAIR.schema.items() if name != "x-compose"}
_KEY_PAIR = Kind(lambda value: KeyPair(**_PAIR.read(value)), _OWN)
_LIST = {"type": "array", "items": {"type": "object"}}

PAIRS = Kind(each(_KEY_PAIR, single=True).read, either(_OWN, _LIST))
"""Certificates with their keys: one, or a list of which each host gets the first that names it."""


def _tls(value: Any) -> bool | tuple[KeyPair, ...]:
    if isinstance(value, str):
        lowered = value.lower()
        if lowered not in ("on", "off", "true", "false", "yes", "no"):
            raise ValueError("neither on nor off. Write one, or `certificate` and `key` below it.")
        return lowered in ("on", "true", "yes")
    pairs: tuple[KeyPair, ...] = PAIRS.read(value)
    return pairs


def _wild_host(value: Any) -> str:
    instead = (
        "Write a name such as shop.example.com, or *.example.com for all below it, without scheme, "
        "port or path."
    )
    written = kinds.text(value, instead)
    try:
        return _prefixed(written, kinds.host(written.removeprefix(_WILDCARD)))
    except ValueError:
        raise ValueError(f"not a host name. {instead}") from None


def _prefixed(written: str, host: str) -> str:
    return f"{_WILDCARD}{host}" if written.startswith(_WILDCARD) else host


def _hsts(value: Any) -> float:
    instead = "Write one from 5m to 730d, such as 180d; or off."
    text = kinds.text(value, instead).lower()
    if text in ("off", "no", "false"):
        return 0.0
    days = _DAYS.fullmatch(text)
    seconds = int(days[1]) * 86400.0 if days else kinds.duration(text)
    if seconds is None or not 300 <= seconds <= 730 * 86400:
        raise ValueError(f"not a duration that fits here. {instead}")
    return float(int(seconds))


def _https(value: Any) -> Https:
    words = ", ".join(Https)
    try:
        return Https(kinds.text(value, f"Write one of: {words}."))
    except ValueError:
        raise ValueError(f"not a value that this key has. Write one of: {words}.") from None


TLS = Kind(_tls, either({"enum": ["on", "off", True, False]}, _OWN, _LIST))
HTTPS = Kind(_https, {"enum": list(Https)})
HSTS = Kind(_hsts, {"type": ["string", "number", "boolean"]})
WildHost = Annotated[
    str,
    PlainValidator(_wild_host),
    WithJsonSchema({"type": "string", "examples": ["shop.example.com", "*.example.com"]}),
]
Hosts = Annotated[list[WildHost], BeforeValidator(listed)]


def is_wild(host: str) -> bool:
    """Whether this stands for all names below a domain."""
    return host.startswith(_WILDCARD)


def anchored(pairs: tuple[KeyPair, ...], folder: Path) -> tuple[KeyPair, ...]:
    """The same files, with relative paths from this folder."""
    return tuple(KeyPair(folder / one.certificate, folder / one.key) for one in pairs)


def with_files_from(app: App, folder: Path) -> App:
    """The app, its certificates' paths from this folder."""
    if app.route is None or not app.route.front.pairs:
        return app
    front = replace(app.route.front, pairs=anchored(app.route.front.pairs, folder))
    return replace(app, route=replace(app.route, front=front))


def check_fronts(file: File, apps: dict[str, App], problems: Problems) -> None:
    """Note what cannot be served, or would be served otherwise than one of two apps says."""
    default = bool(file.nginx.tls)
    routed = [app for app in apps.values() if app.route]
    for app in routed:
        _check_tls(file, app, default, problems)
    _check_shared(file, routed, problems)
    _check_redirects(file, routed, problems)
    if file.receiver.tls is True and not default and not problems.touch(("nginx", "tls")):
        problems.add(("receiver", "tls"), _NO_DEFAULT)
    if file.receiver.tls is not None and not file.receiver.host:
        problems.add(("receiver", "tls"), "Nginx has no site for it. Write `receiver.host`.")


_NO_DEFAULT = (
    "there is no default certificate. Write `nginx.tls` with `certificate` and `key`, or those two "
    "below this key."
)


def _check_tls(file: File, app: App, default: bool, problems: Problems) -> None:
    written, key = file.apps[app.name].route, ("apps", app.name, "route")
    if written is None or app.route is None or problems.touch(key, ("nginx", "tls")):
        return
    if written.tls is True and not default:
        problems.add((*key, "tls"), _NO_DEFAULT)
    elif not app.route.front.wants_tls(default):
        for name in ("https", "hsts"):
            if name in written.model_fields_set and getattr(written, name):
                problems.add(
                    (*key, name),
                    "this app has no TLS. Write `tls` with `certificate` and `key`, or a default "
                    "as `nginx.tls`.",
                )


def _says(file: File, app: App) -> bool:
    written = file.apps[app.name].route
    return written is not None and bool({"tls", "https", "hsts"} & written.model_fields_set)


def _check_shared(file: File, routed: list[App], problems: Problems) -> None:
    """A host has one certificate: apps that share it say the same of TLS, or nothing."""
    first: dict[str, App] = {}
    for app in routed:
        for host in app.route.hosts if app.route and _says(file, app) else ():
            other = first.setdefault(host, app)
            if app.route and other.route and other.route.front.says != app.route.front.says:
                problems.add(
                    ("apps", app.name, "route"),
                    f"app {other.name} says something else about TLS of {host}. Say the same in "
                    "both, or nothing in one of them.",
                )
                break


def _check_redirects(file: File, routed: list[App], problems: Problems) -> None:
    taken = {host: app.name for app in routed for host in _hosts(app)}
    shares = shares_with({app.name: app for app in routed})
    for app in (one for one in routed if one.name not in shares):
        key: Key = ("apps", app.name, "route", "redirect_from")
        if app.route is None or not app.route.front.redirect_from or problems.touch(key):
            continue
        if is_wild(app.route.hosts[0]):
            problems.add(key, "requests cannot be sent to *. Write a whole name first in `hosts`.")
        for at, host in enumerate(app.route.front.redirect_from):
            if host == file.receiver.host:
                problems.add((*key, at), f"{host} is the receiver's own host. Choose another.")
            other = taken.setdefault(host, f"{app.name}'s redirect_from")
            if other != f"{app.name}'s redirect_from":
                problems.add((*key, at), f"{host} belongs to {other} already. Remove it from one.")


def _hosts(app: App) -> Iterator[str]:
    yield from app.route.hosts if app.route else ()

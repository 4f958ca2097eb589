"""What of a route's options may reach a template; everything else is refused."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from deployer.errors import RenderRefused
from deployer.proxies.allowed import matching, not_allowed

PAGES = (403, 413, 429, 502, 503, 504)
STICKY_COOKIES = (1, 29, 6)
"""The version of Nginx that knows clients by a cookie."""

_PROTOCOL = re.compile(r"http|grpc")
_STICKY = re.compile(r"address|cookie [A-Za-z][A-Za-z0-9_-]{0,63}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_HEADER_VALUE = re.compile(r"[ !#%-\[\]-~]{0,1000}")
_USERS = re.compile(r"(?:[^:\s\x00-\x1f\x7f]{1,100}:[!-~]{13,200}\n){1,10000}")


def header(name: str) -> str:
    """The name of a header."""
    return matching("header", name, _HEADER, "letters, digits and `-`, at most 64")


def header_value(value: str) -> str:
    """The value of a header; Nginx reads it in double quotes."""
    what = "one line of printable ASCII without a double quote, a backslash and `$`"
    return matching("value of a header", value, _HEADER_VALUE, what)


def network(value: str) -> str:
    """An address or a network, as Nginx writes it."""
    try:
        found = ipaddress.ip_network(str(value) if "%" not in str(value) else "")
    except ValueError:
        raise not_allowed("network", value, "an address or a network") from None
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else str(found)


def users(value: str) -> str:
    """The lines of an htpasswd file; never shown, not even when they are refused."""
    if not isinstance(value, str) or not _USERS.fullmatch(value):
        raise not_allowed("content of basic_auth_file", "...", "lines of NAME:HASH")
    return value


def page(status: int, text: str) -> str:
    """A page of one of Nginx's own answers. It may say anything: see `quoted`."""
    if status not in PAGES:
        raise not_allowed("status of a page", status, f"one of {PAGES}")
    if not isinstance(text, str) or "\0" in text or len(text) > 64 * 1024:
        raise not_allowed("page", "...", "text of at most 64 KiB")
    return text


def quoted(text: str) -> Iterator[str]:
    """A text in parts that Nginx takes between double quotes, where it reads no variables.

    It reads at most 4096 bytes between two quotes.
    """
    for at in range(0, len(text), 900):
        yield text[at : at + 900].replace("\\", "\\\\").replace('"', '\\"')


def protocol(value: str) -> str:
    """What an app speaks."""
    return matching("protocol", value, _PROTOCOL, "http or grpc")


def sticky(value: str, version: tuple[int, int, int]) -> str:
    """The directive that sends a client to the same replica; "" for none."""
    if not value:
        return ""
    matching("value of sticky", value, _STICKY, "address, or cookie and a name")
    if value == "address":
        return "hash $remote_addr consistent"
    if version < STICKY_COOKIES:
        found, needed = (".".join(map(str, one)) for one in (version, STICKY_COOKIES))
        raise RenderRefused(
            f"`sticky: {value}` needs Nginx {needed} or newer, and this is {found}. Write "
            "`sticky: address`, or use a newer Nginx"
        )
    return f"sticky {value} path=/ httponly"


def count(value: int) -> int:
    """How many of something."""
    if type(value) is not int or not 0 <= value <= 1_000_000:
        raise not_allowed("number", value, "a whole number up to a million")
    return value


def flag(value: bool) -> bool:
    """Yes or no."""
    if type(value) is not bool:
        raise not_allowed("value", value, "yes or no")
    return value

"""What may reach a template: one allow-list per kind of value; everything else is refused.

Of hostile values that were tried, `nginx -t` accepted most, some of which changed what the
configuration says. So nothing is escaped: what does not match is not rendered.
"""

from __future__ import annotations

import ipaddress
import re

from deployer.errors import RenderRefused
from deployer.model import NAME

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")
_INCLUDE = re.compile(r"/[A-Za-z0-9._/@+*-]{1,255}")
_FOLDER = re.compile(r"/[A-Za-z0-9._/+@~-]{1,255}")
_TEMPLATE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.conf\.j2")
_SNIPPET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.conf(?:\.j2)?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def name(value: str) -> str:
    """An app's name; Nginx's upstream is named after it."""
    return matching("name", value, NAME, "lower-case letters, digits, `-` and `_`, at most 63")


def user(value: str) -> str:
    """The name of the user that Nginx's workers run as."""
    return matching("user", value, _USER, "the name of a user in Nginx's image")


def include(value: str) -> str:
    """A file or pattern of the user's own sites."""
    return matching("include", value, _INCLUDE, "an absolute path of letters, digits and ._/@+*-")


def folder(value: str) -> str:
    """The folder of a host process's pid and logs."""
    return matching("folder", value, _FOLDER, "an absolute path of letters, digits and ._/+@~-")


def template(value: str) -> str:
    """The name of a template in the user's folder, never a path."""
    return matching("template", value, _TEMPLATE, "the name of a file, such as shop.conf.j2")


def snippet(value: str) -> str:
    """The name of a snippet in the user's folder, never a path."""
    what = "the name of a file, such as shop.conf or shop.conf.j2"
    return matching("snippet", value, _SNIPPET, what)


def host(value: str) -> str:
    """A DNS name in lower case (RFC 1123, at most 253 characters), never a pattern."""
    what = "a DNS name in lower case without wildcard, port or trailing dot"
    checked = matching("host", value, _HOST, what)
    if len(checked) > 253:
        raise not_allowed("host", value, "a DNS name of at most 253 characters")
    return checked


def server_name(value: str) -> str:
    """A host, or `*.` and a domain: all names below it, the domain itself not."""
    if not isinstance(value, str) or not value.startswith("*."):
        return host(value)
    return f"*.{host(value.removeprefix('*.'))}"


def path(value: str) -> str:
    """A path prefix as Nginx compares it, `/` or without a slash at its end."""
    what = "`/` and letters, digits, `.`, `_`, `~`, `-`, without empty, `.` or `..` parts"
    checked = matching("path", value, _PATH, what)
    prefix = checked.removesuffix("/")
    # Nginx resolves these before it compares, so such a location would never match.
    if checked != "/" and {"", ".", ".."} & set(prefix[1:].split("/")):
        raise not_allowed("path", value, what)
    return prefix or "/"


def port(value: int) -> int:
    """A TCP port."""
    if type(value) is not int or not 1 <= value <= 65535:
        raise not_allowed("port", value, "a number from 1 to 65535")
    return value


def address(value: str) -> str:
    """An IP address as Nginx writes it: IPv6 in brackets, never a name, never a zone."""
    try:
        # A zone (`fe80::1%...`) may hold any characters, and numbers would pass as addresses.
        parsed = ipaddress.ip_address(str(value) if "%" not in str(value) else "")
    except ValueError:
        raise not_allowed("address", value, "an IP address") from None
    return str(parsed) if parsed.version == 4 else f"[{parsed}]"


def seconds(value: float) -> str:
    """A time as Nginx writes it, to the millisecond."""
    if type(value) not in (int, float) or not 0 <= value <= 86400 * 365:
        raise not_allowed("time", value, "seconds, from 0 to a year")
    return f"{value:.0f}s" if value == int(value) else f"{value * 1000:.0f}ms"


def age(value: float) -> int:
    """For how many seconds browsers are told something."""
    if type(value) not in (int, float) or not 0 <= value <= 86400 * 730:
        raise not_allowed("time", value, "seconds, from 0 to two years")
    return int(value)


def size(value: int) -> int:
    """A number of bytes."""
    if type(value) is not int or value < 0:
        raise not_allowed("size", value, "a number of bytes")
    return value


def matching(kind: str, value: str, pattern: re.Pattern[str], what: str) -> str:
    """The value, if the whole of the pattern describes it. Raises RenderRefused."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise not_allowed(kind, value, what)
    return value


def not_allowed(kind: str, value: object, what: str) -> RenderRefused:
    """The refusal of a value, and what it must be."""
    return RenderRefused(
        f"the {kind} {value!a:.80} is not put into Nginx's configuration: it must be {what}. "
        "Correct it in config.yml"
    )

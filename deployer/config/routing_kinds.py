"""The forms of what a route says of its requests: sizes, headers, networks, rates."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from deployer.config import kinds
from deployer.config.compose.forms import Kind, each, named
from deployer.routing import Pairs

MOST_BODY = 1 << 40
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
HEADER_VALUE = re.compile(r"[ !#%-\[\]-~]{0,1000}")
"""One line of printable ASCII without what Nginx would read otherwise: `"`, `\\` and `$`."""

PAGES_OF = ("403", "413", "429", "502", "503", "504")
"""The answers that Nginx gives itself, and that may have a page of the user's."""

STICKY = re.compile(r"address|cookie [A-Za-z][A-Za-z0-9_-]{0,63}")
_RATE = re.compile(r"([1-9][0-9]{0,5})/(s|m)")
_PERIODS = {"s": 1, "m": 60}
OWN_HEADERS = frozenset(
    {
        "host",
        "x-real-ip",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-prefix",
        "x-request-id",
    }
)
"""What deployer itself tells apps of the client."""

_OF_CONNECTIONS = frozenset(
    {"connection", "upgrade", "content-length", "transfer-encoding", "te", "trailer", "keep-alive"}
)


def _max_body(value: Any) -> int:
    instead = "Write one such as 500m, 2g or a number of bytes; or off for no limit."
    written = kinds.text(value, instead).lower()
    if written in ("off", "no", "false"):
        return 0
    found = kinds.size(written)
    if found is None or not 1 <= found <= MOST_BODY:
        raise ValueError(f"not a size that fits here. {instead}")
    return found


def _on(value: Any) -> bool:
    written = kinds.text(value, "Write on or off.").lower()
    if written not in ("on", "off", "true", "false", "yes", "no"):
        raise ValueError("neither on nor off. Write one of them.")
    return written in ("on", "true", "yes")


def _header(name: str, taken: frozenset[str]) -> str:
    if not HEADER.fullmatch(name):
        return "not the name of a header. Write letters, digits and -, such as X-Team."
    if name.lower() in _OF_CONNECTIONS:
        return "this header is between two ends of one connection, and Nginx has its own."
    if name.lower() in taken:
        return "deployer sets this header itself, from what it knows of the client. Remove it."
    return ""


def _request_header(name: str) -> str:
    return _header(name, OWN_HEADERS)


def _response_header(name: str) -> str:
    return _header(name, frozenset())


def _header_value(value: Any) -> str:
    if value is None or value == "":
        return ""
    instead = 'Write one line of plain characters without ", \\ and $; nothing removes the header.'
    if not HEADER_VALUE.fullmatch(kinds.text(value, instead)):
        raise ValueError(f"not a value that a header can have here. {instead}")
    return str(value)


def _network(value: Any) -> str:
    instead = "Write an address such as 192.0.2.7, or a network such as 10.0.0.0/8."
    written = kinds.text(value, instead)
    try:
        return str(ipaddress.ip_network(written if "%" not in written else ""))
    except ValueError as error:
        if "host bits" in str(error):
            whole = ipaddress.ip_network(written, strict=False)
            raise ValueError(f"this address is inside of a network. Write {whole}.") from None
        raise ValueError(f"not an address. {instead}") from None


def _rate(value: Any) -> tuple[int, int]:
    instead = "Write one such as 10/s or 300/m."
    found = _RATE.fullmatch(kinds.text(value, instead))
    if not found:
        raise ValueError(f"not a rate. {instead}")
    return int(found[1]), _PERIODS[found[2]]


def _status(status: str) -> str:
    if status in PAGES_OF:
        return ""
    return f"Nginx gives no such answer for an app. Known are: {', '.join(PAGES_OF)}."


def _log(value: Any) -> str:
    written = kinds.text(value, "Write text, json or off.").lower()
    if written not in ("text", "json", "off", "no", "false"):
        raise ValueError("not a form that the log has. Write text, json or off.")
    return written if written in ("text", "json") else "off"


def _sticky(value: Any) -> str:
    instead = "Write address, or cookie and a name, such as `cookie lb`."
    if not STICKY.fullmatch(kinds.text(value, instead)):
        raise ValueError(f"not a way to know clients again. {instead}")
    return str(value)


_SCALAR = {"type": ["string", "number", "boolean", "null"]}
BODY = Kind(_max_body, {"type": ["string", "integer", "boolean"]})
ON = Kind(_on, {"enum": ["on", "off", True, False]})
TIME = Kind(kinds.seconds(0.1, 86400), {"type": ["string", "number"]})
REQUEST_HEADERS = named(_header_value, _SCALAR, _request_header)
RESPONSE_HEADERS = named(_header_value, _SCALAR, _response_header)
NETWORKS = each(Kind(_network, {"type": "string"}), single=True)
PAGES = named(
    lambda value: kinds.text(value, "Write the path of a file with HTML."),
    {"type": "string"},
    _status,
)
RATE = Kind(_rate, {"type": "string", "pattern": f"^{_RATE.pattern}$"})
LOG = Kind(_log, {"enum": ["text", "json", "off", False]})
AMOUNT = Kind(kinds.whole(1, 10_000), {"type": ["integer", "string"]})
WEIGHT = Kind(kinds.whole(1, 1000), {"type": ["integer", "string"]})

STICKY_KIND = Kind(_sticky, {"type": "string", "pattern": f"^(?:{STICKY.pattern})$"})

Size = Annotated[int | None, BODY]
Time = Annotated[float | None, TIME]
On = Annotated[bool, ON]
RequestHeaders = Annotated[Pairs, REQUEST_HEADERS]
ResponseHeaders = Annotated[Pairs, RESPONSE_HEADERS]
Networks = Annotated[tuple[str, ...], NETWORKS]
Rate = Annotated[tuple[int, int] | None, RATE]
Amount = Annotated[int, AMOUNT]
Weight = Annotated[int, WEIGHT]

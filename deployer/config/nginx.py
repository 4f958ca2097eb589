"""The keys of `nginx:` that depend on its mode: their forms, and which belong together."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from deployer.config import kinds
from deployer.config.problems import Problems

if TYPE_CHECKING:
    from deployer.config.file import File

MODES = ("managed", "host", "container")
INCLUDE = re.compile(r"/[A-Za-z0-9._/@+*-]{1,255}")
"""A file or pattern as it stands in Nginx's `include`: nothing that Nginx reads otherwise."""

_BELONGS = {
    "image": ("managed",),
    "container": ("managed", "container"),
    "binary": ("host",),
}


def _mode(value: Any) -> str:
    instead = f"Write one of: {', '.join(MODES)}."
    if kinds.text(value, instead) not in MODES:
        raise ValueError(f"no mode has this name. {instead}")
    return str(value)


def _includes(value: Any) -> tuple[str, ...]:
    instead = "Write absolute paths such as /etc/nginx/sites/*.conf, of letters, digits and ._/@+*-"
    files = value if isinstance(value, list) else [value]
    for file in files:
        path = kinds.text(file, f"{instead}.")
        if not INCLUDE.fullmatch(path) or ".." in path.split("/"):
            raise ValueError(f"not a file or pattern that Nginx is given. {instead}.")
    return tuple(files)


Mode = Annotated[str, PlainValidator(_mode), WithJsonSchema({"enum": list(MODES)})]
Includes = Annotated[
    tuple[str, ...],
    PlainValidator(_includes),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]


def check_nginx(file: File, problems: Problems) -> None:
    """Note the keys that do not belong to the mode, and those that it needs."""
    own = file.nginx
    if problems.touch(("nginx", "mode")):
        return
    for key, modes in _BELONGS.items():
        if key in own.model_fields_set and own.mode not in modes:
            problems.add(
                ("nginx", key),
                f"this key is for mode {' or '.join(modes)}, and the mode is {own.mode}. "
                "Remove it, or write another `mode:`.",
            )
    if own.mode != "container":
        return
    for key, example in (("container", "edge-nginx"), ("network", "edge")):
        if key not in own.model_fields_set and not problems.touch(("nginx", key)):
            problems.add(
                ("nginx", key),
                f"this key is missing: mode container needs it. Write it, such as "
                f"`{key}: {example}`.",
            )
    at = ("receiver", "bind")
    if file.receiver.host and not problems.touch(at) and _is_loopback(file.receiver.bind):
        problems.add(
            at,
            "Nginx in a container cannot reach loopback, so it could not serve receiver.host. "
            "Write 0.0.0.0, or this machine's address on nginx.network.",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"

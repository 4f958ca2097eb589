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

TEMPLATE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.conf\.j2")
SNIPPET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.conf(?:\.j2)?")
"""The name of a file in `nginx.templates`, never a path."""

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


def _template(value: Any) -> str:
    return _file_name(value, TEMPLATE, "shop.conf.j2")


def _snippet(value: Any) -> str:
    return _file_name(value, SNIPPET, "shop.conf")


def _file_name(value: Any, form: re.Pattern[str], example: str) -> str:
    instead = f"Write the name of a file in `nginx.templates`, such as {example}."
    if not form.fullmatch(kinds.text(value, instead)):
        raise ValueError(f"not the name of such a file. {instead}")
    return str(value)


Mode = Annotated[str, PlainValidator(_mode), WithJsonSchema({"enum": list(MODES)})]
TemplateName = Annotated[
    str,
    PlainValidator(_template),
    WithJsonSchema({"type": "string", "pattern": f"^{TEMPLATE.pattern}$"}),
]
SnippetName = Annotated[
    str,
    PlainValidator(_snippet),
    WithJsonSchema({"type": "string", "pattern": f"^{SNIPPET.pattern}$"}),
]
Includes = Annotated[
    tuple[str, ...],
    PlainValidator(_includes),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]


def check_nginx(file: File, problems: Problems) -> None:
    """Note the keys that do not belong to the mode, and those that it needs."""
    own = file.nginx
    _check_templates(file, problems)
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
    if file.receiver.host and not problems.touch(at) and is_loopback(file.receiver.bind):
        problems.add(
            at,
            "Nginx in a container cannot reach loopback, so it could not serve receiver.host. "
            "Write 0.0.0.0, or this machine's address on nginx.network.",
        )


def _check_templates(file: File, problems: Problems) -> None:
    """Note names of files in a folder that is not named."""
    if file.nginx.templates or problems.touch(("nginx", "templates")):
        return
    for name, app in file.apps.items():
        for key in ("template", "snippet"):
            if app.route and getattr(app.route, key):
                problems.add(
                    ("apps", name, "route", key),
                    "this names a file in `nginx.templates`, and there is none. Write "
                    "`templates: nginx` below `nginx:`, and put the file in that folder.",
                )


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"

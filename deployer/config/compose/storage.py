"""What a container has of files: volumes of every type, tmpfs, secrets and configs."""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Callable
from typing import Any

from deployer.config.compose.forms import (
    FLAG,
    TEXT,
    Kind,
    Record,
    amount,
    each,
    either,
    number,
    one_of,
    word,
)
from deployer.config.compose.process import OPTIONS
from deployer.config.kinds import matching, text
from deployer.spec import FileMount, Volume

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}")
_SHORT = "Write SOURCE:/path/in/container, with :ro at the end for read only."
_PROPAGATIONS = ("rprivate", "private", "rshared", "shared", "rslave", "slave")
_TYPES = ("bind", "volume", "tmpfs", "image")


def _target(value: Any, instead: str = "Write one such as /data.") -> str:
    given = text(value, instead)
    path = posixpath.normpath("/" + given.lstrip("/"))
    if not given.startswith("/") or ".." in given.split("/") or path == "/":
        raise ValueError(f"the path in the container is not absolute, or is /. {instead}")
    return path


def is_path(source: str) -> bool:
    """Whether the source of a volume is a path on the host; Compose decides it like that."""
    return source.startswith(("/", "./", "../")) or source in (".", "..")


def _source(source: str, *, path: bool) -> str:
    if path and source.startswith("~"):
        raise ValueError("~ is nobody's home here. Write an absolute path.")
    if path or _NAME.fullmatch(source):
        return source
    raise ValueError(
        "the source is neither a path nor the name of a volume. Write /path, ./path or a name."
    )


def _short(value: Any) -> Volume:
    parts = text(value, _SHORT).split(":")
    if len(parts) == 1:
        if parts[0].startswith("/"):
            return Volume("", _target(parts[0], _SHORT))
        raise ValueError(f"not a volume that deployer can mount. {_SHORT}")
    if len(parts) > 3 or not all(parts[:2]):
        raise ValueError(f"not a volume that deployer can mount. {_SHORT}")
    target, path = _target(parts[1], _SHORT), is_path(parts[0]) or parts[0].startswith("~")
    modes = parts[2].split(",") if len(parts) == 3 and parts[2] else []
    found: dict[str, Any] = {}
    for mode in modes:
        if mode in ("rw", "ro"):
            found["read_only"] = mode == "ro"
        elif mode in ("z", "Z") and path:
            found["selinux"] = mode
        elif mode in _PROPAGATIONS and path:
            found["propagation"] = mode
        elif mode == "nocopy" and not path:
            found["nocopy"] = True
        else:
            raise ValueError(
                "a mode that a volume like this does not have. Write ro, rw or none; see the "
                "long form for more."
            )
    kind = "bind" if path else "volume"
    return Volume(_source(parts[0], path=path), target, type=kind, **found)


def _octal(value: Any) -> int:
    instead = 'Write octal digits in quotes, such as "0440".'
    if not re.fullmatch(r"0?o?[0-7]{3,4}", text(value, instead)):
        raise ValueError(f"not the mode of a file. {instead}")
    return int(value.replace("o", ""), 8)


OCTAL = Kind(_octal, {"type": ["string", "integer"]})
_PATH = Kind(lambda value: text(value, "Write a path."), TEXT)
_LONG = Record(
    {
        "type": one_of(*_TYPES),
        "source": Kind(lambda value: text(value, "Write a path or a name."), TEXT),
        "target": Kind(_target, TEXT),
        "read_only": FLAG,
        "bind": Record(
            {
                "propagation": one_of(*_PROPAGATIONS),
                "create_host_path": FLAG,
                "selinux": one_of("z", "Z"),
            },
            refused="recursive",
        ),
        "volume": Record({"nocopy": FLAG, "subpath": _PATH, "labels": OPTIONS}),
        "tmpfs": Record({"size": amount(1), "mode": OCTAL}),
        "image": Record({"subpath": _PATH}),
    },
    needs=("type", "target"),
    refused="consistency",
)


def _long(value: dict[str, Any]) -> Volume:
    if value.get("type") in ("npipe", "cluster"):
        raise ValueError(
            "a type of volume that deployer does not support: npipe is for Windows, cluster for "
            "Swarm. Write bind, volume, tmpfs or image."
        )
    keys = _LONG.read(value)
    kind, source = keys["type"], keys.get("source", "")
    foreign = [name for name in _TYPES if name in keys and name != kind]
    if foreign:
        raise ValueError(f"`{foreign[0]}:` is for another type than {kind}. Remove it.")
    if kind in ("bind", "image") and not source:
        raise ValueError("no source. Write `source:` with a path, or the image for that type.")
    if kind == "tmpfs" and source:
        raise ValueError("a tmpfs has no source. Remove it.")
    if kind == "bind" and not is_path(source):
        raise ValueError("the source is not a path. Write /path or ./path, or `type: volume`.")
    if kind == "volume" and source:
        _source(source, path=False)
    more = keys.get(kind, {})
    return Volume(source, keys["target"], keys.get("read_only", False), kind, **more)


def _volume(value: Any) -> Volume:
    return _long(value) if isinstance(value, dict) else _short(value)


VOLUMES = each(Kind(_volume, either(TEXT, _LONG.schema)))


def _tmpfs(value: Any) -> tuple[str, str]:
    path, _, options = text(value, "Write a path such as /run.").partition(":")
    if options and not re.fullmatch(r"[a-z0-9=,._%-]+", options):
        raise ValueError("not the options of a tmpfs. Write some such as size=64m,mode=1777.")
    return _target(path), options


TMPFS = each(Kind(_tmpfs, TEXT), single=True)
_GRANT_NAME = matching(
    re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}"),
    "not a name",
    "Write one that is declared at the top level.",
)


def _grants(kind: str, default: Callable[[str], str]) -> Kind:
    """The secrets or configs that an app gets, still without their contents."""
    long = Record(
        {
            "source": Kind(_GRANT_NAME, TEXT),
            "target": Kind(lambda value: text(value, "Write a path or a file's name."), TEXT),
            "uid": number(0, 2**31 - 1),
            "gid": number(0, 2**31 - 1),
            "mode": OCTAL,
        },
        needs=("source",),
    )

    def read(value: Any) -> FileMount:
        keys = long.read(value) if isinstance(value, dict) else {"source": _GRANT_NAME(value)}
        name = keys.pop("source")
        target = keys.pop("target", "") or default(name)
        if not target.startswith("/") and "/" not in target and kind == "secret":
            target = default(target)
        return FileMount(kind, name, _target(target), content="", **keys)

    return each(Kind(read, either(TEXT, long.schema)))


SECRETS = _grants("secret", lambda name: f"/run/secrets/{name}")
CONFIGS = _grants("config", lambda name: f"/{name}")


def with_content(mount: FileMount, content: bytes) -> FileMount:
    """The mount with what is in the file."""
    from dataclasses import replace

    return replace(mount, content=base64.b64encode(content).decode("ascii"))


SHM_SIZE = amount(1)
IMAGE_NAME = word(r"\S{1,512}", "not the name of an image", "Write one such as nginx:stable.")

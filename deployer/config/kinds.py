"""The kinds of scalar values: text in, checked value out, or words for what to write instead.

Each kind accepts a list of allowed forms and nothing else: values end up in the
configuration of Nginx, in calls to Docker and in paths.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from deployer import tags
from deployer.model import HOST_LABEL, NAME, REGISTRY_HOST, Image, canonical_host, parse_image

_HOST = re.compile(rf"{HOST_LABEL}(?:\.{HOST_LABEL})*")
_URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_FOLDER = re.compile(r"/[A-Za-z0-9._/+@~-]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,12}")
_AMOUNT = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_DURATION = re.compile(rf"(?:{_AMOUNT}(?:ns|us|µs|ms|s|m|h))+|{_AMOUNT}")
_DURATION_PART = re.compile(rf"({_AMOUNT})(ns|us|µs|ms|s|m|h|)")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([kmg]?)(?:i?b)?", re.IGNORECASE)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "": 1}
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def text(value: Any, instead: str) -> str:
    """A single value that is not empty. Raises ValueError, `instead` says what to write."""
    if not isinstance(value, str):
        what = "no value" if value is None else "not a single value"
        raise ValueError(f"{what}. {instead}")
    if not value:
        raise ValueError(f"empty. {instead}")
    return value


def matching(pattern: re.Pattern[str], what: str, instead: str) -> Callable[[Any], str]:
    """A reader of values that the whole of a pattern describes."""

    def parse(value: Any) -> str:
        if not pattern.fullmatch(text(value, instead)):
            raise ValueError(f"{what}. {instead}")
        return str(value)

    return parse


def whole(least: int, most: int, what: str = "not a number that fits here") -> Callable[[Any], int]:
    """A reader of whole numbers from `least` to `most`."""
    instead = f"Write a whole number from {least} to {most}."

    def parse(value: Any) -> int:
        if not _NUMBER.fullmatch(text(value, instead)) or not least <= int(value) <= most:
            raise ValueError(f"{what}. {instead}")
        return int(value)

    return parse


def duration(value: str) -> float | None:
    """Seconds from `1m30s`, `500ms` (the Compose form) or a plain number; None if neither."""
    if not _DURATION.fullmatch(value):
        return None
    parts = _DURATION_PART.findall(value)
    return round(math.fsum(float(amount) * _SECONDS[unit] for amount, unit in parts), 9)


def seconds(least: float, most: float) -> Callable[[Any], float]:
    """A reader of durations from `least` to `most` seconds."""
    instead = f"Write one from {least:g}s to {most:g}s, such as 10s, 500ms or 1m30s."

    def parse(value: Any) -> float:
        result = duration(text(value, instead))
        if result is None:
            raise ValueError(f"not a duration. {instead}")
        if not least <= result <= most:
            raise ValueError(
                f"this duration is too {'short' if result < least else 'long'}. {instead}"
            )
        return result

    return parse


def _rhythm(value: Any) -> float | None:
    instead = "Write one from 1s to 86400s, such as 5m; or off."
    # As YAML and JSON write `off` too.
    if text(value, instead).lower() in ("off", "no", "false"):
        return None
    result = duration(str(value))
    if result is None or not 1 <= result <= 86400:
        raise ValueError(f"not a duration that fits here. {instead}")
    return result


def size(value: str) -> int | None:
    """Bytes from `1MiB`, `512k` or a plain number, in steps of 1024 as Docker reads them."""
    found = _SIZE.fullmatch(value)
    return int(float(found[1]) * _UNITS[found[2].lower()]) if found else None


def _body_size(value: Any) -> int:
    instead = "Write one from 1KiB to 64MiB, such as 1MiB, 512k or a number of bytes."
    result = size(text(value, instead))
    if result is None or not 1024 <= result <= 64 * 1024**2:
        raise ValueError(f"not a size that fits here. {instead}")
    return result


def host(value: Any) -> str:
    """A host name in small letters. Raises ValueError with what to write instead."""
    instead = "Write a name such as shop.example.com, without scheme, port, path or wildcard."
    lowered = text(value, instead).lower()
    if not _HOST.fullmatch(lowered) or len(lowered) > 253:
        raise ValueError(f"not a host name. {instead}")
    return lowered


def _address(value: Any) -> str:
    instead = "Write an IP address such as 127.0.0.1, or 0.0.0.0 for all."
    try:
        return str(ipaddress.ip_address(text(value, instead)))
    except ValueError:
        if isinstance(value, str) and value.lower() == "localhost":
            return "127.0.0.1"
        raise ValueError(f"not an IP address. {instead}") from None


def _url_path(value: Any) -> str:
    instead = "Write one such as / or /shop, of letters, digits and . _ ~ - /."
    path = text(value, instead)
    # Nginx resolves such parts before it compares, so no request would ever match them.
    resolved = {"", "."} & set(path.strip("/").split("/")) if path.strip("/") else path != "/"
    if not _URL_PATH.fullmatch(path) or ".." in path or resolved or path.startswith("//"):
        raise ValueError(f"not a path that a URL can have here. {instead}")
    return path


def _route_path(value: Any) -> str:
    return _url_path(value).rstrip("/") or "/"


def _registry_host(value: Any) -> str:
    instead = "Write a host such as docker.io or registry.example.com:5000."
    if not REGISTRY_HOST.fullmatch(canonical_host(text(value, instead))):
        raise ValueError(f"not the host of a registry. {instead}")
    return str(value)


def _image(value: Any) -> Image:
    instead = "Write one such as docker.io/acme/shop."
    image = parse_image(text(value, instead))
    if image is None:
        raise ValueError(f"not the name of an image. {instead}")
    if image.tag or image.digest:
        raise ValueError(
            "the image has a tag or digest. Leave it out and write the tag in `tags:`."
        )
    return image


def _nginx_image(value: Any) -> str:
    instead = "Write one such as nginx:stable."
    if parse_image(text(value, instead)) is None:
        raise ValueError(f"not the name of an image. {instead}")
    return str(value)


def _file(value: Any) -> Path:
    return Path(text(value, "Write the path of a file or folder."))


def _folder(value: Any) -> Path:
    instead = "Write an absolute one such as /var/lib/deployer, of letters, digits and . _ - + @ ~."
    path = text(value, instead)
    if not _FOLDER.fullmatch(path) or ".." in path.split("/") or not path.strip("/."):
        raise ValueError(f"not a folder that deployer can use. {instead}")
    return Path(path)


def _user(value: Any) -> str:
    instead = "Write the name of an ordinary user, such as deployer."
    if not _USER.fullmatch(text(value, instead)):
        raise ValueError(f"not the name of a user. {instead}")
    if value == "root":
        raise ValueError(f"the process that faces the network never runs as root. {instead}")
    return str(value)


def _tag_rule(value: Any) -> str:
    tags.read(text(value, tags.INSTEAD))
    return str(value)


def _schema(kind: str | list[str], **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


_DURATION_SCHEMA = _schema(["string", "number"], examples=["10s", "1m30s"])
_TEXT_SCHEMA = _schema("string", minLength=1)

Port = Annotated[
    int,
    PlainValidator(whole(1, 65535, "not a port")),
    _schema(["integer", "string"], minimum=1, maximum=65535),
]
Count = Annotated[
    int,
    PlainValidator(whole(1, 100)),
    _schema(["integer", "string"], minimum=1, maximum=100),
]
Seconds = Annotated[float, PlainValidator(seconds(0, 86400)), _DURATION_SCHEMA]
Interval = Annotated[float, PlainValidator(seconds(0.1, 3600)), _DURATION_SCHEMA]
Limit = Annotated[float, PlainValidator(seconds(1, 86400)), _DURATION_SCHEMA]
Rhythm = Annotated[
    float | None,
    PlainValidator(_rhythm),
    _schema(["string", "number", "boolean"], examples=["5m", "off"]),
]
BodySize = Annotated[
    int, PlainValidator(_body_size), _schema(["string", "integer"], examples=["1MiB", "512k"])
]
Host = Annotated[str, PlainValidator(host), _schema("string", examples=["shop.example.com"])]
Address = Annotated[str, PlainValidator(_address), _TEXT_SCHEMA]
UrlPath = Annotated[
    str, PlainValidator(_url_path), _schema("string", pattern=f"^{_URL_PATH.pattern}$")
]
RoutePath = Annotated[
    str, PlainValidator(_route_path), _schema("string", pattern=f"^{_URL_PATH.pattern}$")
]
RegistryHost = Annotated[str, PlainValidator(_registry_host), _TEXT_SCHEMA]
ImageName = Annotated[
    Image, PlainValidator(_image), _schema("string", examples=["docker.io/acme/shop"])
]
NginxImage = Annotated[str, PlainValidator(_nginx_image), _TEXT_SCHEMA]
FilePath = Annotated[Path, PlainValidator(_file), _TEXT_SCHEMA]
Folder = Annotated[Path, PlainValidator(_folder), _schema("string", pattern="^/")]
UserName = Annotated[str, PlainValidator(_user), _schema("string", pattern=f"^{_USER.pattern}$")]
Login = Annotated[
    str, PlainValidator(lambda value: text(value, "Write the user's name.")), _TEXT_SCHEMA
]
TagRule = Annotated[
    str,
    PlainValidator(_tag_rule),
    _schema(["string", "number"], examples=["latest", "glob:v*", "semver:^1.4"]),
]
Name = Annotated[
    str,
    PlainValidator(
        matching(
            NAME,
            "not a name that deployer can use",
            "Write up to 63 small letters, digits, - and _, such as web.",
        )
    ),
]
ContainerName = Annotated[
    str,
    PlainValidator(
        matching(
            _CONTAINER,
            "not a name that Docker allows",
            "Write letters, digits and . _ -, such as backend.",
        )
    ),
    _TEXT_SCHEMA,
]
ServiceName = Annotated[
    str, PlainValidator(matching(_CONTAINER, "not the name of a service", "Write one such as web."))
]
GrantName = Annotated[
    str,
    PlainValidator(
        matching(_CONTAINER, "not a name that a file can have", "Write one such as db_password.")
    ),
]
Content = Annotated[
    str,
    PlainValidator(lambda value: value if value == "" else text(value, "Write the text itself.")),
    _schema("string"),
]
Variable = Annotated[
    str,
    PlainValidator(
        matching(_VARIABLE, "not the name of a variable", "Write one such as DB_PASSWORD.")
    ),
    _TEXT_SCHEMA,
]

"""From plain data to the models of the file: every problem in the project's own words."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deployer.config.file import File, Section
from deployer.config.problems import Key, Problems, Wrong, nearest, quoted

# What people bring along from a Compose file, and what does that job here.
_COMPOSE_TOP = {
    "services": "Write the services as `apps:`.",
    "networks": "Make networks with `docker network create` and name them in an app's `networks:`.",
    "volumes": "Name volumes in an app's `volumes:`; Docker makes them.",
    "secrets": "Use `env_file:` or a volume.",
    "configs": "Use a volume.",
    "name": "Remove it.",
    "version": "Remove it.",
    "include": "Remove it.",
}
_COMPOSE = {
    "build": "Build and push the image elsewhere.",
    "healthcheck": "Write `health:`; the image's own HEALTHCHECK counts too.",
    "ports": "Write `route:`; Nginx reaches the container without published ports.",
    "expose": "Write `route:` with the port.",
    "scale": "Write `replicas:`.",
    **dict.fromkeys(
        (  # noqa: SIM905 - one name a line would hide the rest
            "cap_add cap_drop configs container_name cpus depends_on devices dns domainname "
            "entrypoint extends extra_hosts hostname init ipc links logging mem_limit "
            "network_mode pid pids_limit platform privileged profiles pull_policy read_only "
            "runtime secrets security_opt shm_size stdin_open sysctls tmpfs tty ulimits user "
            "userns_mode working_dir"
        ).split(),
        "Remove it.",
    ),
}


# Keys, then what a section checks once its keys are right, then the section itself.
_PASSES = 4


def validate(data: dict[str, Any], problems: Problems) -> File:
    """The file as models; what is wrong is left out, so that the rest can still be checked.

    A key that others need has its example as a value then. `data` is used up.
    """
    for _ in range(_PASSES):
        try:
            return File.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        for each in details:
            key = tuple(part for part in each["loc"] if part != "[key]")
            _report(key, each, problems)
            _replace(data, key)
    return File()


def _report(key: Key, detail: ErrorDetails, problems: Problems) -> None:
    error = detail.get("ctx", {}).get("error")
    if isinstance(error, Wrong):
        for below, text in error.found:
            problems.add((*key, *below), text)
    elif isinstance(error, ValueError):
        problems.add(key, str(error))
    elif detail["type"] != "missing" or not problems.touch(key):
        problems.add(key, _WORDS[detail["type"]](key))


def _missing(key: Key) -> str:
    return f"this key is missing. Write it, such as `{key[-1]}: {_example(key)}`."


def _unknown(key: Key) -> str:
    name, section = str(key[-1]), _section(key)
    at_app = key[0] == "apps" and len(key) == 3
    compose = _COMPOSE_TOP if len(key) == 1 else _COMPOSE if at_app else {}
    if name in compose:
        return f"{quoted(name)} is a Compose key that deployer does not support. {compose[name]}"
    return f"unknown key {quoted(name)}. {nearest(name, section.model_fields)}"


# The only errors of pydantic's own: every kind of value has a reader with its own words.
_WORDS: dict[str, Callable[[Key], str]] = {"missing": _missing, "extra_forbidden": _unknown}


def _section(key: Key) -> type[Section]:
    """The model of the mapping that holds a key."""
    model: type[Section] = File
    parts = iter(key[:-1])
    for part in parts:
        annotation = model.model_fields[str(part)].annotation
        if get_origin(annotation) is dict:
            next(parts, None)
        inside = (annotation, *get_args(annotation))
        model = next(
            each for each in inside if isinstance(each, type) and issubclass(each, Section)
        )
    return model


def _example(key: Key) -> Any:
    """What stands in for a key that others are checked with; None where it is left out."""
    field = _section(key).model_fields.get(str(key[-1]))
    return field.examples[0] if field and field.examples else None


def _replace(data: dict[str, Any], key: Key) -> None:
    """Leave out what is wrong, or put its example there; of a list, leave out all."""
    names = tuple(takewhile(lambda part: isinstance(part, str), key))
    holder: Any = data
    for name in names[:-1]:
        if isinstance(holder, dict):
            holder[name] = {} if holder.get(name) is None else holder[name]
            holder = holder[name]
    if isinstance(holder, dict):
        holder.pop(names[-1], None)
        if example := _example(names):
            holder[names[-1]] = example

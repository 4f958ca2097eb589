"""From plain data to the models of the file: every problem in the project's own words."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deployer.config.file import File
from deployer.config.problems import Key, Problems, Wrong, nearest, quoted
from deployer.config.section import Section

# What people bring along from a Compose file, and what does that job here.
_COMPOSE_TOP = {
    "services": "Write the services as `apps:`, or name the file in an app's `compose:`.",
    "networks": "Make networks with `docker network create` and name them in an app's `networks:`.",
    "volumes": "Name volumes in an app's `volumes:`; Docker makes them.",
    "models": "Run the model elsewhere and give its address in `environment:`.",
    **dict.fromkeys(("name", "version", "include"), "Remove it."),
}
_COMPOSE = {
    "build": "Build and push the image elsewhere.",
    "container_name": "Old and new have names of their own: APP-DEPLOYMENT-INDEX.",
    "extends": "Write the keys here, or use YAML anchors.",
    "isolation": "It is for Windows.",
    "label_file": "Write `labels:`.",
    "post_start": "Let the image's entrypoint do it.",
    "pre_stop": "Let the app do it when it gets its `stop_signal:`.",
    "scale": "Write `replicas:`.",
    "volumes_from": "Write the volumes in `volumes:`.",
    **dict.fromkeys(("links", "external_links"), "Put both on one network in `networks:`."),
    **dict.fromkeys(("cpu_count", "cpu_percent", "credential_spec"), "It is for Windows."),
    **dict.fromkeys(
        (
            "attach",
            "blkio_config",
            "cpu_rt_period",
            "cpu_rt_runtime",
            "develop",
            "driver_opts",
            "models",
            "profiles",
            "provider",
            "use_api_socket",
        ),
        "Remove it.",
    ),
}
_COMPOSE_DEPLOY = {
    "replicas": "Write `replicas:` at the app.",
    "labels": "Write `labels:` at the app.",
    "restart_policy": "Write `restart:` at the app.",
    "update_config": "Write `deploy.strategy:`; the rest deployer does by itself.",
    "rollback_config": "deployer always goes back by itself. Remove it.",
    **dict.fromkeys(("mode", "endpoint_mode", "placement", "job"), "It is for Swarm. Remove it."),
}
_COMPOSE_GRANT = {
    "external": "It is for Swarm. Write `file:` or `environment:`.",
    "name": "Name it as it is called here.",
    "template_driver": "It is for Swarm. Remove it.",
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
        ignore = " Or name it in `compose.ignore`." if _of_compose_file(key, problems) else ""
        problems.add(key, _WORDS[detail["type"]](key) + ignore)


def _of_compose_file(key: Key, problems: Problems) -> bool:
    """Whether a key of an app was written in a Compose file, and so cannot just be removed."""
    return len(key) == 3 and key[0] == "apps" and isinstance(problems.where.get(key), str)


def _missing(key: Key) -> str:
    return f"this key is missing. Write it, such as `{key[-1]}: {_example(key)}`."


def _unknown(key: Key) -> str:
    name, section = str(key[-1]), _section(key)
    compose = _of_compose(key)
    if name in compose:
        return f"{quoted(name)} is a Compose key that deployer does not support. {compose[name]}"
    return f"unknown key {quoted(name)}. {nearest(name, section.model_fields)}"


def _of_compose(key: Key) -> dict[str, str]:
    """The keys that Compose has at this place and deployer has not."""
    if len(key) == 1:
        return _COMPOSE_TOP
    if key[0] in ("secrets", "configs"):
        return _COMPOSE_GRANT
    if key[0] != "apps":
        return {}
    return {3: _COMPOSE, 4: _COMPOSE_DEPLOY if "deploy" in key[2:] else {}}.get(len(key), {})


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

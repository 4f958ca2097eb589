"""What runs: the container's own settings without those of its image."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from typing import Any

from deployer.engines.docker.adopt.facts import Facts, Notes, without
from deployer.spec import Healthcheck

_SECOND = 1_000_000_000
_GRACE = 10.0
_COMPOSE = "com.docker.compose."
# As the configuration reads them (config/compose/process.py).
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,254}")
_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start_period": "StartPeriod",
    "start_interval": "StartInterval",
}


def process(facts: Facts, notes: Notes) -> dict[str, Any]:
    """The fields of a spec that say what runs."""
    config, defaults = facts.config, facts.defaults
    same = {"working_dir": "WorkingDir", "user": "User"}
    fields = {name: _own(config.get(key), defaults.get(key)) for name, key in same.items()}
    grace = config.get("StopTimeout")
    return {
        **fields,
        **_command(config, defaults),
        "environment": _environment(facts, notes),
        "labels": _labels(facts, notes),
        "healthcheck": _healthcheck(config, defaults),
        "stop_signal": _stop_signal(facts, notes),
        "stop_grace_period": _GRACE if grace is None else float(grace),
        "tty": bool(config.get("Tty")),
        "stdin_open": bool(config.get("OpenStdin")),
        "platform": _platform(facts),
    }


def _own(value: str | None, default: str | None) -> str:
    return "" if value == default else value or ""


def _command(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of them: Docker drops the image's command where an entrypoint was given."""
    entrypoint, command = _words(config, "Entrypoint"), _words(config, "Cmd")
    inherited = entrypoint == _words(defaults, "Entrypoint")
    if inherited and (command or not _words(defaults, "Cmd")):
        own = None if command == _words(defaults, "Cmd") else command
        return {"entrypoint": None, "command": own}
    return {"entrypoint": entrypoint, "command": command or None}


def _words(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(config.get(key) or ())


def _environment(facts: Facts, notes: Notes) -> tuple[tuple[str, str], ...]:
    entries = [one.partition("=") for one in facts.config.get("Env") or ()]
    image = dict(one.split("=", 1) for one in facts.defaults.get("Env") or () if "=" in one)
    own = without({name: value for name, equals, value in entries if equals}.items(), image)
    bare = [name for name, equals, _ in entries if not equals]
    odd = [name for name in own if not _VARIABLE.fullmatch(name)]
    for name in [*bare, *odd]:
        why = (
            "no variable of the configuration has such a name"
            if name in odd
            else ("it was taken away from the image's environment, which no key can say")
        )
        notes.leave(f"the variable {name}", f"{why}. Set it inside the image")
    return tuple((name, value) for name, value in own.items() if name not in odd)


def _labels(facts: Facts, notes: Notes) -> tuple[tuple[str, str], ...]:
    """The labels that the image has not; Compose's own are kept, so that it lists the service."""
    image = facts.defaults.get("Labels") or {}
    own = without(facts.labels.items(), image)
    kept = []
    for name, value in own.items():
        if name.startswith("deployer."):
            notes.leave(f"the label {name}", "deployer finds its containers by labels like it")
        elif not _LABEL.fullmatch(name):
            notes.leave(f"the label {name}", "no label of the configuration has such a name")
        else:
            kept.append((name, value))
    return tuple(kept)


def _healthcheck(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> Healthcheck | None:
    """Field by field: Docker fills in from the image what a container leaves out."""
    check, image = config.get("Healthcheck") or {}, defaults.get("Healthcheck") or {}
    said: dict[str, Any] = {
        name: check[key] / _SECOND
        for name, key in _TIMES.items()
        if check.get(key) and check[key] != image.get(key)
    }
    if check.get("Test") and check["Test"] != image.get("Test"):
        said["test"] = tuple(check["Test"])
    if check.get("Retries") and check["Retries"] != image.get("Retries"):
        said["retries"] = check["Retries"]
    return Healthcheck(**said) if said else None


def _stop_signal(facts: Facts, notes: Notes) -> str | None:
    said = facts.config.get("StopSignal") or ""
    if not said or said == facts.defaults.get("StopSignal"):
        return None
    numbers = {str(each.value): each.name for each in signal.Signals}
    name = numbers.get(said, said.upper())
    name = name if name.startswith("SIG") else f"SIG{name}"
    if name in signal.Signals.__members__:
        return name
    notes.leave("the stop signal", "it is none that the configuration knows. Set it in the image")
    return None


def _platform(facts: Facts) -> str:
    """Said only where the image is for another kind of processor than this machine's."""
    image = facts.image
    kind, machine = image.get("Architecture") or "", facts.machine.architecture
    if not kind or not machine or kind == machine:
        return ""
    parts = (image.get("Os") or "linux", kind, image.get("Variant") or "")
    return "/".join(part for part in parts if part)

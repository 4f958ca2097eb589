"""Environment variables that set single values, laid over what config.yml says."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from deployer.config.deploy_file import DeployFile, ReconcileFile
from deployer.config.file import NginxFile, PathsFile, ReceiverFile, WorkerFile
from deployer.config.problems import Key, Problems, nearest
from deployer.config.section import Section

PREFIX = "DEPLOYER_"
_SECTIONS: dict[str, type[Section]] = {
    "receiver": ReceiverFile,
    "nginx": NginxFile,
    "paths": PathsFile,
    "worker": WorkerFile,
    "deploy": DeployFile,
    "reconcile": ReconcileFile,
}
VARIABLES: dict[str, Key] = {
    f"{PREFIX}{section}__{name}".upper(): (section, name)
    for section, model in _SECTIONS.items()
    for name in model.model_fields
}
"""Every variable of the form DEPLOYER_<SECTION>__<KEY>, and the key that it sets."""
# Last, since the first that sets a key wins.
_COMMON: dict[str, Key] = {"HTTP_HOST": ("receiver", "bind"), "HTTP_PORT": ("receiver", "port")}


def overlay(data: dict[str, Any], environ: Mapping[str, str], problems: Problems) -> None:
    """Put the values of the environment in place of those of config.yml.

    `problems` learns which key a variable has set, so that a wrong value names the variable.
    Unknown variables of deployer's form are problems; their values are never repeated.
    """
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and "__" in variable and variable not in VARIABLES:
            problems.where[(variable,)] = variable
            problems.add((variable,), f"sets no key. {_instead(variable)}")
    set_by = {key: name for name, key in (_COMMON | VARIABLES).items() if name in environ}
    for (section, name), variable in set_by.items():
        keys = data.get(str(section)) or {}
        if isinstance(keys, dict):
            data[str(section)] = {**keys, name: environ[variable]}
            problems.where[section, name] = variable


def _instead(variable: str) -> str:
    section = variable.removeprefix(PREFIX).partition("__")[0].lower()
    if section in ("apps", "hooks", "registries"):
        return "Only single values outside apps, hooks and registries can be set like this."
    close = get_close_matches(section, _SECTIONS, n=1)
    if not close:
        return f"Known sections are: {', '.join(_SECTIONS).upper()}."
    of_section = f"{PREFIX}{close[0]}__".upper()
    return nearest(variable, [name for name in VARIABLES if name.startswith(of_section)])

"""Logins that `docker login` has made: Docker's own config.json and its credential helpers.

https://docs.docker.com/reference/cli/docker/login/#configure-the-credential-store
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from docker.auth import AuthConfig
from docker.errors import DockerException

from deployer.errors import RegistryDenied
from deployer.ports import Login

# A helper may ask an agent or a server; one that asks a person never ends (seconds).
HELPER_LIMIT = 10.0
_FAILURES = (DockerException, OSError, ValueError, KeyError)
T = TypeVar("T")


def config_file(environ: Mapping[str, str]) -> Path:
    """Where Docker's command line keeps its logins for whoever this process runs as."""
    stated = environ.get("DOCKER_CONFIG")
    return (Path(stated) if stated else Path(environ.get("HOME") or "/root") / ".docker") / (
        "config.json"
    )


def login_in(path: Path, host: str, *, limit: float = HELPER_LIMIT) -> Login | None:
    """The login for a registry's host in this file or from the helper that it names.

    None where there is none, or no such file. `limit` is how long a helper may take (seconds).
    Raises RegistryDenied, which names the file or the helper, where one cannot be used.
    """
    config = _parsed(path)
    if config is None:
        return None
    helper = config.get_credential_store(host)
    if helper and "/" in helper:
        raise _unusable(path, host, "the name of its credential helper has a slash")
    if helper and shutil.which(f"docker-credential-{helper}") is None:
        raise _unusable(path, host, f"docker-credential-{helper} is not installed")
    try:
        found = _within(limit, lambda: config.resolve_authconfig(host))
    except TimeoutError:
        raise _unusable(
            path, host, f"docker-credential-{helper} did not answer within {limit:g} s"
        ) from None
    except _FAILURES as error:
        # Of the error only its kind: what a helper prints may hold the secret.
        raise _unusable(
            path, host, f"docker-credential-{helper} failed ({type(error).__name__})"
        ) from error
    return _login(found or {})


def _parsed(path: Path) -> AuthConfig | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RegistryDenied(
            f"{path} cannot be read: {error.strerror}. Let the worker's user read it, or set the "
            "login under `registries` in config.yml"
        ) from error
    except ValueError as error:
        raise _broken(path) from error
    if not isinstance(content, dict):
        raise _broken(path)
    auths = content.get("auths") or {}
    try:
        known: dict[str, Any] = {"auths": AuthConfig.parse_auth(auths, raise_on_error=True)}
    except (DockerException, ValueError, AttributeError, TypeError) as error:
        raise _broken(path) from error
    helpers = {"credsStore": str, "credHelpers": dict}
    for key, kind in helpers.items():
        if isinstance(content.get(key), kind):
            known[key] = content[key]
    return AuthConfig(known)


def _login(found: Mapping[str, Any]) -> Login | None:
    keys = {name.lower(): value for name, value in found.items() if isinstance(value, str)}
    if keys.get("identitytoken"):
        return Login("", "", keys["identitytoken"])
    if not keys.get("username"):
        return None
    return Login(keys["username"], keys.get("password", ""))


def _within(limit: float, call: Callable[[], T]) -> T:
    """The result of a call, or its error; raises TimeoutError after `limit` seconds."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except _FAILURES as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="credential helper", daemon=True)
    thread.start()
    thread.join(limit)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


def _broken(path: Path) -> RegistryDenied:
    return RegistryDenied(
        f"{path} is not what `docker login` writes. Correct it or run `docker login` anew, or set "
        "the login under `registries` in config.yml"
    )


def _unusable(path: Path, host: str, why: str) -> RegistryDenied:
    return RegistryDenied(
        f"no login for {host}: {path} leaves it to a credential helper, and {why}. Try "
        "`docker login`, or set the login under `registries` in config.yml"
    )

"""Carries this machine's pip settings into image builds, and no further.

A build may reach the network only as this machine's own pip does: through another index, a proxy,
or with a company's certificates. Dockerfiles take the first two as build arguments, the last as
the file company-ca.crt of their context, each in a stage that does not become the image.
"""

import ast
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .shell import run

COMPANY_CA = "company-ca.crt"
# As pip calls them in its configuration; the builds have them as PIP_INDEX_URL and so on.
_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "default-timeout", "timeout")
# Docker knows these without an ARG, and leaves them out of the image's history.
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")


def build_arguments() -> list[str]:
    """Return what `docker build` needs besides the company's certificates: see `context`."""
    found = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in _of_pip().items()}
    found |= {name: os.environ[name] for name in _names_of_proxies() if os.environ.get(name)}
    # The machine's own network, since a proxy may listen on its loopback alone.
    arguments = ["--network", "host"]
    for name, value in found.items():
        arguments += ["--build-arg", f"{name}={value}"]
    return arguments


@contextmanager
def context(source: Path, *leave_out: str) -> Iterator[Path]:
    """Give a copy of a folder, with the certificates that this machine trusts, as a context."""
    with tempfile.TemporaryDirectory(prefix="deployer-build-") as folder:
        copy = Path(folder) / "context"
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", *leave_out))
        bundle = company_bundle()
        if bundle is not None:
            (copy / COMPANY_CA).write_bytes(bundle.read_bytes())
        yield copy


def company_bundle() -> Path | None:
    """Return the certificates that this machine's pip was told to trust, if it was."""
    named = _all_of_pip().get("cert") or os.environ.get("SSL_CERT_FILE", "")
    return Path(named) if named and Path(named).is_file() else None


def _of_pip() -> dict[str, str]:
    settings = {name: value for name, value in _all_of_pip().items() if name in _SETTINGS}
    for name in ("index-url", "extra-index-url"):
        # A folder of this machine is not there in a build.
        kept = [url for url in settings.get(name, "").split() if not url.startswith("file:")]
        settings[name] = " ".join(kept)
    if "default-timeout" in settings:
        settings["timeout"] = settings.pop("default-timeout")
    return {name: value for name, value in settings.items() if value}


def _all_of_pip() -> dict[str, str]:
    """Read pip's settings: the environment wins over `install`, and that over `global`."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in run([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in sections:
            sections[section][name] = str(ast.literal_eval(value))
    return {**sections["global"], **sections["install"], **sections[":env:"]}


def _names_of_proxies() -> list[str]:
    return [*_PROXIES, *(name.upper() for name in _PROXIES)]

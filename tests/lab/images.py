"""The images tests deploy: the base images, and the little app, healthy or broken by choice."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from .base_images import BUSYBOX, NGINX, PYTHON, ensure_base_images, ensure_busybox, present
from .engine import BUILD_ENV
from .errors import LabError
from .registry import Registry
from .shell import locked, run

__all__ = [
    "BUSYBOX",
    "NGINX",
    "PYTHON",
    "build",
    "build_app",
    "ensure_base_images",
    "ensure_busybox",
    "present",
    "push",
]

_FOLDER = Path(__file__).parent / "app"
_MODES = re.compile(r"ok|exit|silent|unhealthy|crash-loop|(dies|breaks|sickens)-later:\d+(\.\d+)?")
_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def build_app(
    repository: str,
    tag: str,
    version: str,
    registry: Registry,
    mode: str = "ok",
    extra: Sequence[str] = (),
) -> str:
    """Build the app, push it as repository:tag and return its digest.

    Modes: ok, exit, silent, unhealthy, crash-loop, and dies-, breaks- (all but /healthz answers
    500) or sickens-later:SECONDS. `extra` are further Dockerfile lines, such as a HEALTHCHECK. The
    pushed name is not kept in the engine, so a deployment has to pull it as it would on a server.
    """
    if not _MODES.fullmatch(mode):
        raise LabError(f"the lab's app has no mode {mode!r}, only {_MODES.pattern}")
    ensure_base_images([PYTHON])
    built = build(version, mode, extra)
    return push(built, repository, tag, registry)


def push(image: str, repository: str, tag: str, registry: Registry) -> str:
    """Push an image of the engine to the registry under another name; return its digest."""
    name = f"{registry.address}/{repository}:{tag}"
    run(["docker", "tag", image, name])
    try:
        said = run(["docker", "--config", str(registry.client_config()), "push", name])
    finally:
        run(["docker", "image", "rm", "--no-prune", name])
    found = _PUSHED.search(said)
    if found is None:
        raise LabError(f"`docker push {name}` named no digest:\n{said}")
    return found.group(1)


def build(version: str, mode: str = "ok", extra: Sequence[str] = ()) -> str:
    """Build the app unless it is there, since the same content would get a new digest; its name."""
    lines = "\n".join([(_FOLDER / "Dockerfile").read_text().rstrip(), *extra, ""])
    base = run(["docker", "image", "inspect", "--format", "{{.Id}}", PYTHON])
    parts = (version, mode, lines, base, (_FOLDER / "server.py").read_text())
    name = f"deployer-lab/app:{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"
    with locked("app"):
        if not present(name):
            command = ["docker", "build", "--quiet", "--tag", name, "--file", "-"]
            command += ["--build-arg", f"VERSION={version}", "--build-arg", f"MODE={mode}"]
            _built([*command, str(_FOLDER)], lines)
    return name


def _built(command: Sequence[str], lines: str) -> None:
    """Build, again where a step was taken away: who removes an image removes its old steps too."""
    for last in (False, False, True):
        try:
            run(command, env=BUILD_ENV, text_in=lines)
        except LabError as error:
            if last or "unable to find image" not in str(error):
                raise
        else:
            return

"""The example app of examples/hello as images: built once for each content and version."""

import hashlib
import json
from pathlib import Path

from . import pip_in_builds
from .base_images import PYTHON, ensure_base_images, present
from .clients import Post
from .engine import BUILD_ENV
from .images import push
from .registry import Registry
from .shell import locked, run

HELLO = Path(__file__).parents[2] / "examples" / "hello"
# How the load's clients give it their ids; with ITEMS_FILE it writes each down.
POST_ID = Post("/item/note", "application/json", lambda name: json.dumps({"name": name}))
# What the image is not made of.
_BESIDE = ("tests", "README.md", "requirements.in", pip_in_builds.COMPANY_CA)


def build_hello(repository: str, tag: str, version: str, registry: Registry) -> str:
    """Build this version, push it as repository:tag and return its digest."""
    return push(build(version), repository, tag, registry)


def build(version: str) -> str:
    """Build this version unless it is there; the image's name."""
    ensure_base_images([PYTHON])
    base = run(["docker", "image", "inspect", "--format", "{{.Id}}", PYTHON])
    name = f"deployer-lab/hello:{_content(version, base)}"
    with locked("hello"), pip_in_builds.context(HELLO, *_BESIDE) as context:
        if not present(name):
            command = ["docker", "build", "--quiet", "--tag", name, "--build-arg"]
            command += [f"VERSION={version}", *pip_in_builds.build_arguments(), str(context)]
            run(command, env=BUILD_ENV)
    return name


def _content(*parts: str) -> str:
    """A short hash over these and every file that is built in."""
    digest = hashlib.sha256(repr(parts).encode())
    for file in sorted(HELLO.rglob("*")):
        inside = file.relative_to(HELLO)
        if file.is_file() and inside.parts[0] not in _BESIDE and file.suffix != ".pyc":
            digest.update(repr((str(inside), file.read_bytes())).encode())
    return digest.hexdigest()[:16]

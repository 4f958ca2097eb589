"""What `nginx -V` says of itself, for every place that Nginx lives in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

OLDEST = (1, 22, 0)
"""The oldest version whose directives are those that deployer's templates use."""

_VERSION = re.compile(r"nginx version: [^/\s]+/([0-9]+)\.([0-9]+)\.([0-9]+)")
_ARGUMENTS = re.compile(r"configure arguments: (.*)")
_MODULE = re.compile(r"--with-(\w+_module|stream|mail)")
_USERS = ("nginx", "www-data", "nobody")


@dataclass(frozen=True, slots=True)
class Build:
    """A build of Nginx: its version, the modules built into it, the user it was built for."""

    version: tuple[int, int, int]
    modules: tuple[str, ...]
    user: str

    def worker_user(self, exists: Callable[[str], bool]) -> str | None:
        """The user that the build names, else the first of the usual ones that exists."""
        return next((user for user in (self.user, *_USERS) if user and exists(user)), None)


def build_of(said: str) -> Build | None:
    """A build from the output of `nginx -V`; None where that names no version."""
    version, arguments = _VERSION.search(said), _ARGUMENTS.search(said)
    if version is None:
        return None
    words = shlex.split(arguments[1]) if arguments else []
    modules = sorted(match[1] for word in words if (match := _MODULE.fullmatch(word)))
    users = [word.removeprefix("--user=") for word in words if word.startswith("--user=")]
    found = (int(version[1]), int(version[2]), int(version[3]))
    return Build(found, tuple(modules), users[-1] if users else "")

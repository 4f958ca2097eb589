"""What the receiver may do when `serve` is started as root: as little as Linux can grant.

setpriv (util-linux) drops everything before Python starts, so no line of ours, gunicorn's or
Flask's runs in the receiver with a right that it should not have.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import ConfigError

_IMPORT_LIMIT = 60.0
_SOCKET = "unix:///var/run/docker.sock"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """The user and primary group that the receiver runs as."""

    name: str
    uid: int
    gid: int


def receiver_account(name: str) -> Account | None:
    """Whom the receiver runs as; None where this process is not root and cannot choose.

    Raises ConfigError where the user does not exist, is root by another name or may open
    Docker's socket, which is as good as root.
    """
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigError(
            [
                f"receiver.user: there is no user {name} on this machine, and the receiver "
                "never runs as root. Make one: useradd --system --user-group --no-create-home "
                f"--home-dir /nonexistent --shell /usr/sbin/nologin {name}"
            ]
        ) from error
    if found.pw_uid == 0 or found.pw_gid == 0:
        raise ConfigError(
            [
                f"receiver.user: {name} has the id or the primary group of root, and the "
                "receiver faces the network. Name a user without rights"
            ]
        )
    account = Account(name, found.pw_uid, found.pw_gid)
    if why := _opens_docker(account):
        raise ConfigError(
            [
                f"receiver.user: {name} may open Docker's socket, because {why}, and who may do "
                "that is root. Name a user with a group of its own"
            ]
        )
    return account


def receivers_group(name: str) -> int | None:
    """The group that the state is shared with, where the worker is started by itself.

    Only root can share it, and only with a user that there is: elsewhere nothing is changed.
    Raises ConfigError as `receiver_account` does.
    """
    try:
        pwd.getpwnam(name)
    except KeyError:
        return None
    account = receiver_account(name)
    return account.gid if account else None


def _opens_docker(account: Account) -> str:
    """Why that user can reach Docker with no group but its primary one; "" if it cannot."""
    with suppress(KeyError):
        if grp.getgrnam("docker").gr_gid == account.gid:
            return "its primary group is docker"
    for address in (_SOCKET, os.environ.get("DOCKER_HOST", "")):
        path = Path(address.removeprefix("unix://"))
        if not address.startswith("unix://") or not path.exists():
            continue
        found = path.stat()
        if found.st_uid == account.uid:
            return f"{path} belongs to it"
        if found.st_gid == account.gid:
            return f"{path} belongs to its primary group"
        if found.st_mode & stat.S_IWOTH:
            return f"everybody may open {path}"
    return ""


def tied(signal: str) -> list[str]:
    """The start of a command that the kernel ends with this signal when its parent dies.

    Raises ConfigError where setpriv is missing.
    """
    setpriv = shutil.which("setpriv", path=f"{os.environ.get('PATH', '')}:{_PATH}")
    if setpriv is None:
        raise ConfigError(
            [
                "serve: the program setpriv is missing, which gives the receiver its rights. "
                "Install util-linux (Debian: apt install util-linux, Alpine: apk add setpriv)"
            ]
        )
    return [setpriv, "--pdeathsig", signal]


def bare(account: Account) -> list[str]:
    """setpriv's options for a process of that user with no other group and no capability.

    `--pdeathsig` may stand before them: setpriv sets it last, after the change of user, which
    would clear it (prctl(2), PR_SET_PDEATHSIG). The program is started through env, because
    setpriv itself still has root's capabilities while it opens what it executes.
    """
    return [
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        "--inh-caps=-all",
        "--ambient-caps=-all",
        "--bounding-set=-all",
        "--no-new-privs",
        "env",
    ]


def bare_environment() -> dict[str, str]:
    """An environment without secrets, addresses of Docker or Python's own settings."""
    return {"PATH": _PATH, "LANG": "C.UTF-8"}


def prove_import(account: Account) -> None:
    """Let that user import the receiver. Raises ConfigError where it cannot."""
    command = [*tied("KILL"), *bare(account), sys.executable, "-I"]
    command += ["-c", "import deployer.web.server, deployer.stores"]
    try:
        tried = subprocess.run(
            command,
            cwd="/",
            env=bare_environment(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_IMPORT_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _cannot_import(account, f"nothing happened for {_IMPORT_LIMIT:g} s") from error
    if tried.returncode != 0:
        said = tried.stderr.decode(errors="replace").strip().splitlines()
        raise _cannot_import(account, said[-1] if said else f"exit code {tried.returncode}")


def _cannot_import(account: Account, why: str) -> ConfigError:
    package = Path(__file__).resolve().parents[1]
    return ConfigError(
        [
            f"receiver.user: {account.name} cannot import deployer ({why}), and the receiver "
            f"never runs as root. That user must be able to read the interpreter "
            f"{sys.executable} ({Path(sys.executable).resolve()}) and the package {package}, "
            "and it must be installed there, not only found in the current folder. "
            "Install deployer outside of /root, for example: python3 -m venv /opt/deployer && "
            "/opt/deployer/bin/pip install deployer"
        ]
    )

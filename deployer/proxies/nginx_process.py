"""Nginx as a process of this machine: found in /proc, started apart from the worker."""

from __future__ import annotations

import grp
import os
import pwd
import re
import signal
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import structlog

from deployer.config.values import Nginx as Settings
from deployer.errors import ConfigRejected, NotConfirmed, ProxyError
from deployer.ports import NginxFacts, NginxWorker
from deployer.ports.nginx_build import build_of

log = structlog.get_logger()

_MASTER = "nginx: master process "
_WORKER = "nginx: worker process"
_PASSED = "test is successful"
_LIMIT = 30
_UP_LIMIT = 10.0
_POLL = 0.05
_PRIVILEGED = 1024


class NginxProcess:
    """Nginx run by `settings.binary` with the current generation in `folder`.

    A master is ours if it is that program, runs as this user and has our configuration: no
    other process is ever signalled, whatever a stale pid file says.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._binary = settings.binary
        self._port = settings.http_port
        self._folder = folder
        self._config = folder / "current" / "nginx.conf"
        self._orphans: set[int] = set()

    def facts(self) -> NginxFacts:
        """What the program says of itself; makes the folders of its logs and temporary files."""
        said = self._run("-V")
        build = build_of(said)
        if build is None:
            raise ProxyError(
                f"{self._binary} is not Nginx: `{self._binary} -V` names no version. Correct "
                "`nginx.binary` in config.yml",
                detail=said,
            )
        if os.geteuid() != 0 and self._port < _first_free_port():
            raise ProxyError(
                f"Nginx cannot listen on port {self._port}: only root may use ports below "
                f"{_first_free_port()}. Run the worker as root, or choose a higher "
                "`nginx.http_port`"
            )
        user = build.worker_user(_exists) if os.geteuid() == 0 else ""
        if user is None:
            raise ProxyError(
                "this machine has no user for Nginx's workers: neither the one that "
                f"{self._binary} was built for nor www-data. Make one: `useradd --system nginx`"
            )
        self._prepare()
        return NginxFacts(
            build.version,
            user,
            build.modules,
            f"process {self._binary}",
            str(self._folder),
            group=_group(user),
        )

    def address(self) -> str:
        """Loopback, while a master of ours lives: without one its workers still answer."""
        if self._master() is None:
            raise ProxyError(f"no process runs `{self._binary} -c {self._config}`")
        return "127.0.0.1"

    def test(self, config: str) -> None:
        """Let the program test a file. Raises ConfigRejected with its words."""
        said = self._run("-t", "-c", config)
        if _PASSED not in said:
            raise ConfigRejected(f"Nginx refuses {config}: {said.strip()}", detail=said)

    def ensure_running(self) -> bool:
        """Start Nginx as a daemon unless it runs; True where it was started.

        Raises ProxyError where another Nginx has the ports, NotConfirmed where it does not stay.
        """
        if self._master():
            return False
        self._dismiss_orphans()
        said = self._run("-c", str(self._config))
        deadline = time.monotonic() + _UP_LIMIT
        while not _children(self._master()):
            if "[emerg]" in said or time.monotonic() > deadline:
                raise self._not_started(said)
            time.sleep(_POLL)
        log.info("nginx started", binary=str(self._binary), pid=self._master())
        return True

    def reload(self) -> None:
        """Send HUP to the master, which was proven to be ours a moment ago."""
        master = self._master()
        if master is None:
            raise ProxyError(
                f"Nginx is not reloaded: no process runs `{self._binary} -c {self._config}`. "
                "It is started again with the next change or check"
            )
        try:
            os.kill(master, signal.SIGHUP)
        except OSError as error:
            raise ProxyError(
                f"Nginx (process {master}) is not reloaded: {error.strerror}. Run the worker as "
                "the user that started Nginx"
            ) from error

    def workers(self) -> list[NginxWorker]:
        """Children of our master by their titles, and those that outlived an earlier master."""
        self._orphans = {pid for pid in self._orphans if _title(pid).startswith(_WORKER)}
        return [
            NginxWorker(pid, pid in self._orphans or title.endswith("is shutting down"))
            for pid in (*_children(self._master()), *self._orphans)
            if (title := _title(pid)).startswith(_WORKER)
        ]

    def errors(self, lines: int) -> str:
        """The last lines of the error log, which is in the folder."""
        try:
            with (self._folder / "logs" / "error.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 64 * 1024))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _master(self) -> int | None:
        """The pid file's process if it is ours, else the one in /proc that is; None without."""
        try:
            said = (self._folder / "nginx.pid").read_text().strip()
        except OSError:
            said = ""
        if said.isdecimal() and self._is_ours(int(said)):
            return int(said)
        return next((pid for pid in _pids() if self._is_ours(pid)), None)

    def _is_ours(self, pid: int) -> bool:
        title = _title(pid)
        if not title.startswith(_MASTER) or f" -c {self._config} " not in f"{title} ":
            return False
        try:
            program = str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)")
            return program == str(self._binary.resolve()) and (
                Path(f"/proc/{pid}").stat().st_uid == os.geteuid()
            )
        except OSError:
            return False

    def _dismiss_orphans(self) -> None:
        """Let workers go whose master was killed: they still have its ports, and serve on.

        They are known by our error log, which no other Nginx has open.
        """
        log_file = str(self._folder / "logs" / "error.log")
        for pid in _pids():
            if _title(pid).startswith(_WORKER) and log_file in _open_files(pid):
                self._orphans.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + _UP_LIMIT
        while any(_listens(pid) for pid in self._orphans) and time.monotonic() < deadline:
            time.sleep(_POLL)

    def _prepare(self) -> None:
        try:
            for name in ("logs", "temporary"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                # Its workers, who are not root, keep large uploads here and read passwords.
                state = self._folder.parent
                state.chmod(stat.S_IMODE(state.stat().st_mode) | stat.S_IXOTH)
        except OSError as error:
            raise ProxyError(
                f"cannot make Nginx's folders in {self._folder}: {error.strerror}. Look at the "
                "disk's space and rights"
            ) from error

    def _run(self, *arguments: str) -> str:
        """What the program says; its own session, so that a daemon survives the worker."""
        try:
            done = subprocess.run(
                [str(self._binary), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                timeout=_LIMIT,
                start_new_session=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise ProxyError(
                f"there is no Nginx at {self._binary}. Install it (`apt-get install nginx`), or "
                "write where it is as `nginx.binary` in config.yml"
            ) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProxyError(
                f"`{self._binary} {' '.join(arguments)}` cannot be run: {error}. "
                "Look at the program and its rights"
            ) from error
        return done.stdout.decode("utf-8", "replace")

    def _not_started(self, said: str) -> ProxyError:
        words = said.strip() or self.errors(20)
        taken = re.search(r"bind\(\) to (\S+) failed \(98", words)
        if taken:
            return ProxyError(
                f"Nginx is not started: another process listens on {taken[1]}. If that is this "
                "machine's own Nginx, let it run with deployer's configuration (docs/nginx.md: "
                f"`ExecStart={self._binary} -c {self._config}`) or stop it, and name your sites "
                "as `nginx.include`",
                detail=words,
            )
        lines = [line for line in words.splitlines() if "still could not" not in line]
        return NotConfirmed(
            f"Nginx does not start: {(lines or ['it says nothing'])[-1]}. "
            f"Read {self._folder}/logs/error.log",
            detail=words,
        )


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode("utf-8", "replace")
    except OSError:
        return ""


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(path.readlink()))
    return found


def _listens(pid: int) -> bool:
    """A worker that has taken SIGQUIT has closed its listening sockets and says so."""
    title = _title(pid)
    return title.startswith(_WORKER) and not title.endswith("is shutting down")


def _children(pid: int | None) -> list[int]:
    if pid is None:
        return []
    try:
        said = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in said.split()]


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _group(user: str) -> int | None:
    """The group of the user's name, which Nginx gives its workers."""
    try:
        return grp.getgrnam(user).gr_gid
    except KeyError:
        return None


def _first_free_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return _PRIVILEGED

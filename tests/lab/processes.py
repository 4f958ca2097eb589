"""Background processes of the lab, remembered by a pid file that cannot hit a stranger."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .errors import LabError
from .shell import open_folder, wait_until


def _started_at(pid: int) -> str | None:
    """Return the process's start time in ticks: with the pid it names one process for ever."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def last_lines(path: Path, count: int = 5) -> str:
    """Return the end of a log, for an error message."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


class Background:
    """A process that outlives the one that started it: own session, log and pid file."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._pid_file = folder / f"{name}.started"

    def pid(self) -> int | None:
        """Return the pid while the very process that was started is alive."""
        try:
            pid, started = self._pid_file.read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if _started_at(int(pid)) == started else None

    def start(self, argv: Sequence[str]) -> None:
        """Start it detached, unless it runs already."""
        if self.pid() is not None:
            return
        open_folder(self.log.parent)
        with self.log.open("ab") as log:
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd="/",
                    # The caller's umask may hide what other users have to reach, such as sockets.
                    umask=0o022,
                )
            except FileNotFoundError as error:
                raise LabError(
                    f"`{argv[0]}` is not installed, so {self.name} cannot start"
                ) from error
        self._pid_file.write_text(f"{process.pid} {_started_at(process.pid)}")
        # It is a daemon from here on: an unawaited child must not raise a ResourceWarning.
        process.returncode = 0

    def stop(self, limit: float = 20) -> bool:
        """Stop it (SIGTERM, at the limit SIGKILL); tell whether there was anything to stop."""
        pid = self.pid()
        if pid is None:
            self._pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        try:
            wait_until(lambda: self._gone(pid), f"the end of {self.name}", limit=limit)
        except LabError:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self._gone(pid), f"the end of {self.name}", limit=5)
        self._pid_file.unlink(missing_ok=True)
        return True

    def _gone(self, pid: int) -> bool:
        # When it is this process's own child it stays as a zombie until it is reaped.
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return self.pid() is None

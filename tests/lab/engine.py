"""Takes the Docker Engine that answers, or installs and starts one by hand."""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from .errors import LabError
from .packages import ensure
from .processes import Background, last_lines
from .shell import LAB, locked, open_folder, run, succeeds, wait_until

_DATA = LAB / "docker"
# Short and on a tmpfs where there is one: it holds sockets, whose paths must stay below 108.
_EXEC = Path("/run/deployer-lab-docker")
_PID_FILE = LAB / "dockerd.pid"
_SOCKET = "/var/run/docker.sock"
_SYSTEMD_MARK = LAB / "engine-started-by-systemctl"
# Newer clients would build with buildx, which Debian's package does not bring.
BUILD_ENV = {"DOCKER_BUILDKIT": "0"}


def engine_socket() -> str:
    """Return the path of the socket that `docker` talks to."""
    return os.environ.get("DOCKER_HOST", f"unix://{_SOCKET}").removeprefix("unix://")


def engine_answers() -> bool:
    """Tell whether an engine can be reached with this user's rights."""
    return succeeds(["docker", "version", "--format", "{{.Server.Version}}"])


def engine_version() -> str:
    """Return the engine's version, to be shown."""
    return run(["docker", "version", "--format", "{{.Server.Version}}"]).strip()


def ensure_engine() -> bool:
    """Make sure that `docker` works; tell whether the lab had to start the engine for it."""
    if engine_answers():
        return False
    if os.geteuid() != 0:
        raise LabError(
            "no Docker Engine answers and only root can start one: run this as root, start "
            "Docker, or add your user to the group `docker`"
        )
    with locked("engine"):
        if engine_answers():
            return False
        if shutil.which("dockerd") is None or shutil.which("docker") is None:
            ensure("docker.io", "iptables")
        if Path("/run/systemd/system").is_dir():
            run(["systemctl", "start", "docker"])
            open_folder(LAB)
            _SYSTEMD_MARK.touch()
        else:
            _start_by_hand()
    return True


def stop_engine() -> bool:
    """Stop the engine if the lab started it, and tell whether it did."""
    with locked("engine"):
        if _SYSTEMD_MARK.exists():
            run(["systemctl", "stop", "docker.socket", "docker.service"])
            _SYSTEMD_MARK.unlink()
            return True
        return _dockerd().stop(limit=30)


def started_by_lab() -> bool:
    """Tell whether the running engine is the lab's own."""
    return _SYSTEMD_MARK.exists() or _dockerd().pid() is not None


def _dockerd() -> Background:
    return Background("dockerd", LAB)


def _start_by_hand() -> None:
    dockerd = _dockerd()
    dockerd.stop()
    clear_remains(_EXEC)
    _PID_FILE.unlink(missing_ok=True)
    open_folder(LAB)
    dockerd.start(
        [
            "dockerd",
            f"--data-root={_DATA}",
            f"--exec-root={_EXEC}",
            f"--pidfile={_PID_FILE}",
            f"--host=unix://{_SOCKET}",
        ]
    )

    def answers_or_fails() -> bool:
        if dockerd.pid() is None:
            raise LabError(f"dockerd ended at once, see {dockerd.log}:\n{last_lines(dockerd.log)}")
        return engine_answers()

    wait_until(
        answers_or_fails,
        "the start of dockerd",
        limit=60,
        step=0.1,
        hint=lambda: f"See {dockerd.log}:\n{last_lines(dockerd.log)}",
    )


def clear_remains(exec_root: Path, named: str = "") -> None:
    """Remove what a killed engine left: its containerd lives on, and pid files name strangers.

    A new dockerd would wait for the old containerd, or for whoever has its number now. `named`
    is what the engine itself calls the folder, where it sees it elsewhere.
    """
    containerd = exec_root / "containerd"
    with suppress(OSError, ValueError):
        pid = int((containerd / "containerd.pid").read_text())
        if (named or str(exec_root)) in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the end of containerd")
    for leftover in (containerd / "containerd.pid", *containerd.glob("*.sock*")):
        leftover.unlink(missing_ok=True)

"""A Docker Engine in namespaces of its own: to be killed and frozen, or of another version.

It has its own network, mounts and folders, so that nothing it does reaches the lab's engine.
What is to talk to its containers, or to be talked to by them, runs inside its network too.
"""

import ctypes
import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .debian import Recipe, folder_from_packages
from .engine import clear_remains, ensure_engine
from .errors import LabError
from .images import BUSYBOX, NGINX, PYTHON, ensure_base_images, ensure_busybox
from .packages import ensure
from .processes import Background, last_lines
from .registry import SHARED_PORT, Registry
from .shell import LAB, locked, open_folder, run, succeeds, wait_until

NEWER = Recipe(
    image="engine-newer",
    suite="forky",
    # `docker top` runs ps; its root is entered by the programs of `mount`.
    packages=("docker.io", "iptables", "procps", "mount"),
    commands=(),
    dockerfile=(),
)
"""The Debian that has Docker Engine 28 or newer."""

# Seen from a root of its own as well: where the lab's and pytest's folders are.
_SHARED = (LAB, Path("/tmp"))  # noqa: S108 - a folder to be seen, nothing is made in it
_EXEC = "/run/docker"
# CLONE_NEWNET of the kernel's sched.h.
_NETWORK = 0x40000000
_IMAGES = (BUSYBOX, NGINX, PYTHON)


class PrivateEngine:
    """A Docker Engine and the namespaces that it lives in; they outlive its death."""

    def __init__(self, folder: Path, root: Path | None = None, options: Sequence[str] = ()) -> None:
        """`root` is a folder with another Debian whose dockerd is run instead of this one's."""
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self.lab = folder / "lab"
        self._root = root
        self._options = tuple(options)
        self._holder = Background("namespaces", folder)
        self._dockerd = Background("dockerd", folder)

    @property
    def log(self) -> Path:
        """What dockerd says."""
        return self._dockerd.log

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process of the lab use this engine, and have folders of its own."""
        return {"DOCKER_HOST": self.address, "DEPLOYER_LAB": str(self.lab)}

    @property
    def network(self) -> str:
        """The file that stands for its network."""
        return f"/proc/{self._holder.pid()}/ns/net"

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs this one in the engine's network, with the machine's own files."""
        return ["nsenter", f"--net={self.network}", "--", *argv]

    def open(self) -> None:
        """Make the namespaces and start it in them."""
        open_folder(self.folder)
        self._holder.start(["unshare", "--mount", "--net", "sh", "-ec", self._furnish()])
        wait_until(self._furnished, "namespaces for an engine", hint=self._last_words)
        self.start()

    def close(self) -> None:
        """End it and all that was started by it or for it, and remove its folder."""
        Registry(SHARED_PORT, self.lab / "registry").stop()
        if (holder := self._holder.pid()) is not None:
            with suppress(LabError):
                self.go_on()
            self._dockerd.stop(limit=30)
            for pid in _living_in(os.stat(f"/proc/{holder}/ns/mnt").st_ino):  # noqa: PTH116
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._holder.stop(limit=5)
        run(["rm", "-rf", "--one-file-system", str(self.folder)])

    def start(self) -> None:
        """Start it and wait until it answers."""
        holder = self._holder.pid()
        self._dockerd.start(
            [
                *("nsenter", f"--target={holder}", "--net", "--mount", "--", "dockerd"),
                f"--data-root={self.folder}/data",
                f"--exec-root={_EXEC}",
                "--pidfile=/run/docker.pid",
                f"--host={self.address}",
                *self._options,
            ]
        )
        wait_until(self._answers_or_fails, "dockerd", limit=60, hint=self._last_words)

    def kill(self) -> None:
        """End dockerd as a crash does; its containers live on."""
        pid = self._pid()
        os.kill(pid, signal.SIGKILL)
        self._buried(pid)

    def stop(self) -> None:
        """End dockerd as its unit does: it stops its containers first, and knows that it did."""
        self._dockerd.stop(limit=60)

    def lose_power(self) -> None:
        """End dockerd, its containerd and all containers at once."""
        holder, dockerd = self._holder.pid(), self._pid()
        for pid in {dockerd, *_living_in(os.stat(f"/proc/{holder}/ns/mnt").st_ino)} - {holder}:  # noqa: PTH116
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._buried(dockerd)

    def freeze(self) -> None:
        """Stop dockerd where it is; it takes connections and answers nothing."""
        os.kill(self._pid(), signal.SIGSTOP)

    def go_on(self) -> None:
        """Undo `freeze`."""
        os.kill(self._pid(), signal.SIGCONT)

    def load(self, images: Sequence[str] = _IMAGES) -> None:
        """Bring images of the lab's engine into it: from in there no other place is reached."""
        saved = self.folder / "images.tar"
        run(["docker", "save", "--output", str(saved), *images])
        run(["docker", "--host", self.address, "load", "--input", str(saved)])
        saved.unlink()

    def _buried(self, pid: int) -> None:
        # Until it is reaped, its successor takes it for running.
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        wait_until(lambda: self._dockerd.pid() is None, "the end of dockerd")
        clear_remains(Path(f"/proc/{self._holder.pid()}/root{_EXEC}"), _EXEC)

    def _pid(self) -> int:
        pid = self._dockerd.pid()
        if pid is None:
            raise LabError(f"dockerd does not run:\n{last_lines(self.log)}")
        return pid

    def _answers_or_fails(self) -> bool:
        self._pid()
        return succeeds(["docker", "--host", self.address, "version"])

    def _furnished(self) -> bool:
        holder = self._holder.pid()
        if holder is None:
            raise LabError(f"no namespaces for an engine:\n{last_lines(self._holder.log)}")
        return Path(f"/proc/{holder}/comm").read_text().strip() == "sleep"

    def _furnish(self) -> str:
        """Lines of a shell that make the new mounts and network ready, and then stay."""
        lines = ["ip link set lo up"]
        if self._root is None:
            lines += ["mount -t tmpfs tmpfs /run"]
        else:
            new = shlex.quote(str(self._root))
            lines += [f"mount --bind {new} {new}", f"cd {new}"]
            for path in ("/proc", "/sys", "/dev"):
                lines += [f"mount --rbind {path} {new}{path}"]
            lines += [f"mount -t tmpfs tmpfs {new}/run"]
            for path in map(str, _SHARED):
                seen = shlex.quote(f"{self._root}{path}")
                lines += [f"mkdir -p {seen}", f"mount --bind {shlex.quote(path)} {seen}"]
            lines += ["mkdir -p .old", "pivot_root . .old", "umount -l /.old"]
        return "\n".join([*lines, "exec sleep infinity"])

    def _last_words(self) -> str:
        return f"See {self.log}:\n{last_lines(self.log, 15)}"


@contextmanager
def private_engine(
    name: str, *, newer: bool = False, options: Sequence[str] = ()
) -> Iterator[PrivateEngine]:
    """Have an engine of one's own, as this machine's or newer, with the lab's images in it."""
    ensure_engine()
    ensure_busybox()
    ensure_base_images()
    if os.geteuid() != 0:
        raise LabError("only root can start an engine of its own: run this as root")
    ensure("iproute2", "util-linux")
    with locked(f"private-{name}"):
        engine = PrivateEngine(LAB / "private" / name, newer_root() if newer else None, options)
        # What a killed run left.
        engine.close()
        try:
            engine.open()
            engine.load()
            yield engine
        finally:
            engine.close()


@contextmanager
def entered(engine: PrivateEngine) -> Iterator[None]:
    """This thread, and all that it starts, is in the engine's network and talks to it alone."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    before = os.environ.get("DOCKER_HOST")
    other = os.open(engine.network, os.O_RDONLY)
    try:
        _set_network(other)
        os.environ["DOCKER_HOST"] = engine.address
        yield
    finally:
        os.environ.pop("DOCKER_HOST")
        if before is not None:
            os.environ["DOCKER_HOST"] = before
        _set_network(own)
        os.close(own)
        os.close(other)


def _set_network(handle: int) -> None:
    """Python has `os.setns` from 3.12 on."""
    if ctypes.CDLL(None, use_errno=True).setns(handle, _NETWORK):
        raise LabError(f"cannot enter a network: {os.strerror(ctypes.get_errno())}")


def newer_root() -> Path:
    """The folder of a Debian with a newer Docker, made at the first call: half a minute."""
    # As the images: leftovers of killed builds are removed under this lock.
    with locked("images"):
        return folder_from_packages(NEWER)


def _living_in(mounts: int) -> list[int]:
    """The processes in these mounts, and their descendants: an engine and its containers."""
    parents, found = {}, set()
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(entry.name)
            parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if (entry / "ns" / "mnt").stat().st_ino == mounts:
                found.add(pid)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)

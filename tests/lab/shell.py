"""Runs commands, waits for things to become true, and keeps the lab's folders and lock."""

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError


def _base(variable: str, for_root: str, for_others: str) -> Path:
    """Root shares one lab per machine; an ordinary user cannot write there and has an own one."""
    default = for_root if os.geteuid() == 0 else str(Path.home() / for_others)
    return Path(os.environ.get(variable) or default)


LAB = _base("DEPLOYER_LAB", "/var/lib/deployer-lab", ".local/state/deployer-lab")
CACHE = _base("DEPLOYER_LAB_CACHE", "/var/cache/deployer-lab", ".cache/deployer-lab")


def open_folder(path: Path) -> Path:
    """Make a folder that other users can enter and read, whatever the umask is."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
    return path


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    text_in: str | None = None,
    timeout: float = 600,
    cwd: Path | None = None,
) -> str:
    """Return what the command printed; a failure becomes a LabError with its last lines."""
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **(env or {})},
            # An empty input, never the terminal: a command that asks must fail, not wait.
            input=text_in or "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(
            f"`{argv[0]}` is not installed: install it, or run the lab as root"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{' '.join(argv)}` did not finish within {timeout:.0f} s") from error
    if done.returncode != 0:
        last = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
        raise LabError(f"`{' '.join(argv)}` failed with exit code {done.returncode}:\n{last}")
    return done.stdout


def succeeds(argv: Sequence[str], timeout: float = 20) -> bool:
    """Tell whether the command can be run and exits with 0."""
    try:
        run(argv, timeout=timeout)
    except LabError:
        return False
    return True


def wait_until(
    is_true: Callable[[], bool],
    what: str,
    *,
    limit: float = 30,
    step: float = 0.05,
    hint: Callable[[], str] = lambda: "",
) -> None:
    """Poll until it is true; after the limit say what was waited for, with the hint's words."""
    deadline = time.monotonic() + limit
    while not is_true():
        if time.monotonic() > deadline:
            raise LabError(f"{what} did not happen within {limit:.0f} s. {hint()}".rstrip())
        time.sleep(step)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time start or stop a part, since test runs may overlap."""
    with (open_folder(LAB) / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

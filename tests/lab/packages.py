"""Installs missing Debian packages without letting them start their services."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError
from .shell import locked, run, succeeds

_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
_POLICY = Path("/usr/sbin/policy-rc.d")
_KEPT_POLICY = Path("/usr/sbin/policy-rc.d.before-lab")
_DENY = "#!/bin/sh\n# Put here by deployer's lab while it installs packages.\nexit 101\n"
# These would listen on ports of their own at each boot; the lab starts its own processes.
_NOT_AT_BOOT = ("docker-registry", "nginx")


def missing(*names: str) -> list[str]:
    """Return those of the packages that are not installed."""
    return [name for name in names if not _installed(name)]


def ensure(*names: str) -> list[str]:
    """Install what is missing and return its names; needs root and apt for that only."""
    if not missing(*names):
        return []
    if not can_install():
        raise LabError(
            f"the packages {', '.join(missing(*names))} are missing and only root on Debian can "
            f"install them here: run `apt-get install {' '.join(missing(*names))}` as root"
        )
    with locked("packages"):
        wanted = missing(*names)
        if wanted:
            _install(wanted)
        return wanted


def can_install() -> bool:
    """Tell whether this process may install Debian packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def default_mirror() -> str:
    """Return the address that apt itself uses for this release of Debian."""
    wanted = _release_name()
    for line in run(["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)"]).splitlines():
        release, _, site = line.partition(" ")
        if release == wanted:
            return site
    raise LabError(f"apt has no source for {wanted}: add one to /etc/apt/sources.list.d")


def _release_name() -> str:
    lines = Path("/etc/os-release").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("VERSION_CODENAME", "").strip('"')


def _installed(name: str) -> bool:
    try:
        status = run(["dpkg-query", "-W", "-f", "${db:Status-Status}", name])
    except LabError:
        return False
    return status == "installed"


def _install(names: list[str]) -> None:
    patient = ["-o", "DPkg::Lock::Timeout=300"]
    command = ["apt-get", *patient, "install", "-y", "-qq", "--no-install-recommends", *names]
    with _services_stay_down():
        try:
            run(command, env=_QUIET)
        except LabError:
            # The lists may be absent or older than the mirror: refresh them once, then insist.
            # One unreachable source among several is no reason to stop before that.
            succeeds(["apt-get", *patient, "update", "-qq"], timeout=300)
            run(command, env=_QUIET)
    if Path("/run/systemd/system").is_dir():
        for service in _NOT_AT_BOOT:
            if service in names:
                succeeds(["systemctl", "disable", "--now", service])


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Have a policy that denies starts in place, and give back the machine's own one after."""
    if _POLICY.exists() and not _KEPT_POLICY.exists() and _POLICY.read_text() != _DENY:
        _POLICY.rename(_KEPT_POLICY)
    _POLICY.write_text(_DENY)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if _KEPT_POLICY.exists():
            _KEPT_POLICY.rename(_POLICY)
        else:
            _POLICY.unlink(missing_ok=True)

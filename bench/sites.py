"""`make bench-sites`: 1,000 sites of which one changes, against Nginx's own test and reload."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.routing import Route, Target
from tests.lab.images import NGINX, ensure_base_images
from tests.lab.shell import wait_until
from tests.lab.user import folder
from tests.proxies.rig import NginxRig

LIMIT = 1.5
ROUNDS = 9


@dataclass(frozen=True)
class Outcome:
    """Seconds: each round's change of one site, and test and reload of the same files."""

    sites: int
    first: float
    changes: Sequence[float]
    own: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median change against the median of Nginx's own work."""
        return statistics.median(self.changes) / statistics.median(self.own)


def route(number: int, address: str) -> Route:
    """A site as apps have them: two names and a replica."""
    app = f"app-{number:04d}"
    hosts = (f"{app}.example.com", f"www.{app}.example.com")
    return Route(app, hosts, "/", (Target(address, 8080),))


def test_and_reload(rig: NginxRig) -> float:
    """What Nginx needs for the same files: its test, HUP, and until no old worker takes more."""
    begun = time.monotonic()
    rig.host.test(str(rig.state / "current" / "nginx.conf"))
    before = {worker.pid for worker in rig.host.workers()}
    rig.host.reload()

    def quit_taking() -> bool:
        taking = {worker.pid for worker in rig.host.workers() if not worker.shutting_down}
        return bool(taking) and not before & taking

    wait_until(quit_taking, "the reload", step=0.025)
    return time.monotonic() - begun


def measure(sites: int, rounds: int, path: Path) -> Outcome:
    """Change one site of so many, again and again, each time beside Nginx's own work."""
    with NginxRig(path) as rig:
        routes = [route(number, "127.0.0.1") for number in range(sites)]
        begun = time.monotonic()
        rig.proxy.apply(routes)
        first = time.monotonic() - begun
        changes, own = [], []
        for turn in range(rounds):
            chosen = turn * 97 % sites
            other = Target(f"127.0.1.{turn + 1}", 8080)
            routes[chosen] = replace(routes[chosen], targets=(other,))
            _settle(rig)
            begun = time.monotonic()
            rig.proxy.apply(routes)
            changes.append(time.monotonic() - begun)
            _settle(rig)
            own.append(test_and_reload(rig))
        return Outcome(sites, first, changes, own)


def _settle(rig: NginxRig) -> None:
    """Let old workers go: what they still do is not what is measured."""
    wait_until(lambda: rig.proxy.draining() == 0, "the end of old workers")


def main() -> int:
    """Measure and tell; 1 where a change takes too long."""
    ensure_base_images([NGINX])
    with folder("bench-sites") as path:
        found = measure(int(os.environ.get("N") or 1000), ROUNDS, path)
    print(f"{found.sites} sites, one changed, median of {len(found.changes)}:")
    for what, times in (("render to confirmed", found.changes), ("nginx -t and reload", found.own)):
        middle, longest = statistics.median(times), max(times)
        print(f"  {what}  {middle * 1000:5.0f} ms (slowest {longest * 1000:.0f} ms)")
    print(f"  ratio                {found.ratio:5.2f} (at most {LIMIT})")
    print(f"  all {found.sites} for the first time  {found.first * 1000:.0f} ms")
    return 0 if found.ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())

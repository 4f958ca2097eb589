"""Fifty sites, one of which is broken in every way while clients ask all the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.proxies.rig import NginxRig, docker
from tests.proxies.ways import BREAKS, LOCATIONS, Break, Sites

pytestmark = [pytest.mark.lab, pytest.mark.long]

OTHERS = tuple(f"a{number:02}" for number in range(49))
CLIENTS = 4


class Fifty(Sites):
    """All apps share the replicas of a generation: what is asked is Nginx."""

    def replica(self, app: str, generation: str) -> str:
        return generation


@dataclass
class Asked:
    """What clients that ask every other site in turn have got."""

    rounds: int = 0
    failed: list[str] = field(default_factory=list)


@contextmanager
def clients(rig: NginxRig) -> Iterator[Asked]:
    """Ask every site but the bad one, again and again, with a connection each."""
    asked, stop = Asked(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            for app in OTHERS:
                status, _ = rig.request(f"{app}.example")
                if status != 200:
                    asked.failed.append(f"{app}: {status}")
            asked.rounds += 1

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield asked
        before = asked.rounds
        while asked.rounds < before + CLIENTS:
            stop.wait(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def fifty(lab_nginx: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fifty]:
    """One Nginx with all of them."""
    with NginxRig(tmp_path_factory.mktemp("fifty")) as rig:
        yield Fifty(rig, (*OTHERS[:25], "bad", *OTHERS[25:]))


@pytest.mark.parametrize("broken", [broken for broken, _ in BREAKS])
def test_the_other_49_serve_throughout_and_the_broken_one_is_named(
    fifty: Fifty, broken: Break, tmp_path: Path
) -> None:
    """Broken, updated, started anew by Nginx's stop, and mended: no request of the others fails."""
    rig, proxy = fifty.rig, fifty.rig.proxy
    for path in rig.templates.iterdir():
        path.unlink()
    assert not proxy.apply(fifty.routes("one")).held
    with clients(rig) as asked:
        options = broken(fifty)
        for generation in ("two", "one"):
            assert list(proxy.apply(fifty.routes(generation, **options)).held) == ["bad"]
            assert {rig.ask(f"{app}.example") for app in fifty.apps} == {generation}
    assert asked.failed == []
    docker("stop", "--time", "1", rig.settings.container)
    assert list(proxy.apply(fifty.routes("two", **options)).held) == ["bad"]
    with clients(rig) as asked:
        assert {rig.ask(f"{app}.example") for app in fifty.apps} == {"two"}
        for name in filter(None, options.values()):
            fifty.file(name, LOCATIONS if name.endswith(".j2") else "add_header X-A b;\n")
            (rig.templates / name).chmod(0o644)
        assert proxy.stale()
        assert not proxy.apply(fifty.routes("one", **options)).held
    assert asked.failed == []

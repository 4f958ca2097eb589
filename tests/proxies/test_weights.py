"""Apps with the same hosts and path, as a client of a real Nginx meets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.config import load
from deployer.errors import RenderRefused
from deployer.proxies.sites import sites_of
from deployer.routing import Handling, Route, Target
from tests.docs import ROOT, block
from tests.proxies.rig import NginxRig

PAGE = ROOT / "docs" / "nginx.md"
HOST = "shop.example.com"
THERE = (Target("10.0.0.1", 80),)


@pytest.fixture(scope="module")
def rig(lab_nginx: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxRig]:
    with NginxRig(tmp_path_factory.mktemp("rig")) as made:
        yield made


def example(rig: NginxRig, folder: Path, **replicas: int) -> dict[str, Route]:
    """The routes of the page's example, to so many replicas of each app."""
    (folder / "config.yml").write_text(block("weight", PAGE))
    counts = {app.replace("_", "-"): count for app, count in replicas.items()}
    return {
        app.name: app.route.to(
            app.name, [rig.replica(f"{app.name}.{one}") for one in range(counts[app.name])]
        )
        for app in load(folder / "config.yml", {}, part="worker").apps.values()
        if app.route
    }


def shares(rig: NginxRig, requests: int = 100) -> dict[str, int]:
    """How many of the requests each app gets."""
    answers = [rig.ask(HOST) or "nobody" for _ in range(requests)]
    return dict(Counter(answer.partition(".")[0] for answer in answers))


@pytest.mark.lab
@pytest.mark.parametrize("replicas", [(1, 1), (3, 2)])
def test_each_app_gets_its_part_however_many_replicas_it_has(
    rig: NginxRig, tmp_path: Path, replicas: tuple[int, int]
) -> None:
    # One worker process counts for all of them: they share the upstream's zone.
    routes = example(rig, tmp_path, shop=replicas[0], shop_next=replicas[1])
    rig.proxy.apply(list(routes.values()))
    assert shares(rig) == {"shop": 90, "shop-next": 10}


@pytest.mark.lab
def test_what_one_cannot_take_the_others_get(rig: NginxRig, tmp_path: Path) -> None:
    routes = example(rig, tmp_path, shop=1, shop_next=1)
    away = replace(routes["shop"], targets=())
    rig.proxy.apply([away, routes["shop-next"]])
    assert shares(rig, 10) == {"shop-next": 10}
    resting = replace(routes["shop-next"], handling=Handling(maintenance=True))
    rig.proxy.apply([routes["shop"], resting])
    assert shares(rig, 10) == {"shop": 10}
    rig.proxy.apply([routes["shop"]])
    assert shares(rig, 10) == {"shop": 10}
    rig.proxy.apply([away, resting])
    assert rig.request(HOST)[0] == 503


@pytest.mark.lab
def test_a_broken_snippet_of_both_leaves_them_as_they_were(rig: NginxRig, tmp_path: Path) -> None:
    routes = example(rig, tmp_path, shop=1, shop_next=1)
    rig.proxy.apply(list(routes.values()))
    (rig.templates / "broken.conf").write_text("no_such_directive on;")
    broken = [replace(one, snippet="broken.conf") for one in routes.values()]
    applied = rig.proxy.apply(broken)
    assert "no_such_directive" in str(applied.held["shop"])
    assert shares(rig) == {"shop": 90, "shop-next": 10}


@pytest.mark.lab
def test_who_shares_nothing_in_its_last_good_version_stays_alone(
    rig: NginxRig, tmp_path: Path
) -> None:
    """One that comes to a site which is held back waits until that is mended."""
    routes = example(rig, tmp_path, shop=1, shop_next=1)
    alone = replace(routes["shop"], weight=0)
    rig.proxy.apply([alone])
    (rig.templates / "broken.conf").write_text("no_such_directive on;")
    both = [replace(one, snippet="broken.conf") for one in routes.values()]
    assert set(rig.proxy.apply(both).held) == {"shop", "shop-next"}
    assert shares(rig, 10) == {"shop": 10}
    rig.proxy.apply(list(routes.values()))
    assert shares(rig) == {"shop": 90, "shop-next": 10}


def test_hosts_and_path_have_to_be_the_same_to_be_shared() -> None:
    one = Route("a", ("x.example", "y.example"), "/", THERE, weight=1)
    for other in (replace(one, app="b", hosts=("x.example",)), replace(one, app="b", weight=0)):
        with pytest.raises(RenderRefused, match=r"a and b both have x\.example/"):
            sites_of([one, other])

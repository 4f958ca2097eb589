"""One site that is at fault is held back alone: named, and mended by itself, on a real Nginx."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.errors import ProxyError
from deployer.ports import Applied
from deployer.proxies.nginx import Nginx
from deployer.routing import Guard, Handling
from tests.proxies.rig import NginxRig, docker
from tests.proxies.ways import (
    BREAKS,
    LOCATIONS,
    PACKAGE,
    Break,
    Sites,
    missing_folder,
    not_nginx,
    unknown_zone,
)

pytestmark = pytest.mark.lab

APPS = ("api", "bad", "web")
NGINX_USER = 101
WAYS = pytest.mark.parametrize(
    ("broken", "words"), BREAKS, ids=[broken.__name__ for broken, _ in BREAKS]
)


@pytest.fixture(scope="module")
def shared(lab_nginx: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxRig]:
    """One Nginx for all these tests: each begins with a change that all of it takes."""
    with NginxRig(tmp_path_factory.mktemp("isolation")) as made:
        yield made


@pytest.fixture
def sites(shared: NginxRig) -> Sites:
    """Three apps that are served as they should be."""
    for path in shared.templates.iterdir():
        path.unlink()
    shutil.rmtree(shared.state / "gone", ignore_errors=True)
    sites = Sites(shared)
    assert not shared.proxy.apply(sites.routes("zero")).held
    return sites


def made(folder: Path) -> Path:
    """A folder that belongs to the user that Nginx's workers have in its image."""
    folder.mkdir()
    os.chown(folder, NGINX_USER, NGINX_USER)
    return folder


def refusal(sites: Sites, applied: Applied) -> ProxyError:
    """Why the bad app's site is held back, which nobody else's is."""
    assert list(applied.held) == ["bad"]
    (held,) = sites.rig.proxy.held()
    assert (held.app, held.reason) == ("bad", str(applied.held["bad"]))
    return applied.held["bad"]


@WAYS
def test_a_site_that_is_at_fault_stays_as_it_was_while_the_others_are_updated(
    sites: Sites, broken: Break, words: str
) -> None:
    """Named with its reason. The addresses are those of the moment, or those of before where a
    switch was refused. Picked up when it is mended.
    """
    proxy, templates = sites.rig.proxy, str(sites.rig.templates)
    before = sites.routes("zero")[1]
    options = broken(sites)
    refusal(sites, proxy.apply(sites.routes("one", **options), {"bad": before}))
    assert sites.answers() == {"api": "api-one", "bad": "bad-zero", "web": "web-one"}
    error = refusal(sites, proxy.apply(sites.routes("two", **options)))
    with pytest.raises(ProxyError, match=words.replace("{templates}", templates)):
        raise error
    assert str(error).endswith("; the previous configuration is still live")
    assert sites.answers() == {"api": "api-two", "bad": "bad-two", "web": "web-two"}
    assert not proxy.stale()
    for name in (options.get("template"), options.get("snippet")):
        if name:
            sites.file(name, LOCATIONS if name.endswith(".j2") else "add_header X-A b;\n")
            (sites.rig.templates / name).chmod(0o644)
    assert proxy.stale()
    assert not proxy.apply(sites.routes("two", **options)).held
    assert not proxy.held()
    assert sites.answers() == {"api": "api-two", "bad": "bad-two", "web": "web-two"}


def test_an_app_that_never_had_a_good_site_is_closed_and_the_others_are_served(
    sites: Sites,
) -> None:
    rig = sites.rig
    rig.proxy.apply([one for one in sites.routes("one") if one.app != "bad"])
    options = not_nginx(sites)
    error = refusal(sites, rig.proxy.apply(sites.routes("one", **options)))
    assert str(error).endswith("; its requests get 503")
    assert sites.answers() == {"api": "api-one", "bad": 503, "web": "web-one"}


def test_what_is_held_back_stays_so_through_a_stop_of_nginx_and_of_the_worker(
    sites: Sites,
) -> None:
    """Found again by the next worker, though it knows nothing of what was refused before."""
    options = unknown_zone(sites)
    sites.rig.proxy.apply(sites.routes("one", **options))
    docker("stop", "--time", "1", sites.rig.settings.container)
    again = sites.rig.nginx(sites.rig.settings)
    applied = again.apply(sites.routes("two", **options))
    assert list(applied.held) == ["bad"]
    assert sites.answers() == {"api": "api-two", "bad": "bad-two", "web": "web-two"}


def test_a_host_that_was_changed_with_what_broke_is_the_one_of_before_for_the_next_worker(
    sites: Sites,
) -> None:
    routes = sites.routes("one", **unknown_zone(sites))
    routes[1] = replace(routes[1], hosts=("moved.example",))
    applied = sites.rig.nginx(sites.rig.settings).apply(routes)
    assert list(applied.held) == ["bad"]
    assert sites.answers()["bad"] == "bad-one"
    assert sites.rig.ask("moved.example") is None


def test_maintenance_counts_also_for_a_site_that_is_held_back(sites: Sites) -> None:
    routes = sites.routes("one", **unknown_zone(sites))
    routes[1] = replace(routes[1], handling=Handling(maintenance=True))
    refusal(sites, sites.rig.proxy.apply(routes))
    assert sites.answers() == {"api": "api-one", "bad": 503, "web": "web-one"}


def test_a_site_that_is_held_back_keeps_its_passwords(sites: Sites) -> None:
    """Also where what broke came with others, or with none."""
    hashed = "alice:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=\n"
    routes = sites.routes("one")
    routes[1] = replace(routes[1], handling=Handling(guard=Guard(users=hashed)))
    assert not sites.rig.proxy.apply(routes).held
    refusal(sites, sites.rig.proxy.apply(sites.routes("two", **unknown_zone(sites))))
    assert sites.answers() == {"api": "api-two", "bad": 401, "web": "web-two"}
    assert [path.read_text() for path in sites.rig.state.glob("current/users/*")] == [hashed]


@pytest.mark.root
def test_nginx_starts_with_the_rest_where_something_of_a_site_has_vanished_outside(
    sites: Sites,
) -> None:
    """Its last good version fails as well then, so requests for it get 503; until it is back."""
    rig = sites.rig
    folder = made(rig.state / "gone")
    options = missing_folder(sites)
    assert not rig.proxy.apply(sites.routes("one", **options)).held
    docker("stop", "--time", "1", rig.settings.container)
    folder.rmdir()
    applied = rig.proxy.apply(sites.routes("one", **options))
    assert list(applied.held) == ["bad"]
    assert sites.answers() == {"api": "api-one", "bad": 503, "web": "web-one"}
    made(folder)
    docker("stop", "--time", "1", rig.settings.container)
    assert not rig.proxy.apply(sites.routes("one", **options)).held
    assert sites.answers() == {"api": "api-one", "bad": "bad-one", "web": "web-one"}


def test_what_nginx_tests_but_does_not_take_is_tried_apart(sites: Sites) -> None:
    """A zone whose key is another: `nginx -t` passes, and the reload is silently not one."""
    rig, site = sites.rig, (PACKAGE / "site.conf.j2").read_text()
    zone = '{% if app == "bad" %}\nlimit_req_zone $KEY zone=of_bad:1m rate=9r/s;\n{% endif %}\n'
    sites.file("site.conf.j2", zone.replace("KEY", "binary_remote_addr") + site)
    assert not rig.proxy.apply(sites.routes("one")).held
    sites.file("site.conf.j2", zone.replace("KEY", "host") + site)
    error = refusal(sites, rig.proxy.apply(sites.routes("two")))
    assert 'limit_req "of_bad" uses the "$host" key' in str(error)
    assert sites.answers() == {"api": "api-two", "bad": "bad-two", "web": "web-two"}
    sites.file("site.conf.j2", zone.replace("KEY", "binary_remote_addr") + site)
    assert not rig.proxy.apply(sites.routes("two")).held


def test_a_template_of_all_apps_that_breaks_holds_all_back_and_moves_no_address(
    sites: Sites,
) -> None:
    rig = sites.rig
    sites.file("locations.conf.j2", LOCATIONS.replace("proxy_pass", "proxy_pas_s x;\n proxy_pass"))
    assert list(rig.proxy.apply(sites.routes("two")).held) == list(APPS)
    assert sites.answers() == {"api": "api-two", "bad": "bad-two", "web": "web-two"}


def test_a_template_of_nginx_itself_that_breaks_fails_as_a_whole(sites: Sites) -> None:
    text = (PACKAGE / "nginx.conf.j2").read_text()
    sites.file("nginx.conf.j2", text.replace("events {", "no_such_directive;\nevents {"))
    with pytest.raises(ProxyError, match=r"no_such_directive.*still live") as refused:
        sites.rig.proxy.apply(sites.routes("two"))
    assert "nginx.conf.j2" in str(refused.value)
    assert sites.answers() == {"api": "api-zero", "bad": "bad-zero", "web": "web-zero"}
    assert sites.rig.proxy.stale()


@pytest.mark.root
def test_a_site_that_nginx_refused_is_tried_again_after_a_while(sites: Sites) -> None:
    rig = sites.rig
    options = missing_folder(sites)
    folders = [rig.templates, PACKAGE]
    proxy = Nginx(rig.host, rig.state, rig.settings, rig.site, folders, again=0.0)
    assert list(proxy.apply(sites.routes("one", **options)).held) == ["bad"]
    assert proxy.stale()
    made(rig.state / "gone")
    assert not proxy.apply(sites.routes("one", **options)).held
    assert not proxy.stale()


def test_several_that_are_at_fault_are_each_named(sites: Sites) -> None:
    rig = sites.rig
    sites.file("bad.conf", "limit_req zone=nobody_has_it;\n")
    sites.file("web.conf", "no_such_directive on;\n")
    routes = sites.routes("two", snippet="bad.conf")
    routes[2] = replace(routes[2], snippet="web.conf")
    held = rig.proxy.apply(routes).held
    assert "nobody_has_it" in str(held["bad"])
    assert "no_such_directive" in str(held["web"])
    assert list(held) == ["bad", "web"]
    assert sites.answers() == {"api": "api-two", "bad": "bad-two", "web": "web-two"}

"""Legal routes render to what they say."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import crossplane
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.rendering import Rendering
from deployer.proxies.sites import ReceiverSite
from deployer.proxies.templates import package_templates
from deployer.routing import Route, Target

FACTS = NginxFacts((1, 30, 6), "nginx")
RECEIVER = ReceiverSite("hooks.example", "127.0.0.1", 5000, 1024)
WEB = Route("web", ("web.example",), "/", (Target("10.0.0.1", 80), Target("10.0.0.2", 80)))
PACKAGE = package_templates()

label = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
host = st.lists(label, min_size=1, max_size=3).map(".".join)
part = st.from_regex(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,10}", fullmatch=True)
path = st.lists(part, max_size=3).map(lambda parts: "/" + "/".join(parts))
address = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
target = st.builds(Target, address, st.integers(1, 65535))
route = st.builds(
    Route,
    st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True),
    st.lists(host, min_size=1, max_size=3, unique=True).map(tuple),
    path,
    st.lists(target, min_size=1, max_size=3, unique=True).map(tuple),
)


def apart(routes: list[Route]) -> list[Route]:
    """Those routes that share neither an app nor a host and path with an earlier one."""
    taken: set[object] = set()
    kept = []
    for one in routes:
        keys = {one.app, *((name, one.path) for name in one.hosts)}
        if not keys & taken:
            taken |= keys
            kept.append(one)
    return kept


def rendering() -> Rendering:
    return Rendering(Settings(), RECEIVER, [PACKAGE])


def served(files: dict[str, str]) -> set[tuple[str, str, str]]:
    """(host, location, address) of all sites as crossplane reads the files, as Nginx would."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        read = crossplane.parse(str(Path(folder, "nginx.conf")), combine=True, check_ctx=False)
    main = read["config"][0]["parsed"]
    blocks = next(one for one in main if one["directive"] == "http")["block"]
    upstreams = {
        one["args"][0]: arguments(one, "server") for one in blocks if one["directive"] == "upstream"
    }
    return {
        (name, " ".join(location["args"]), address)
        for server in blocks
        if server["directive"] == "server"
        for said in server["block"]
        if said["directive"] == "server_name"
        for name in said["args"]
        for location in server["block"]
        if location["directive"] == "location"
        for passed in arguments(location, "proxy_pass")
        if passed.startswith("http://app_")
        for address in upstreams[passed.removeprefix("http://")]
    }


def arguments(block: dict[str, Any], name: str) -> list[str]:
    return [one["args"][0] for one in block["block"] if one["directive"] == name]


def wanted(routes: list[Route]) -> set[tuple[str, str, str]]:
    return {
        (
            name,
            match,
            f"[{to.address}]:{to.port}" if ":" in to.address else f"{to.address}:{to.port}",
        )
        for one in routes
        for name in one.hosts
        for match in (["/"] if one.path == "/" else [f"= {one.path}", f"{one.path}/"])
        for to in one.targets
    }


@settings(max_examples=50)
@given(st.lists(route, max_size=4).map(apart))
def test_legal_routes_render_to_what_they_say_and_nothing_else(routes: list[Route]) -> None:
    files = rendering().files(routes, FACTS, 7)
    assert served(files) == wanted(routes)


@settings(max_examples=50)
@given(st.lists(route, max_size=4).map(apart), st.randoms())
def test_the_order_of_the_routes_does_not_matter(routes: list[Route], random: Any) -> None:
    shuffled = list(routes)
    random.shuffle(shuffled)
    assert rendering().files(routes, FACTS, 1) == rendering().files(shuffled, FACTS, 1)


@settings(max_examples=50)
@given(st.text(max_size=30))
def test_any_text_as_a_host_is_refused_or_served_as_it_is(text: str) -> None:
    one = Route("web", (text,), "/", (Target("10.0.0.1", 80),))
    try:
        files = rendering().files([one], FACTS, 1)
    except RenderRefused:
        return
    assert served(files) == {(text, "/", "10.0.0.1:80")}


def test_only_the_main_file_holds_the_generations_number() -> None:
    one, two = (rendering().files([WEB], FACTS, number) for number in (1, 2))
    assert {name for name in one if one[name] != two[name]} == {"nginx.conf"}


@pytest.mark.parametrize(
    ("version", "minimum", "pool"),
    [((1, 22, 1), False, False), ((1, 27, 4), True, False), ((1, 29, 7), True, True)],
)
def test_directives_are_rendered_only_for_versions_that_know_them(
    version: tuple[int, int, int], minimum: bool, pool: bool
) -> None:
    files = rendering().files([WEB], NginxFacts(version, "nginx"), 1)
    assert ("keepalive_min_timeout 15s;" in files["nginx.conf"]) is minimum
    assert ("keepalive 0;" in files["upstreams/web.conf"]) is pool


def test_one_replica_is_never_taken_out_and_of_several_the_failed_one_is() -> None:
    files = rendering().files([WEB], FACTS, 1)
    assert files["upstreams/web.conf"].count("max_fails=1 fail_timeout=2s;") == 2
    alone = Route("web", ("web.example",), "/", (Target("10.0.0.1", 80),))
    assert "max_fails" not in rendering().files([alone], FACTS, 1)["upstreams/web.conf"]


def test_without_a_receiver_site_none_is_rendered() -> None:
    files = Rendering(Settings(), None, [PACKAGE]).files([WEB], FACTS, 1)
    assert "receiver.conf" not in files
    assert "receiver.conf" not in files["nginx.conf"]

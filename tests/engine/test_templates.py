"""A user's own templates: one that is wrong changes nothing, and says where it is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from deployer.proxies.templates import package_templates
from tests.engine.world import World, world
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

GOOD = (package_templates() / "locations.conf.j2").read_text()
TIMEOUT = "    proxy_read_timeout 30s;\n"
MENDED = GOOD.replace("location {{ match }} {\n", "location {{ match }} {\n" + TIMEOUT)
NOT_NGINX = MENDED.replace("30s", "soon")
NOT_JINJA = GOOD.replace("{% endfor %}", "{% endfro %}", 1)
NOT_CLOSED = (
    GOOD.rstrip().removesuffix("{% endfor %}").rstrip().removesuffix("}") + "{% endfor %}\n"
)
UNKNOWN = GOOD.replace("{{ app }}", "{{ application }}", 1)


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    with world("templates") as made:
        folder = made.path / "nginx"
        folder.mkdir()
        made.configure(nginx={"templates": "nginx"})
        made.start()
        yield made


@pytest.mark.parametrize(
    ("template", "where", "why"),
    [
        (NOT_NGINX, r"locations/{app}\.conf:\d+, rendered from {file}", "invalid value"),
        (NOT_JINJA, r"{file}:\d+", "endfro"),
        (NOT_CLOSED, r"locations/{app}\.conf:\d+, rendered from {file}", "}"),
        (UNKNOWN, r"{file}:1", "'application' is undefined"),
        ("", r"locations/{app}\.conf:1, rendered from {file}", "is missing"),
    ],
    ids=["not nginx", "not jinja", "not closed", "unknown value", "empty"],
)
def test_a_template_that_is_wrong_changes_nothing_on_disk_or_live(
    one: World, template: str, where: str, why: str
) -> None:
    """The deployment fails and names file and line; once the template is mended all goes on."""
    app, file = one.web, one.path / "nginx" / "locations.conf.j2"
    old, before, generation = app.only_container(), one.on_disk(), one.live()
    serves = app.ask()
    file.write_text(template)
    with app.load() as load:
        wait_until(lambda: load.least_sent() > 20, "the first requests")
        ended = app.deploy(f"{serves[1]}+")
        report = load.stop()
    assert ended["status"] == "failed"
    assert ended["step"] == "switch"
    expected = where.format(app=re.escape(app.name), file=re.escape(str(file)))
    assert re.search(expected, ended["reason"]), ended["reason"]
    assert why in ended["reason"]
    assert report.failed == 0, str(report)
    # What is tried for a moment, since templates are looked at again, is no change.
    wait_until(lambda: _is_as(one, before, generation), "nothing but what was there")
    assert app.containers() == [old]
    file.write_text(MENDED)
    again = app.deployer.wait_ended(app.queue())
    assert again["status"] == "succeeded", again["reason"]
    assert app.ask() == (200, f"{serves[1]}+")
    assert TIMEOUT in one.on_disk()[f"generations/{one.live()}/locations/{app.name}.conf"]


def _is_as(one: World, files: dict[str, str], generation: int) -> bool:
    try:
        return (one.on_disk(), one.live()) == (files, generation)
    except FileNotFoundError:
        return False

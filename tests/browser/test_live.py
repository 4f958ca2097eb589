"""A page that is open while things happen, on a real deployer, Docker, registry and Nginx."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from deployer.deployment import Step
from tests.browser.reader import SCREENSHOTS, Reader
from tests.engine.app import App
from tests.engine.world import World
from tests.lab.deployer import Deployer
from tests.lab.engine import ensure_engine
from tests.lab.hello import build_hello
from tests.lab.images import ensure_base_images
from tests.lab.registry import ensure_registry
from tests.lab.shell import wait_until
from tests.lab.user import folder

HEALTH = {"path": "/healthz", "interval": "200ms", "deadline": "20s"}
# In a picture for people the app has a name for people.
HELLO = {"health": HEALTH} | ({"name": "hello"} if SCREENSHOTS else {})
STEPS = ["queued", *Step]

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    ensure_engine()
    ensure_base_images()
    ensure_registry()
    with folder("browser") as path:
        made = World(path, "browser", {"hello": HELLO}, {"DEPLOYER_DEPLOY__WATCH": "5s"})
        try:
            push(made.apps["hello"], "v1")
            made.deployer.start()
            made.deployer.wait_ended(1)
            yield made
        finally:
            made.clean()


def push(app: App, version: str) -> None:
    """Build examples/hello and push it."""
    build_hello(app.repository, "latest", version, app.registry)


def base(deployer: Deployer) -> str:
    """Where the receiver is reached."""
    return f"http://127.0.0.1:{deployer.receiver_port}"


def test_a_deployment_is_seen_to_go_through_its_steps_and_end_without_a_reload(
    world: World, reader: Reader
) -> None:
    app, page = world.apps["hello"], reader.page
    reader.sign_in(base(world.deployer), world.deployer.operator)
    page.evaluate("window.neverLoadedAgain = true")
    expect(page.locator(".card .state")).to_have_text("healthy")
    push(app, "v2")
    number = app.queue()
    link = page.get_by_role("link", name=str(number), exact=True)
    expect(link).to_be_visible()
    assert page.evaluate("window.neverLoadedAgain")
    link.click()
    page.evaluate("window.neverLoadedAgain = true")
    steps: list[str] = []

    def look() -> bool:
        steps.extend(page.locator(".step.now .name").all_inner_texts())
        if steps[-1:] == ["watch"]:
            reader.keep("deployment")
        return page.title().startswith(f"✓ {app.name} #{number} succeeded")

    wait_until(look, "the end of the deployment on its page", limit=120)
    assert "watch" in steps
    assert steps == sorted(steps, key=STEPS.index)
    expect(page.locator(".step.next")).to_have_count(0)
    expect(page.locator(".step").last).to_contain_text("removed")
    assert page.evaluate("window.neverLoadedAgain")
    assert app.ask() == (200, "v2")


def test_a_page_says_that_deployer_is_away_and_goes_on_once_it_is_back(
    world: World, reader: Reader
) -> None:
    page, deployer = reader.page, world.deployer
    reader.sign_in(base(deployer), deployer.operator)
    away = page.get_by_text("deployer does not answer")
    expect(away).to_be_hidden()
    deployer.stop()
    expect(away).to_be_visible()
    deployer.start()
    # Its key was new, so the session is over, and the page leads to the sign-in by itself.
    expect(page.get_by_label("Operator's token")).to_be_visible(timeout=40_000)
    reader.complaints.clear()  # the browser tells of the requests that were not answered

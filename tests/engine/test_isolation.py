"""One app whose snippet is broken, and another that is deployed beside it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.world import World, world
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

GOOD = "add_header X-Shop yes always;\n"


def broken(one: World) -> dict[str, str]:
    """What `status` says is not well: app -> reason."""
    said: Any = one.deployer.api("status")
    return {trouble["what"]: trouble["reason"] for trouble in said["troubles"]}


def test_an_app_whose_snippet_breaks_is_held_back_while_another_is_deployed_under_load() -> None:
    """Named in status and metrics until it is mended; its own deployment fails, and it serves."""
    with world("isolation", web={}, shop={}) as one:
        web, shop = one.apps["web"], one.apps["shop"]
        (one.path / "nginx").mkdir()
        snippet = one.path / "nginx" / "shop.conf"
        snippet.write_text(GOOD)
        route = {**shop.config["route"], "snippet": "shop.conf"}
        apps = {web.name: dict(web.config), shop.name: {**shop.config, "route": route}}
        one.configure(nginx={"templates": "nginx"}, apps=apps)
        one.start()
        with web.load() as of_web, shop.load() as of_shop:
            wait_until(lambda: of_web.least_sent() > 10, "the first requests")
            snippet.write_text("no_such_directive on;\n")
            wait_until(lambda: shop.name in broken(one), "the word of the broken site")
            reason = broken(one)[shop.name]
            assert 'unknown directive "no_such_directive"' in reason
            assert f"rendered from {snippet}:1" in reason
            refused = shop.deploy("v2")
            succeeded = web.deploy("v2")
            reports = [of_web.stop(), of_shop.stop()]
        assert (refused["status"], refused["step"]) == ("failed", "switch")
        assert f"{snippet}:1" in refused["reason"]
        assert succeeded["status"] == "succeeded", succeeded["reason"]
        assert [report.failed for report in reports] == [0, 0], str(reports)
        assert (web.ask(), shop.ask()) == ((200, "v2"), (200, "v1"))
        wait_until(lambda: list(broken(one)) == [shop.name], "nothing else that is not well")
        snippet.write_text(GOOD)
        wait_until(lambda: not broken(one), "the end of the word")

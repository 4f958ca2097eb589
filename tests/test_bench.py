"""The benchmarks keep working, and a few deployments already lose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import lossless, sites
from bench.websockets import Life
from tests.lab.images import NGINX, ensure_base_images
from tests.lab.packages import ensure


def test_a_websocket_is_cut_early_unless_a_switch_of_its_time_was_a_drain_ago() -> None:
    life = Life(opened=100.0, cut=110.0)
    assert not life.is_early([104.0, 109.0], drain=3.0)
    assert life.is_early([109.0], drain=3.0)
    assert life.is_early([90.0, 120.0], drain=3.0)
    assert life.is_early([], drain=3.0)


@pytest.mark.lab
@pytest.mark.root
@pytest.mark.long
@pytest.mark.parametrize("mode", [lossless.MANAGED, lossless.HOST])
def test_a_few_deployments_keep_the_promise_for_this_nginx(mode: str) -> None:
    ensure("nginx")
    ensure_base_images([NGINX])
    outcome = lossless.measure(mode, 3)
    lossless.print_table(outcome)
    assert lossless.is_kept(outcome, mode), outcome
    assert all(row.sent > 50 for row in outcome.rows)
    assert outcome.cut > 0


@pytest.mark.lab
@pytest.mark.long
def test_one_of_many_sites_is_changed_beside_nginxs_own_work(tmp_path: Path) -> None:
    """How fast is for the bench to say: `make bench-sites`."""
    ensure_base_images([NGINX])
    outcome = sites.measure(20, 2, tmp_path)
    assert (outcome.sites, len(outcome.changes), len(outcome.own)) == (20, 2, 2)

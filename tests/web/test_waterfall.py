"""Where the bars of a deployment's steps stand."""

from __future__ import annotations

from dataclasses import replace

from deployer.deployment import Deployment, Status, Trigger
from deployer.timeline import Span
from deployer.web.waterfall import LONGEST_CLEANING, NARROWEST, bars, goes_on

ENDED = Deployment(1, "web", Trigger.WEBHOOK, 100.0, status=Status.SUCCEEDED, ended_at=110.0)
RUNNING = replace(ENDED, status=Status.RUNNING, ended_at=None)
TAKEN = [
    Span("queued", 100.0, 101.0),
    Span("resolve", 101.0, 101.001),
    Span("pull", 101.001, 110.0),
]


def test_bars_share_one_line_of_time() -> None:
    queued, resolve, pull = bars(ENDED, TAKEN, 500.0)
    assert (queued.left, queued.width) == (0, 10)
    assert (resolve.left, resolve.width) == (10, NARROWEST)
    assert (pull.left, round(pull.left + pull.width)) == (10.01, 100)
    assert pull.seconds == 110.0 - 101.001


def test_a_bar_never_ends_beyond_the_line() -> None:
    late = [Span("queued", 100.0, 110.0), Span("resolve", 110.0, 110.0)]
    assert bars(ENDED, late, 500.0)[1].left == 100 - NARROWEST


def test_what_lasts_grows_by_whole_seconds_and_the_rest_is_to_come() -> None:
    lasting = [*TAKEN[:2], Span("pull", 101.001)]
    drawn = bars(RUNNING, lasting, 105.9)
    assert [one.state for one in drawn] == ["done", "done", "now"] + ["next"] * 6
    assert drawn[2].left + drawn[2].width == 100
    assert drawn == bars(RUNNING, lasting, 105.1)
    assert drawn != bars(RUNNING, lasting, 106.1)
    assert bars(RUNNING, [*TAKEN, Span("start", 110.4)], 110.5)[3].state == "now"
    assert [one.name for one in drawn[3:]][:2] == ["start", "check"]


def test_a_queued_one_has_every_step_before_it() -> None:
    queued = replace(RUNNING, status=Status.QUEUED)
    names = [one.name for one in bars(queued, [Span("queued", 100.0)], 103.0)]
    assert names[:2] == ["queued", "resolve"]
    assert len(names) == 9
    assert bars(queued, [], 103.0) == []


def test_clean_up_goes_on_after_success_but_not_for_ever() -> None:
    cleaning = [*TAKEN, Span("drain", 110.0)]
    assert goes_on(ENDED, cleaning, 120.0)
    assert not goes_on(ENDED, TAKEN, 120.0)
    assert not goes_on(ENDED, cleaning, 110.0 + LONGEST_CLEANING)
    assert bars(ENDED, cleaning, 110.0 + LONGEST_CLEANING)[-1].state == "done"

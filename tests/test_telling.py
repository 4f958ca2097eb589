"""What a report says of a deployment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.deployment import Deployment, Status, Trigger
from deployer.ports import DESCRIPTION
from deployer.telling import TOLD, report_of

PAGES = "https://deployer.example.com/deployments/"
ONE = Deployment(
    7,
    "web",
    Trigger.WEBHOOK,
    1.0,
    release=3,
    status=Status.FAILED,
    reason="web-7-1 never answered; release 2 serves as before",
    revision="a" * 40,
)


def description(reason: str, status: Status = Status.FAILED) -> str:
    """What a report has as its description."""
    report = report_of(replace(ONE, reason=reason, status=status), PAGES)
    assert report is not None
    return report.description


def test_a_report_has_the_commit_the_reason_and_the_page() -> None:
    report = report_of(ONE, PAGES)
    assert report is not None
    assert (report.app, report.deployment, report.revision) == ("web", 7, "a" * 40)
    assert (report.status, report.description) == (Status.FAILED, ONE.reason)
    assert report.page == "https://deployer.example.com/deployments/7"


def test_without_a_host_of_the_receiver_there_is_no_page() -> None:
    report = report_of(ONE, "")
    assert report is not None
    assert report.page == ""


@pytest.mark.parametrize("status", sorted(set(Status) - TOLD))
def test_what_never_ran_or_changed_nothing_is_not_told(status: Status) -> None:
    assert report_of(replace(ONE, status=status), PAGES) is None


@pytest.mark.parametrize("status", sorted(Status))
def test_nothing_is_told_of_no_commit(status: Status) -> None:
    assert report_of(replace(ONE, status=status, revision=""), PAGES) is None


def test_a_running_one_says_which_release_is_on_its_way() -> None:
    assert description("", Status.RUNNING) == "release 3 is on its way"
    assert description("", Status.CANCELLED) == "cancelled"


@pytest.mark.parametrize("length", [1, DESCRIPTION - 1, DESCRIPTION])
def test_a_reason_that_fits_is_told_whole(length: int) -> None:
    assert description("x" * length) == "x" * length


def test_a_longer_one_is_cut_and_says_so() -> None:
    cut = description("word " * 100)
    assert len(cut) <= DESCRIPTION
    assert cut.startswith("word word")
    assert cut.endswith("word\N{HORIZONTAL ELLIPSIS}")


def test_what_no_line_or_no_server_can_hold_is_left_out() -> None:
    assert description("a\n b\t\x1b[31mc \N{ROCKET}é") == "a b ?[31mc ?é"

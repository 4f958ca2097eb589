"""The states of a deployment: what may follow what."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from deployer.deployment import (
    ALLOWED,
    ENDED,
    MAX_ATTEMPTS,
    Deployment,
    Recovery,
    Status,
    Step,
    Trigger,
    advance,
    enter,
    recover,
    restart,
)
from deployer.errors import IllegalTransition

QUEUED = Deployment(id=7, app="web", trigger=Trigger.WEBHOOK, queued_at=100.0)
RUNNING = advance(QUEUED, Status.RUNNING, 101.0)
ARROWS = {
    (Status.QUEUED, Status.RUNNING),
    (Status.QUEUED, Status.SUPERSEDED),
    (Status.QUEUED, Status.CANCELLED),
    (Status.RUNNING, Status.SUCCEEDED),
    (Status.RUNNING, Status.FAILED),
    (Status.RUNNING, Status.CANCELLED),
    (Status.RUNNING, Status.UNCHANGED),
    (Status.RUNNING, Status.REFUSED),
}


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_only_the_arrows_of_the_diagram_can_be_walked(before: Status, after: Status) -> None:
    deployment = replace(QUEUED, status=before)
    if (before, after) in ARROWS:
        assert advance(deployment, after, 5.0).status is after
    else:
        with pytest.raises(IllegalTransition, match=f"7 is {before} and cannot become {after}"):
            advance(deployment, after, 5.0)


def test_what_has_ended_never_moves_again() -> None:
    assert {after for arrows in ALLOWED.values() for after in arrows} >= ENDED
    assert not ENDED & ALLOWED.keys()


def test_starting_counts_an_attempt_and_ending_keeps_the_reason_with_its_evidence() -> None:
    assert (RUNNING.attempt, RUNNING.started_at) == (1, 101.0)
    failed = advance(RUNNING, Status.FAILED, 109.0, "web-7-1 does not stay up", "last line")
    assert (failed.ended_at, failed.reason, failed.detail) == (
        109.0,
        "web-7-1 does not stay up",
        "last line",
    )


@pytest.mark.parametrize(("at", "to"), list(product(Step, Step)))
def test_steps_of_a_running_deployment_only_go_forward(at: Step, to: Step) -> None:
    order = list(Step)
    deployment = replace(RUNNING, step=at)
    forward = order.index(to) >= order.index(at) and to not in (Step.DRAIN, Step.RETIRE)
    if forward:
        assert enter(deployment, to).step is to
    else:
        with pytest.raises(IllegalTransition):
            enter(deployment, to)


def test_clean_up_belongs_to_what_has_succeeded_and_may_be_repeated() -> None:
    done = replace(advance(RUNNING, Status.SUCCEEDED, 120.0), step=Step.RETIRE)
    assert enter(enter(done, Step.DRAIN), Step.RETIRE).step is Step.RETIRE
    with pytest.raises(IllegalTransition):
        enter(done, Step.PULL)
    with pytest.raises(IllegalTransition):
        enter(advance(RUNNING, Status.FAILED, 120.0), Step.DRAIN)


def test_recovery_goes_forward_once_the_deployment_is_what_serves() -> None:
    assert recover(RUNNING, active=7) is Recovery.FINISH


@pytest.mark.parametrize("active", [None, 6])
def test_recovery_before_the_switch_tries_again_and_then_gives_up(active: int | None) -> None:
    deployment = RUNNING
    for _ in range(MAX_ATTEMPTS - 1):
        assert recover(deployment, active) is Recovery.AGAIN
        deployment = restart(deployment)
    assert recover(deployment, active) is Recovery.GIVE_UP


def test_an_attempt_after_an_interruption_begins_at_the_first_step() -> None:
    again = restart(replace(RUNNING, step=Step.CHECK))
    assert (again.step, again.status, again.attempt) == (None, Status.RUNNING, 2)

"""A deployment's steps and times follow from its transitions."""

from __future__ import annotations

from deployer.deployment import Status, Step, Transition
from deployer.timeline import Span, spans

QUEUED, RUNNING, SUCCEEDED, FAILED = (
    Status.QUEUED,
    Status.RUNNING,
    Status.SUCCEEDED,
    Status.FAILED,
)


def history(*rows: tuple[float, Status, Step | None]) -> list[Transition]:
    return [Transition(1, at, status, step, f"at {at:g}") for at, status, step in rows]


def shape(found: list[Span]) -> list[tuple[str, float, float | None]]:
    return [(span.name, span.start, span.end) for span in found]


def test_a_step_lasts_until_the_next_one_and_waiting_is_one_too() -> None:
    found = spans(
        history(
            (0, QUEUED, None),
            (1, RUNNING, None),
            (1, RUNNING, Step.RESOLVE),
            (3, RUNNING, Step.PULL),
            (7, SUCCEEDED, Step.PULL),
        )
    )
    assert shape(found) == [("queued", 0, 1), ("resolve", 1, 3), ("pull", 3, 7)]


def test_the_last_step_of_a_running_deployment_has_no_end() -> None:
    found = spans(history((0, RUNNING, None), (1, RUNNING, Step.CHECK)))
    assert shape(found) == [("check", 1, None)]


def test_a_failure_marks_the_step_that_it_happened_in_and_no_other() -> None:
    found = spans(
        history((0, RUNNING, Step.START), (1, RUNNING, Step.CHECK), (5, FAILED, Step.CHECK))
    )
    assert [(span.name, span.failed) for span in found] == [("start", False), ("check", True)]


def test_clean_up_after_success_is_shown_with_its_times() -> None:
    found = spans(
        history(
            (0, RUNNING, Step.WATCH),
            (10, SUCCEEDED, Step.WATCH),
            (11, SUCCEEDED, Step.DRAIN),
            (13, SUCCEEDED, Step.RETIRE),
            (14, SUCCEEDED, Step.RETIRE),
        )
    )
    assert shape(found) == [("watch", 0, 10), ("drain", 11, 13), ("retire", 13, 14)]
    # What was removed, and how it ended, is known when it is done.
    assert [span.message for span in found] == ["at 0", "at 11", "at 14"]


def test_a_step_that_is_repeated_after_an_interruption_stands_there_twice() -> None:
    found = spans(
        history(
            (0, RUNNING, Step.PULL),
            (2, RUNNING, None),
            (2, RUNNING, Step.PULL),
            (4, RUNNING, Step.START),
        )
    )
    assert shape(found) == [("pull", 0, 2), ("pull", 2, 4), ("start", 4, None)]


def test_a_deployment_that_ended_in_the_queue_only_waited() -> None:
    found = spans(history((0, QUEUED, None), (4, Status.SUPERSEDED, None)))
    assert shape(found) == [("queued", 0, 4)]

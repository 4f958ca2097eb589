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


def said(*rows: tuple[float, Status, Step | None, str]) -> list[Transition]:
    return [Transition(1, at, status, step, message) for at, status, step, message in rows]


def test_a_command_of_the_apps_own_is_a_step_of_its_own() -> None:
    """What it said last stands there, and the steps around it keep their own words."""
    found = spans(
        said(
            (0, RUNNING, Step.PULL, "image"),
            (2, RUNNING, Step.START, "pre_deploy: migrate"),
            (5, RUNNING, Step.START, "pre_deploy ended well in 3.0 s: done"),
            (5, RUNNING, Step.START, "release 2"),
            (6, RUNNING, Step.CHECK, ""),
            (8, SUCCEEDED, Step.CHECK, "release 2 serves"),
            (9, SUCCEEDED, Step.RETIRE, ""),
            (10, SUCCEEDED, Step.RETIRE, "removed web-1-1"),
            (10, SUCCEEDED, Step.RETIRE, "post_deploy: warm"),
            (12, SUCCEEDED, Step.RETIRE, "post_deploy failed: exit code 1"),
        )
    )
    assert [(one.name, one.start, one.end, one.message, one.failed) for one in found] == [
        ("pull", 0, 2, "image", False),
        ("pre_deploy", 2, 5, "pre_deploy ended well in 3.0 s: done", False),
        ("start", 5, 6, "release 2", False),
        ("check", 6, 8, "", False),
        ("retire", 9, 10, "removed web-1-1", False),
        ("post_deploy", 10, 12, "post_deploy failed: exit code 1", True),
    ]


def test_what_is_run_after_a_failure_is_not_what_failed() -> None:
    found = spans(
        said(
            (0, RUNNING, Step.START, "pre_deploy: migrate"),
            (3, FAILED, Step.START, "pre_deploy failed: exit code 1; nothing serves"),
            (3, FAILED, Step.START, "on_failure: alarm"),
            (4, FAILED, Step.START, "on_failure ended well in 1.0 s, it wrote nothing"),
        )
    )
    assert [(one.name, one.end, one.failed) for one in found] == [
        ("pre_deploy", 3, True),
        ("on_failure", 4, False),
    ]


def test_a_command_that_was_not_run_takes_no_time() -> None:
    found = spans(
        said(
            (0, RUNNING, Step.PULL, ""),
            (1, FAILED, Step.PULL, "no such image"),
            (2, FAILED, Step.PULL, "on_failure was not run: no image of web is here"),
        )
    )
    assert shape(found) == [("pull", 0, 1), ("on_failure", 2, 2)]


def test_a_command_that_goes_on_has_no_end() -> None:
    found = spans(said((0, RUNNING, Step.PULL, ""), (2, RUNNING, Step.START, "pre_deploy: x")))
    assert shape(found) == [("pull", 0, 2), ("pre_deploy", 2, None)]

"""A deployment's steps with their times, computed from its transitions; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.deployment import Status, Step, Transition

WAITING = "queued"
_CLEANING = (Step.DRAIN, Step.RETIRE)


@dataclass(frozen=True, slots=True)
class Span:
    """One step: when it began, when it ended (None while it lasts), and what was said of it.

    `failed` marks the step in which the deployment came to its end without success.
    """

    name: str
    start: float
    end: float | None = None
    message: str = ""
    failed: bool = False


def spans(transitions: Sequence[Transition]) -> list[Span]:
    """The steps in the order they were taken; a repeated one stands there again."""
    found: list[Span] = []
    for transition in transitions:
        name = _opens(transition)
        last = found[-1] if found else None
        if last and last.end is None:
            if name == last.name and transition.status is Status.RUNNING:
                continue
            failed = transition.status in (Status.FAILED, Status.CANCELLED, Status.REFUSED)
            found[-1] = replace(last, end=transition.at, failed=failed)
            if name == last.name:
                # Said once it is done: what was removed, and how it ended.
                found[-1] = replace(found[-1], message=transition.message or last.message)
                continue
        if name:
            found.append(Span(name, transition.at, message=transition.message))
    return found


def _opens(transition: Transition) -> str:
    """The step that a transition begins; "" where it only ends one."""
    if transition.status is Status.QUEUED:
        return WAITING
    cleaning = transition.status is Status.SUCCEEDED and transition.step in _CLEANING
    if transition.step and (transition.status is Status.RUNNING or cleaning):
        return transition.step
    return ""

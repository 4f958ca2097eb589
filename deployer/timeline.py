"""A deployment's steps with their times, computed from its transitions; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.deployment import Status, Step, Transition
from deployer.model import Moment

WAITING = "queued"
_CLEANING = (Step.DRAIN, Step.RETIRE)
_HOOKS = frozenset(Moment)


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
    """The steps in the order they were taken; a repeated one stands there again.

    A command of the app's own (`deploy.pre_deploy` and so on) is a step of its own here.
    """
    found: list[Span] = []
    for transition in transitions:
        name, hook = _opens(transition), _hook(transition)
        last = found[-1] if found else None
        if last and last.end is None:
            if name == last.name and transition.status is Status.RUNNING and not hook:
                continue
            found[-1] = replace(last, end=transition.at, failed=_failed(transition, last.name))
            if name == last.name:
                # Said once it is done: what was removed, and how it ended.
                found[-1] = replace(found[-1], message=transition.message or last.message)
                continue
        if name:
            lasts = not hook or transition.message.startswith(f"{hook}: ")
            end = None if lasts else transition.at
            found.append(Span(name, transition.at, end, transition.message))
    return found


def _opens(transition: Transition) -> str:
    """The step that a transition begins; "" where it only ends one."""
    if hook := _hook(transition):
        return hook
    if transition.status is Status.QUEUED:
        return WAITING
    cleaning = transition.status is Status.SUCCEEDED and transition.step in _CLEANING
    if transition.step and (transition.status is Status.RUNNING or cleaning):
        return transition.step
    return ""


def _hook(transition: Transition) -> str:
    """The command of the app's own that a transition is about, "" where it is another one."""
    first = transition.message.partition(" ")[0].removesuffix(":")
    return first if first in _HOOKS else ""


def _failed(transition: Transition, ended: str) -> bool:
    """Whether the step that it ends did not go well."""
    if _hook(transition) == ended:
        return not transition.message.startswith(f"{ended} ended well")
    return transition.status in (Status.FAILED, Status.CANCELLED, Status.REFUSED)

"""A deployment's steps as bars on one line of time; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.deployment import ENDED, Deployment, Step
from deployer.timeline import Span

LONGEST_CLEANING = 3600.0
"""Seconds after which clean-up counts as done: a worker killed in it leaves no end of it."""

NARROWEST = 0.6
"""The least width of a bar, in percent: a step of a millisecond is seen too."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One step: where its bar begins and how wide it is, in percent of the whole time.

    `state` is done, failed, now or next; one that is next has no times yet. `seconds` is how long
    it took, or has taken so far.
    """

    name: str
    state: str
    left: float = 0.0
    width: float = 0.0
    seconds: float | None = None
    message: str = ""


def bars(deployment: Deployment, spans: Sequence[Span], now: float) -> list[Bar]:
    """The steps taken, and those still to come while the deployment goes on; `now` in seconds.

    Whole seconds are enough for the one that lasts: a page that nothing else changes need not be
    sent more often.
    """
    if not spans:
        return []
    start, more = spans[0].start, goes_on(deployment, spans, now)
    lasting = max(float(int(now)), spans[-1].start) if more else spans[-1].start
    last = max([lasting if one.end is None else one.end for one in spans])
    whole = max(last - start, 0.001)
    drawn = [_bar(one, start, whole, lasting, more) for one in spans]
    return drawn + [Bar(name, "next") for name in _to_come(spans) if more]


def goes_on(deployment: Deployment, spans: Sequence[Span], now: float) -> bool:
    """Whether more is to come: it has not ended, or its old replicas are still being retired."""
    if deployment.status not in ENDED:
        return True
    lasts = bool(spans) and spans[-1].end is None
    return lasts and now - (deployment.ended_at or now) < LONGEST_CLEANING


def _bar(span: Span, start: float, whole: float, lasting: float, more: bool) -> Bar:
    end = lasting if span.end is None else span.end
    width = max((end - span.start) / whole * 100, NARROWEST)
    left = min((span.start - start) / whole * 100, 100 - width)
    state = "now" if span.end is None and more else "failed" if span.failed else "done"
    return Bar(
        span.name, state, round(left, 2), round(width, 2), max(end - span.start, 0), span.message
    )


def _to_come(spans: Sequence[Span]) -> list[str]:
    steps = [step.value for step in Step]
    reached = [one.name for one in spans if one.name in steps]
    return steps[steps.index(reached[-1]) + 1 :] if reached else steps

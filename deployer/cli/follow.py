"""Waiting for the worker: until an order is taken, until a deployment has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from deployer.cli.output import knows_unicode, mark
from deployer.deployment import ENDED, Deployment, Status
from deployer.errors import StoreUnusable
from deployer.ports import Order, Store
from deployer.timeline import Span, spans
from deployer.words import one_line, took

POLL = 0.1


def until_taken(store: Store, order: int, timeout: float | None) -> Order:
    """The order once the worker has answered it, or as it is after `timeout` seconds."""
    limit = None if timeout is None else time.monotonic() + timeout
    while True:
        found = store.order(order)
        if found is None:
            raise StoreUnusable(
                f"order {order} is no longer in the store: was it restored or replaced? "
                "See `deployer status`, then give the order again"
            )
        if found.result or (limit is not None and time.monotonic() >= limit):
            return found
        time.sleep(POLL)


def until_ended(store: Store, deployment: int, out: Console) -> Deployment:
    """The deployment at its end; prints each step when it is done, on a terminal also live."""
    printed = 0
    with _live_line(out) as line:
        while True:
            now = _existing(store, deployment)
            steps = spans(store.transitions(deployment))
            done = [step for step in steps if step.end is not None]
            for step in done[printed:]:
                out.print(_step_line(step), no_wrap=True, overflow="ellipsis")
            printed = len(done)
            if now.status in ENDED:
                return now
            if line is not None:
                line.update(text=_progress(now, steps))
            time.sleep(POLL)


def _existing(store: Store, deployment: int) -> Deployment:
    found = store.deployment(deployment)
    if found is None:
        raise StoreUnusable(
            f"deployment {deployment} is no longer in the store: was it restored or replaced? "
            "See `deployer status`"
        )
    return found


@contextmanager
def _live_line(out: Console) -> Iterator[Spinner | None]:
    if not out.is_terminal or out.quiet:
        yield None
        return
    line = Spinner("dots" if knows_unicode() else "line", style="cyan")
    with Live(line, console=out, transient=True, redirect_stdout=False, redirect_stderr=False):
        yield line


def _progress(deployment: Deployment, steps: list[Span]) -> Text:
    what = Text(f"{one_line(deployment.app)} ")
    if not steps or steps[-1].end is not None:
        return what.append(str(deployment.status), style="cyan")
    what.append(steps[-1].name, style="cyan")
    what.append(f"  {took(time.time() - steps[-1].start)}", style="quiet")
    return what


def _step_line(step: Span) -> Text:
    line = mark(Status.FAILED if step.failed else Status.SUCCEEDED)
    line.append(f" {step.name:<11}{took((step.end or step.start) - step.start):>9}")
    return line.append(f"  {one_line(step.message)}".rstrip(), style="quiet")

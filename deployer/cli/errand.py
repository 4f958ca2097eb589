"""An order on its way: given, taken by the worker, perhaps followed to the end; told as it goes."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from deployer import views
from deployer.cli import follow
from deployer.cli.lazy import FAILED
from deployer.cli.output import console, print_json, sections, status_word
from deployer.deployment import Deployment, Status
from deployer.ports import Order, Store
from deployer.words import one_line, took

PATIENCE = 2.0
"""Seconds in which a running worker has surely taken an order."""

GOOD = frozenset({Status.SUCCEEDED, Status.UNCHANGED})


@dataclass(frozen=True, slots=True)
class Errand:
    """One order on its way: given, taken by the worker, perhaps followed; `out` is told."""

    store: Store
    out: Console
    wait: bool
    as_json: bool

    def run(self, wanted: Order) -> int:
        """The exit code; what came of the order has been printed."""
        number = self.store.give(wanted)
        self.out.print(f"order {number}: {_words(wanted)}")
        try:
            order, deployment = self._follow(number)
        except KeyboardInterrupt:
            return self._left(number)
        if self.as_json:
            print_json(views.order(order, deployment))
        good = {Status.CANCELLED} if wanted.kind == "cancel" else GOOD
        if order.result == "refused" or (
            self.wait and not (deployment and deployment.status in good)
        ):
            return FAILED
        return 0

    def _follow(self, number: int) -> tuple[Order, Deployment | None]:
        order = follow.until_taken(self.store, number, PATIENCE)
        if not order.result:
            self._not_taken()
            if not self.wait:
                return order, None
            order = follow.until_taken(self.store, number, None)
        if order.result == "refused":
            self.out.print(status_word(Status.REFUSED).append(f": {one_line(order.reason)}"))
            return order, None
        if order.deployment is None:
            self.out.print(Text(f"done: {_words(order)}"))
            if order.kind == "unquarantine":
                self.out.print(Text(f"try it: deployer deploy {order.app}", style="quiet"))
            return order, None
        self.out.print(f"deployment {order.deployment} of {one_line(order.app)}")
        if not self.wait:
            self.out.print(Text(f"follow it: deployer show {order.deployment}", style="quiet"))
            return order, self.store.deployment(order.deployment)
        ended = follow.until_ended(self.store, order.deployment, self.out)
        self._tell_end(ended)
        return order, ended

    def _not_taken(self) -> None:
        tail = (
            "waiting for one (Ctrl-C stops the waiting)"
            if self.wait
            else "the next one that runs will"
        )
        self.out.print(Text(f"no worker has taken it yet; {tail}", style="warning"))

    def _tell_end(self, ended: Deployment) -> None:
        line = status_word(ended.status)
        if ended.started_at and ended.ended_at:
            line.append(f" after {took(ended.ended_at - ended.started_at)}")
        self.out.print(line.append(f": {one_line(ended.reason)}" if ended.reason else ""))
        if ended.detail:
            self.out.print(sections(ended.detail))

    def _left(self, number: int) -> int:
        order = self.store.order(number)
        where = (
            f"deployer show {order.deployment}" if order and order.deployment else "deployer status"
        )
        text = f"no longer waiting; the order stands and the worker goes on with it. See: {where}"
        console(stderr=True).print(Text(text, style="warning"))
        return FAILED


def _words(order: Order) -> str:
    if order.kind == "rollback":
        return f"roll {order.app} back to release {order.release}"
    if order.kind == "cancel":
        return f"cancel deployment {order.deployment} of {one_line(order.app)}"
    if order.kind == "unquarantine":
        return f"free {order.digest[:19]} of {order.app} from quarantine"
    if order.kind in ("pause", "resume"):
        return f"{order.kind} {order.app}"
    if order.kind.startswith("maintenance-"):
        verb = "begin" if order.kind.endswith("on") else "end"
        return f"{verb} the maintenance of {order.app}"
    return f"deploy {order.app}" + (
        f" from {order.tag or order.digest}" if order.tag or order.digest else ""
    )

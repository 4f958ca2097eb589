"""Orders over HTTP: `POST /api/v1/apps/<app>/deploy` and others, `GET /api/v1/orders/<id>`.

They are the orders that the commands give. What they ask for is checked by the worker, which
alone knows all of the configuration; here only what could not be meant is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from deployer import earlier, views
from deployer.errors import BadPayload, Refused
from deployer.model import DIGEST, TAG
from deployer.ports import Order, Store
from deployer.web.answers import document, problem
from deployer.web.asking import AT_THE_API, MAX_ID
from deployer.web.bodies import read_object
from deployer.web.outcome import ended
from deployer.web.waiting import Waited, Waiting, asked_wait

LARGEST_ORDER = 4096
"""The most that an order may send, in bytes."""


class Orders:
    """The views of orders. `now` gives seconds since 1970."""

    def __init__(
        self, apps: Collection[str], store: Store, waiting: Waiting, now: Callable[[], float]
    ) -> None:
        self.apps = apps
        self.store = store
        self.waiting = waiting
        self.now = now

    def add_to(self, api: Blueprint) -> None:
        """Add the routes."""
        for kind in _KINDS:
            api.add_url_rule(
                f"/apps/<app>/{kind}", kind, partial(self.give, kind=kind), methods=["POST"]
            )
        api.add_url_rule(f"/orders/<int(max={MAX_ID}):number>", view_func=self.order)

    def give(self, app: str, kind: str) -> Response:
        """Write an order down; with `wait`, answer once it is carried out or time is up."""
        if app not in self.apps:
            return problem(404, f"no app of the configuration has the name {app}")
        asked, wait = read_object(LARGEST_ORDER), asked_wait(request.args)
        wanted = _KINDS[kind](asked, Order(0, kind, app, AT_THE_API, self.now()))
        try:
            if kind == "rollback":
                wanted = replace(wanted, release=self._release(app, wanted.release))
        except Refused as error:
            return problem(409, str(error))
        given = replace(wanted, id=self.store.give(wanted))
        if wait is None:
            answer = document(views.order(given, None), 202)
        else:
            answer = _outcome(given, self.waiting.until_done(given.id, wait))
        answer.headers["Location"] = f"/api/v1/orders/{given.id}"
        return answer

    def order(self, number: int) -> Response:
        """One order and what came of it; with `wait`, once it is carried out or time is up."""
        wait, found = asked_wait(request.args), self.store.order(number)
        if found is None:
            return problem(404, f"there is no order {number}")
        waited = self.waiting.until_done(number, wait or 0)
        answer = document(_told(found, waited))
        if wait is not None and waited.retry_after:
            answer.headers["Retry-After"] = str(waited.retry_after)
        return answer

    def _release(self, app: str, asked: int | None) -> int:
        if asked is None:
            return earlier.previous(self.store, app)
        return earlier.kept(self.store, app, asked)


def _outcome(given: Order, waited: Waited) -> Response:
    """The answer to who waits: 200 done, 202 not yet, 409 overtaken, 422 refused or failed."""
    told, order = _told(given, waited), waited.order or given
    if waited.retry_after:
        answer = document(told, 202)
        answer.headers["Retry-After"] = str(waited.retry_after)
        return answer
    if order.result == "refused":
        return problem(422, order.reason, more=told)
    return ended(told, waited.deployments)


def _told(given: Order, waited: Waited) -> views.View:
    return views.order(waited.order or given, next(iter(waited.deployments), None))


def _deploy(asked: Mapping[str, Any], order: Order) -> Order:
    _only(asked, ("tag", "digest"))
    tag, digest = asked.get("tag", ""), asked.get("digest", "")
    if "tag" in asked and "digest" in asked:
        raise BadPayload("tag and digest name two images: give one of them")
    if "tag" in asked and not (isinstance(tag, str) and TAG.fullmatch(tag)):
        raise BadPayload("tag is no tag of an image")
    if "digest" in asked and not (isinstance(digest, str) and DIGEST.fullmatch(digest)):
        raise BadPayload("digest is none: give sha256: and 64 digits (0-9, a-f)")
    return replace(order, tag=tag, digest=digest)


def _rollback(asked: Mapping[str, Any], order: Order) -> Order:
    _only(asked, ("release",))
    if "release" not in asked:
        return order
    release = asked["release"]
    # JSON knows one kind of number: 1.0 is as whole as 1.
    if isinstance(release, float) and release.is_integer():
        release = int(release)
    if type(release) is not int or not 1 <= release <= MAX_ID:
        raise BadPayload("release is not the number of one, from 1 on")
    return replace(order, release=release)


def _plain(asked: Mapping[str, Any], order: Order) -> Order:
    _only(asked, ())
    return order


def _only(asked: Mapping[str, Any], known: Collection[str]) -> None:
    for key in asked:
        if key not in known:
            may = f"known are {', '.join(known)}" if known else "this order has none"
            raise BadPayload(f"the key {key[:40]!a} is not known: {may}")


_KINDS: dict[str, Callable[[Mapping[str, Any], Order], Order]] = {
    "deploy": _deploy,
    "rollback": _rollback,
    "pause": _plain,
    "resume": _plain,
}
"""The orders that can be given here, and what reads their bodies; raises BadPayload."""

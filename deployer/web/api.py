"""`/api/v1`: what programs read and order, behind an operator's token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, Response, request

from deployer import views
from deployer.config.values import ReceiverPart
from deployer.errors import BadCredential, BadPayload
from deployer.ports import Store
from deployer.web.answers import document, problem
from deployer.web.asking import MAX_ID, asked_before, asked_limit
from deployer.web.deliveries import Deliveries
from deployer.web.orders import Orders
from deployer.web.replaying import Replaying
from deployer.web.waiting import Waited, Waiting, asked_wait

CheckBearer = Callable[[str, Sequence[str]], None]
"""Raises BadCredential unless the header (first) has a token with one of the hashes (second)."""


class Api:
    """The views of the API. `now` gives seconds since 1970."""

    def __init__(
        self,
        part: ReceiverPart,
        store: Store,
        check_bearer: CheckBearer,
        waiting: Waiting,
        replaying: Replaying,
        now: Callable[[], float],
    ) -> None:
        self.part = part
        self.waiting = waiting
        self.store = store
        self.check_bearer = check_bearer
        self.now = now
        self.parts = (Deliveries(store, replaying), Orders(part.apps, store, waiting, now))

    def blueprint(self) -> Blueprint:
        """The routes of the API."""
        api = Blueprint("api", __name__, url_prefix="/api/v1")
        api.before_request(self.authorize)
        api.before_request(_unambiguous)
        api.add_url_rule("/apps", view_func=self.apps)
        api.add_url_rule("/apps/<name>", view_func=self.app)
        api.add_url_rule("/status", view_func=self.status)
        api.add_url_rule("/deployments", view_func=self.deployments)
        api.add_url_rule(f"/deployments/<int(max={MAX_ID}):number>", view_func=self.deployment)
        for part in self.parts:
            part.add_to(api)
        api.register_error_handler(BadPayload, lambda error: problem(400, str(error)))
        return api

    def authorize(self) -> Response | None:
        """Let an operator pass: `Authorization: Bearer <token>` (RFC 6750), else 401."""
        try:
            self.check_bearer(request.headers.get("Authorization", ""), self.part.operators)
        except BadCredential:
            challenge = {"WWW-Authenticate": "Bearer"}
            return problem(401, "the operator's token is missing or wrong", challenge)
        return None

    def apps(self) -> Response:
        """All apps, with what they serve."""
        configured = {name: (app.image, app.tags) for name, app in self.part.apps.items()}
        return document(views.apps(configured, self.store, self.now()))

    def app(self, name: str) -> Response:
        """One app, with what it serves and what holds it back."""
        found = self.part.apps.get(name)
        if found is None:
            return problem(404, f"no app of the configuration has the name {name}")
        return document(views.app(name, found.image, found.tags, self.store, self.now()))

    def status(self) -> Response:
        """Whether all is well, and what is not; 200 also where it is degraded."""
        return document(views.status(self.part.apps, self.store, self.now()))

    def deployments(self) -> Response:
        """The newest deployments, of `app` or of all, before `before`, at most `limit`."""
        found = self.store.deployments(
            request.args.get("app"), asked_limit(request.args), asked_before(request.args)
        )
        return document({"deployments": [views.deployment(one) for one in found]})

    def deployment(self, number: int) -> Response:
        """One deployment with its transitions; with `wait`, once it has ended or time is up."""
        seconds = asked_wait(request.args)
        if self.store.deployment(number) is None:
            return problem(404, f"there is no deployment {number}")
        waited = Waited(()) if seconds is None else self.waiting.until_ended([number], seconds)
        found = self.store.deployment(number)
        if found is None:
            return problem(404, f"there is no deployment {number}")
        answer = document(views.deployment(found, self.store.transitions(number)))
        if waited.retry_after:
            answer.headers["Retry-After"] = str(waited.retry_after)
        return answer


def _unambiguous() -> None:
    """Raises BadPayload for a query that says one thing twice."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise BadPayload(f"the query has {name[:40]!a} more than once")

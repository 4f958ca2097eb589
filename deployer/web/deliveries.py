"""`/api/v1/deliveries`: what the hooks received, and letting one of them count once more."""

from __future__ import annotations

from flask import Blueprint, Response, request

from deployer import views
from deployer.deployment import by_delivery
from deployer.errors import Refused
from deployer.ports import Store
from deployer.web.answers import document, problem
from deployer.web.asking import AT_THE_API, MAX_ID, asked_before, asked_limit
from deployer.web.replaying import Replaying


class Deliveries:
    """The views of deliveries."""

    def __init__(self, store: Store, replaying: Replaying) -> None:
        self.store = store
        self.replaying = replaying

    def add_to(self, api: Blueprint) -> None:
        """Add the routes."""
        one = f"/deliveries/<int(max={MAX_ID}):number>"
        api.add_url_rule("/deliveries", view_func=self.deliveries)
        api.add_url_rule(one, view_func=self.delivery)
        api.add_url_rule(f"{one}/replay", view_func=self.replay, methods=["POST"])

    def deliveries(self) -> Response:
        """The newest deliveries, those before `before`, at most `limit`; without bodies."""
        found = self.store.deliveries(asked_limit(request.args), asked_before(request.args))
        queued = by_delivery(self.store.queued_by([one.id for one in found]))
        return document(
            {"deliveries": [views.delivery(one, queued.get(one.id, ())) for one in found]}
        )

    def delivery(self, number: int) -> Response:
        """One delivery with its body."""
        found = self.store.delivery(number)
        if found is None:
            return _missing(number)
        queued = self.store.queued_by([number])
        return document({**views.delivery(found, queued), **views.body(found.body)})

    def replay(self, number: int) -> Response:
        """Let it count once more; the answer is that to a delivery, with which one it replays."""
        found = self.store.delivery(number)
        if found is None:
            return _missing(number)
        try:
            again, recorded = self.replaying.replay(found, AT_THE_API)
        except Refused as error:
            return problem(409, str(error))
        answer = {
            "delivery": again.id,
            "replay_of": number,
            "result": again.verdict,
            "reason": again.reason,
            "deployments": [{"id": one, "app": app} for one, app in recorded.deployments],
        }
        return document(answer, 202)


def _missing(number: int) -> Response:
    return problem(404, f"there is no delivery {number}")

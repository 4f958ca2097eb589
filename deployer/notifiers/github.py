"""GitHub: a status of the commit, and a deployment in an environment.

https://docs.github.com/en/rest/commits/statuses and /rest/deployments
"""

from __future__ import annotations

import json
from typing import Any

from deployer.config.values import Destination
from deployer.deployment import Status
from deployer.errors import ReportRefused
from deployer.notifiers.client import Client
from deployer.ports import Report

_PUBLIC = "https://github.com"
_COMMIT = {
    Status.RUNNING: "pending",
    Status.SUCCEEDED: "success",
    Status.FAILED: "failure",
    Status.CANCELLED: "error",
    Status.REFUSED: "error",
}
# It knows no cancelled deployment; an inactive one is one that is not there.
_DEPLOYMENT = {
    Status.RUNNING: "in_progress",
    Status.SUCCEEDED: "success",
    Status.FAILED: "failure",
    Status.CANCELLED: "inactive",
    Status.REFUSED: "error",
}


class GitHub:
    """A repository of github.com, or of a GitHub Enterprise Server.

    `instance` tells this deployer's deployments from those of others.
    """

    def __init__(self, instance: str) -> None:
        self._instance = instance

    def base(self, url: str) -> str:
        """Where its API begins."""
        return "https://api.github.com" if url == _PUBLIC else f"{url}/api/v3"

    def header(self, token: str) -> tuple[str, str]:
        """The header that shows the token."""
        return "Authorization", f"Bearer {token}"

    def look(self, client: Client, to: Destination) -> None:
        """Ask for the repository."""
        client.get(f"/repos/{to.repository}")

    def tell(self, client: Client, to: Destination, report: Report) -> None:
        """Tell of both, also where the token is good for one of them only."""
        refused: list[ReportRefused] = []
        for tell in (self._commit, self._deployment):
            try:
                tell(client, to, report)
            except ReportRefused as error:
                refused.append(error)
        if refused:
            raise refused[0]

    def _commit(self, client: Client, to: Destination, report: Report) -> None:
        body = {
            "state": _COMMIT[report.status],
            "context": f"deployer/{report.app}",
            "description": report.description,
        }
        if report.page:
            body["target_url"] = report.page
        client.post(f"/repos/{to.repository}/statuses/{report.revision}", body)

    def _deployment(self, client: Client, to: Destination, report: Report) -> None:
        number = self._known(client, to, report) or self._made(client, to, report)
        body: dict[str, Any] = {
            "state": _DEPLOYMENT[report.status],
            "description": report.description,
            # What served before in this environment does so no more, once this does.
            "auto_inactive": report.status is Status.SUCCEEDED,
        }
        if report.page:
            body["log_url"] = report.page
        client.post(f"/repos/{to.repository}/deployments/{number}/statuses", body)

    def _known(self, client: Client, to: Destination, report: Report) -> int | None:
        """The id that an earlier report of this deployment has made, also a lost worker's."""
        query = {"sha": report.revision, "environment": to.environment, "per_page": "100"}
        listed = client.get(f"/repos/{to.repository}/deployments", query)
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and _content(one.get("payload")) == self._payload(report):
                return _number(one, to)
        return None

    def _made(self, client: Client, to: Destination, report: Report) -> int:
        body = {
            "ref": report.revision,
            "environment": to.environment,
            "description": f"deployment {report.deployment} of {report.app} by deployer",
            "payload": self._payload(report),
            # It is told of what happens anyway: nothing is to be merged or waited for.
            "auto_merge": False,
            "required_contexts": [],
        }
        return _number(client.post(f"/repos/{to.repository}/deployments", body), to)

    def _payload(self, report: Report) -> dict[str, Any]:
        return {"deployer": self._instance, "app": report.app, "deployment": report.deployment}


def _content(payload: Any) -> Any:
    """What was given as `payload`, which older servers give back as text."""
    try:
        return json.loads(payload) if isinstance(payload, str) else payload
    except ValueError:
        return None


def _number(found: Any, to: Destination) -> int:
    number = found.get("id") if isinstance(found, dict) else None
    if type(number) is not int:
        raise ReportRefused(
            f"cannot report to github {to.repository}: it named no id of its deployment. "
            "Look at `url`"
        )
    return number

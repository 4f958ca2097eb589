"""Gitea and Forgejo: a status of the commit. https://docs.gitea.com/api/ (repoCreateStatus)"""

from __future__ import annotations

from deployer.config.values import Destination
from deployer.deployment import Status
from deployer.notifiers.client import Client
from deployer.ports import Report

_STATES = {
    Status.RUNNING: "pending",
    Status.SUCCEEDED: "success",
    Status.FAILED: "failure",
    Status.CANCELLED: "error",
    Status.REFUSED: "error",
}


class Gitea:
    """A repository of a Gitea or a Forgejo."""

    def base(self, url: str) -> str:
        """Where its API begins."""
        return f"{url}/api/v1"

    def header(self, token: str) -> tuple[str, str]:
        """The header that shows the token."""
        return "Authorization", f"token {token}"

    def look(self, client: Client, to: Destination) -> None:
        """Ask for the repository."""
        client.get(f"/repos/{to.repository}")

    def tell(self, client: Client, to: Destination, report: Report) -> None:
        """Tell of the commit's status."""
        body = {
            "state": _STATES[report.status],
            "context": f"deployer/{report.app}",
            "description": report.description,
        }
        if report.page:
            body["target_url"] = report.page
        client.post(f"/repos/{to.repository}/statuses/{report.revision}", body)

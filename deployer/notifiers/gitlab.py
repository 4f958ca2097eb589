"""GitLab: a status of the commit. https://docs.gitlab.com/api/commits/#set-commit-pipeline-status"""

from __future__ import annotations

from urllib.parse import quote

from deployer.config.values import Destination
from deployer.deployment import Status
from deployer.errors import ReportRefused
from deployer.notifiers.client import Client
from deployer.ports import Report

_STATES = {
    Status.RUNNING: "running",
    Status.SUCCEEDED: "success",
    Status.FAILED: "failed",
    Status.CANCELLED: "canceled",
    Status.REFUSED: "failed",
}
# "Cannot transition status via :run from :running": it shows that already.
_ALREADY = "from :running"


class GitLab:
    """A project of gitlab.com, or of a GitLab of one's own."""

    def base(self, url: str) -> str:
        """Where its API begins."""
        return f"{url}/api/v4"

    def header(self, token: str) -> tuple[str, str]:
        """The header that shows the token."""
        return "PRIVATE-TOKEN", token

    def look(self, client: Client, to: Destination) -> None:
        """Ask for the project."""
        client.get(_project(to))

    def tell(self, client: Client, to: Destination, report: Report) -> None:
        """Tell of the commit's status."""
        body = {
            "state": _STATES[report.status],
            "name": f"deployer/{report.app}",
            "description": report.description,
        }
        if report.page:
            body["target_url"] = report.page
        try:
            client.post(f"{_project(to)}/statuses/{report.revision}", body)
        except ReportRefused as error:
            if report.status is not Status.RUNNING or _ALREADY not in error.detail:
                raise


def _project(to: Destination) -> str:
    return f"/projects/{quote(to.repository, safe='')}"

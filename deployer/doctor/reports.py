"""Looks whether the deployments of an app could be reported where its code lives."""

from __future__ import annotations

from deployer.config.values import Destination
from deployer.doctor.report import Report
from deployer.errors import DeployerError
from deployer.ports import Notifier


def look(app: str, to: Destination, notifier: Notifier, report: Report) -> None:
    """Findings about server, token and repository; nobody is told of anything."""
    subject = f"report {app}"
    if to.url.lower().startswith("http://"):
        report.note(
            subject,
            f"the token goes to {to.url} unencrypted: who is on the way can read it",
            "Write an https:// address as `url`, if that server has one",
        )
    try:
        notifier.look(app, to)
    except DeployerError as error:
        report.error(subject, error)
    else:
        report.facts[subject] = f"{to.kind} {to.repository} is there"

"""What is said of a deployment where its code lives; pure."""

from __future__ import annotations

from deployer.deployment import Deployment, Status
from deployer.ports import DESCRIPTION, Report

TOLD = frozenset(
    {Status.RUNNING, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.REFUSED}
)
"""Who is superseded never ran, and where nothing was to change the commit shows that already."""


def report_of(one: Deployment, pages: str) -> Report | None:
    """The report of a deployment as it stands; None where there is nothing to say, or to whom.

    `pages` is what the address of a deployment's page begins with, "" where it has none.
    """
    if one.status not in TOLD or not one.revision:
        return None
    page = f"{pages}{one.id}" if pages else ""
    running = f"release {one.release} is on its way" if one.release else "it is on its way"
    said = running if one.status is Status.RUNNING else one.reason or one.status.value
    return Report(one.app, one.id, one.revision, one.status, _shortened(said), page)


def _shortened(text: str) -> str:
    """In one line, of what every server takes: GitHub refuses what MySQL's utf8 cannot hold."""
    plain = " ".join(text.split())
    plain = "".join(one if one.isprintable() and ord(one) <= 0xFFFF else "?" for one in plain)
    cut = plain[: DESCRIPTION - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return plain if len(plain) <= DESCRIPTION else cut

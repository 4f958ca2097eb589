"""Looks whether the files of `outputs:` can be made and put, and who is told of them is there."""

from __future__ import annotations

from deployer.config.values import Output
from deployer.doctor.needs import exists
from deployer.doctor.report import Report
from deployer.engines.docker.client import Clients
from deployer.errors import DeployerError
from deployer.proxies.outputs import render
from deployer.proxies.placing import look_at_folder


def look(output: Output, clients: Clients, report: Report) -> None:
    """Findings about one output; nothing is written, and nobody is told."""
    subject = f"output {output.name}"
    try:
        # Without an app: what a template does with one shows when there is one.
        render(output.template, ())
        look_at_folder(output.file)
    except DeployerError as error:
        report.error(subject, error)
    if output.container and not exists(clients, "container", output.container):
        report.problem(
            subject,
            f"the container {output.container}, which is told of changes, does not exist",
            "Start it, or correct `container`",
        )

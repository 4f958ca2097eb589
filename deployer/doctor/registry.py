"""Asks each app's registry for the tag that the app starts from."""

from __future__ import annotations

from dataclasses import replace

from deployer.doctor.report import Report
from deployer.errors import DeployerError
from deployer.model import App
from deployer.ports import Registry


def look(app: App, registry: Registry, report: Report) -> None:
    """A finding in the registry's words: down, denied, not found, or for another platform."""
    if app.pull_policy == "never":
        return
    subject = f"registry {app.name}"
    try:
        found = registry.resolve(replace(app.image, tag=app.tags[0]), app.spec.platform)
    except DeployerError as error:
        report.error(subject, error)
    else:
        report.facts[subject] = f"{found} is {found.digest[:19]}"

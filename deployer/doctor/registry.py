"""Asks each app's registry for the tag that the app starts from, and for those of its patterns."""

from __future__ import annotations

from dataclasses import replace

from deployer import tags
from deployer.choosing import newest
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
        report.facts[subject] = _seen(app, registry)
    except DeployerError as error:
        report.error(subject, error)


def _seen(app: App, registry: Registry) -> str:
    """What the registry says. Raises DeployerError."""
    lead = tags.lead(app.tags)
    if not lead:
        known = registry.tags(app.image)
        fitting = sum(tags.allows(app.tags, tag) for tag in known)
        return f"{fitting} of the {len(known)} tags of {app.image} match {', '.join(app.tags)}"
    tag = lead if tags.is_exact(lead) else newest(app, registry)
    found = registry.resolve(replace(app.image, tag=tag), app.spec.platform)
    return f"{found} is {found.digest[:19]}"

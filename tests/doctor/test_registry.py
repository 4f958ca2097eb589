"""What the doctor asks a registry about an app: for the tag, or for the tags, that it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.doctor.registry import look
from deployer.doctor.report import Report
from tests.fakes.registry import FakeRegistry
from tests.world import app


@pytest.mark.parametrize(
    ("tags", "fact"),
    [
        (("latest",), "docker.io/acme/web:latest is sha256:"),
        (("glob:v*", "semver:^1.4"), "docker.io/acme/web:1.10.0 is sha256:"),
        (
            ("glob:1.4.*", "regex:l.*"),
            "3 of the 4 tags of docker.io/acme/web match glob:1.4.*, reg",
        ),
    ],
)
def test_what_the_registry_says_is_a_fact(tags: tuple[str, ...], fact: str) -> None:
    registry, report = FakeRegistry(), Report()
    for tag in ("latest", "1.4.0", "1.4.1", "1.10.0"):
        registry.push(replace(app().image, tag=tag))
    look(app(tags=tags), registry, report)
    assert report.facts["registry web"].startswith(fact)
    assert report.findings == []


@pytest.mark.parametrize("tags", [("latest",), ("semver:^1.4",), ("glob:v*",)])
def test_an_image_that_is_not_there_is_a_finding(tags: tuple[str, ...]) -> None:
    report = Report()
    look(app(tags=tags), FakeRegistry(), report)
    assert len(report.findings) == 1
